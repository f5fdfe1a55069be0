//! The provider's process as Terraform starts it: time to the handshake line, and memory at rest.
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use acceptance::lab::progress;
use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::samples::Samples;

const STARTS: usize = 30;
/// What the server still sets up after its line is done by then.
const SETTLE: Duration = Duration::from_millis(100);
/// Says that Terraform is at the other end; the same for every provider, and no secret.
const COOKIE: (&str, &str) = (
    "TF_PLUGIN_MAGIC_COOKIE",
    "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
);
/// Like the certificate that Terraform makes for each start (P-521, an authority); nobody has its key.
const CLIENT_CERTIFICATE: &str = include_str!("client.pem");

/// Of all starts.
pub(crate) struct Process {
    /// Seconds from the start to the line.
    pub(crate) handshake: Samples,
    /// Resident bytes at rest.
    pub(crate) resident: Samples,
}

/// Starts the program again and again.
pub(crate) fn measure(program: &Path) -> Result<Process> {
    let (handshakes, resident) = progress::step(&format!("starting the provider {STARTS} times"), || {
        let mut measured = (Vec::new(), Vec::new());
        for _ in 0..STARTS {
            let (handshake, resident) = start(program)?;
            measured.0.push(handshake);
            measured.1.push(resident);
        }
        Ok(measured)
    })?;
    Ok(Process {
        handshake: Samples::new(handshakes)?,
        resident: Samples::new(resident)?,
    })
}

fn start(program: &Path) -> Result<(f64, f64)> {
    let mut command = Command::new(program);
    command
        .env(COOKIE.0, COOKIE.1)
        .env("PLUGIN_PROTOCOL_VERSIONS", "5")
        .env("PLUGIN_CLIENT_CERT", CLIENT_CERTIFICATE);
    for logs in ["TF_LOG", "TF_LOG_PROVIDER", "TF_LOG_PROVIDER_HA"] {
        command.env_remove(logs);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let start = Instant::now();
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let measured = watch(&mut child, start);
    // SIGTERM, so that it removes its socket.
    let _ = kill_process(Pid::from_child(&child), Signal::TERM);
    child.wait().context("cannot wait for the provider")?;
    measured
}

fn watch(child: &mut Child, start: Instant) -> Result<(f64, f64)> {
    let stdout = child.stdout.take().context("the provider has no stdout")?;
    let mut line = String::new();
    BufReader::new(stdout)
        .read_line(&mut line)
        .context("cannot read the handshake line")?;
    let handshake = start.elapsed().as_secs_f64();
    ensure!(
        is_handshake(&line),
        "no handshake line from the provider: {:?}",
        line.trim_end()
    );
    #[expect(
        clippy::disallowed_methods,
        reason = "rest is the absence of events: there is no condition to wait for"
    )]
    thread::sleep(SETTLE);
    let status = format!("/proc/{}/status", child.id());
    let status = fs::read_to_string(&status).with_context(|| format!("cannot read {status}"))?;
    let resident = parse_resident(&status).context("no VmRSS in the provider's status")?;
    Ok((handshake, resident))
}

/// `CORE|PROTOCOL|NETWORK|ADDRESS|grpc|CERTIFICATE`: only with a certificate does the line mean that TLS is ready.
fn is_handshake(line: &str) -> bool {
    let fields: Vec<&str> = line.trim_end().split('|').collect();
    matches!(fields.as_slice(), ["1", "5", "unix", address, "grpc", certificate] if !address.is_empty() && !certificate.is_empty())
}

/// Bytes of `VmRSS` in `/proc/PID/status`, where it is in KiB.
fn parse_resident(status: &str) -> Option<f64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u32 = value.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    Some(f64::from(kibibytes) * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_handshake_line() {
        assert!(is_handshake("1|5|unix|/tmp/x/plugin|grpc|MIIB\n"));
        for other in [
            "",
            "1|5|unix|/tmp/x/plugin|grpc",
            "1|5|unix|/tmp/x/plugin|grpc|",
            "1|6|unix|/x|grpc|MIIB",
        ] {
            assert!(!is_handshake(other), "{other}");
        }
    }

    #[test]
    fn finds_resident_memory() {
        let status = "Name:\tx\nVmHWM:\t   20 kB\nVmRSS:\t    12 kB\n";
        assert_eq!(
            parse_resident(status).map(f64::to_bits),
            Some(12288.0_f64.to_bits())
        );
        assert_eq!(parse_resident("Name:\tx\n"), None);
    }
}
