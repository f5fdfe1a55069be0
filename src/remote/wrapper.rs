//! How a script travels to a shell on the host, and its output back.
//!
//! **Invariant:** the remote command line holds nothing of the script. The body goes on standard input, as a
//! here-document that is read whole before any of it runs: a link that breaks on the way runs nothing.
use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use zeroize::Zeroizing;

use super::TransportError;
use crate::command::{Output, Script};

/// How long after its limit a script that ignores SIGTERM gets SIGKILL.
pub(super) const KILL_AFTER: Duration = Duration::from_secs(10);

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The command that the login shell of the host is given. Made of plain words, for any shell.
pub(super) fn remote_command(limit: Duration, sudo: bool) -> String {
    let sudo = if sudo { "sudo -n -H " } else { "" };
    let seconds = whole_seconds(limit);
    format!(
        "{sudo}env LC_ALL=C PATH={PATH} timeout -k {} {seconds} sh -s",
        KILL_AFTER.as_secs()
    )
}

/// The limit as the host counts it: rounded up, at least 1 (0 would mean none).
pub(super) fn whole_seconds(limit: Duration) -> u64 {
    (limit.as_secs() + u64::from(limit.subsec_nanos() > 0)).max(1)
}

/// One script as it is sent, and the mark that tells its end.
pub(super) struct Envelope {
    nonce: String,
    /// For the shell's standard input.
    pub(super) stdin: Zeroizing<String>,
}

impl Envelope {
    pub(super) fn new(script: &Script) -> Self {
        // Guessing it gains nothing: only the script itself writes there.
        let random = RandomState::new();
        let nonce = format!("ha-{:016x}{:016x}", random.hash_one(0), random.hash_one(1));
        let body = &script.body;
        // The inner subshell makes the shell parse the body as a whole; the outer one survives its syntax
        // errors.
        let stdin = Zeroizing::new(format!(
            "ha_script=$(cat <<'{nonce}'\n{body}\n{nonce}\n)\n\
             ( eval \"(\n$ha_script\n)\" ) </dev/null\n\
             printf '\\n{nonce} %s\\n' \"$?\"\n"
        ));
        Self { nonce, stdin }
    }

    /// The script's own standard output and its exit status, once all of it has arrived.
    pub(super) fn open<'a>(&self, stdout: &'a [u8]) -> Option<(&'a [u8], i32)> {
        let rest = stdout.strip_suffix(b"\n")?;
        let begin = rest.iter().rposition(|byte| *byte == b'\n')?;
        let (output, line) = rest.split_at_checked(begin)?;
        let line = std::str::from_utf8(line.get(1..)?).ok()?;
        let status = line.strip_prefix(&self.nonce)?.strip_prefix(' ')?;
        Some((output, status.parse().ok()?))
    }
}

/// What the script gave back, secrets replaced.
pub(super) fn output(script: &Script, status: i32, stdout: &[u8], stderr: &[u8]) -> Output {
    let stdout = String::from_utf8_lossy(stdout);
    Output {
        status,
        stdout: if script.redact {
            script.without_secrets(&stdout)
        } else {
            stdout.into_owned()
        },
        stderr: script.without_secrets(&String::from_utf8_lossy(stderr)),
    }
}

/// How the remote command ended although the mark never came.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    /// With this exit status.
    Status(i32),
    /// By a signal, with the connection still there.
    Killed,
    /// The connection is gone.
    Unknown,
}

/// Why the mark never came.
pub(super) fn explain(
    script: &Script,
    user: &str,
    sudo: bool,
    ending: Ending,
    elapsed: Duration,
    stderr: &[u8],
) -> TransportError {
    let title = script.title;
    let stderr = script.without_secrets(&String::from_utf8_lossy(stderr));
    let says = |texts: &[&str]| texts.iter().any(|text| stderr.contains(text));
    if sudo && says(SUDO_PASSWORD) {
        return TransportError::SudoPassword {
            user: user.to_owned(),
        };
    }
    match ending {
        Ending::Unknown => TransportError::Disconnected { title },
        Ending::Status(127) if sudo && stderr.contains("sudo") && says(NOT_FOUND) => {
            TransportError::SudoNotInstalled
        }
        Ending::Status(124 | 137) | Ending::Killed if elapsed >= script.limit => TransportError::TimedOut {
            title,
            seconds: whole_seconds(script.limit),
        },
        Ending::Status(status) => {
            TransportError::Other(incomplete(title, &format!("status {status}"), &stderr))
        }
        Ending::Killed => TransportError::Other(incomplete(title, "killed by a signal", &stderr)),
    }
}

/// Words of sudo 1.8 to 1.9 and of sudo-rs.
const SUDO_PASSWORD: &[&str] = &[
    "a password is required",
    "a terminal is required",
    "no tty present",
    "interactive authentication is required",
];

const NOT_FOUND: &[&str] = &["not found", "No such file", "Unknown command"];

fn incomplete(title: &str, how: &str, stderr: &str) -> String {
    format!(
        "the shell of {title} did not reach the end ({how}): {}",
        stderr.trim()
    )
    .trim_end_matches(": ")
    .to_owned()
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write as _,
        process::{Command, Stdio},
        time::Instant,
    };

    use proptest::prelude::*;

    use super::*;
    use crate::command::Secret;

    /// Runs a script as a host would, without ssh.
    fn run_here(script: &Script) -> Result<Output, TransportError> {
        let envelope = Envelope::new(script);
        let begin = Instant::now();
        let mut child = Command::new("sh")
            .args(["-c", &remote_command(script.limit, false)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let text = envelope.stdin.clone();
        let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
        let seen = child.wait_with_output().unwrap();
        writer.join().unwrap().ok();
        if let Some((stdout, status)) = envelope.open(&seen.stdout) {
            return Ok(output(script, status, stdout, &seen.stderr));
        }
        let ending = seen.status.code().map_or(Ending::Killed, Ending::Status);
        Err(explain(
            script,
            "root",
            false,
            ending,
            begin.elapsed(),
            &seen.stderr,
        ))
    }

    fn sh(body: &str) -> Output {
        run_here(&Script::new("test", body)).unwrap()
    }

    #[test]
    fn every_exit_status_arrives() {
        for status in [0, 1, 2, 124, 126, 127, 137, 255] {
            assert_eq!(sh(&format!("echo out\nexit {status}\n")).status, status);
        }
        assert_eq!(sh("no-such-program").status, 127);
        assert_eq!(sh("set -e\nfalse\necho no").stdout, "");
        assert_eq!(sh("kill -9 $(sh -c 'echo $PPID')").status, 137);
    }

    #[test]
    fn output_arrives_byte_for_byte() {
        let output = sh("printf 'no newline'; printf ' err\\n\\n' >&2");
        assert_eq!(
            (output.stdout.as_str(), output.stderr.as_str()),
            ("no newline", " err\n\n")
        );
        assert_eq!(sh("echo; echo a; echo").stdout, "\na\n\n");
        assert_eq!(sh("").stdout, "");
    }

    #[test]
    fn the_body_is_ordinary_shell() {
        let body = "cat <<X\n$((1 + 1)) it's ) \"quoted\"\nX\ncat <<'Y' # comment (\n$x `\nY\nread a || echo \"no input\" # last";
        assert_eq!(sh(body).stdout, "2 it's ) \"quoted\"\n$x `\nno input\n");
    }

    #[test]
    fn a_syntax_error_runs_nothing_and_says_so() {
        for body in [
            "echo before\nfi\necho after",
            "echo before; (",
            "echo before; echo 'x",
        ] {
            let output = sh(body);
            assert_eq!((output.status, output.stdout.as_str()), (2, ""), "{body}");
            assert!(!output.stderr.is_empty(), "{body}");
        }
    }

    #[test]
    fn half_a_script_does_not_run() {
        let envelope = Envelope::new(&Script::new("test", "touch \"$MARK\"\n".repeat(100)));
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("mark");
        let (half, _) = envelope.stdin.split_at(envelope.stdin.len() / 2);
        let mut child = Command::new("sh")
            .arg("-s")
            .env("MARK", &mark)
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(half.as_bytes()).unwrap();
        assert!(!child.wait().unwrap().success());
        assert!(!mark.exists());
    }

    #[test]
    fn two_mebibytes_go_both_ways() {
        let text = "0123456789abcde\n".repeat(2 * 1024 * 1024 / 16);
        let output = sh(&format!("cat <<'X'\n{text}X\n"));
        assert_eq!(output.stdout.len(), text.len());
        assert!(output.stdout == text);
    }

    #[test]
    fn the_host_ends_a_script_after_its_limit() {
        let script = Script::new("sleep", "sleep 60").limit(Duration::from_secs(1));
        let expected = TransportError::TimedOut {
            title: "sleep",
            seconds: 1,
        };
        assert_eq!(run_here(&script), Err(expected));
    }

    #[test]
    fn a_killed_shell_is_an_error_with_its_last_words() {
        let script = Script::new("x", "echo why >&2; kill -9 $$");
        let error = run_here(&script).unwrap_err().to_string();
        assert!(
            error.contains("did not reach the end") && error.contains("why"),
            "{error}"
        );
    }

    #[test]
    fn secrets_stay_out_of_the_output_unless_the_caller_needs_them() {
        let script = Script::new("x", "echo hunter2; echo hunter2 >&2").secret(&Secret::new("hunter2"));
        let output = run_here(&script).unwrap();
        assert_eq!(
            (output.stdout.as_str(), output.stderr.as_str()),
            ("(secret)\n", "(secret)\n")
        );
        let output = run_here(&script.keep_secrets()).unwrap();
        assert_eq!(
            (output.stdout.as_str(), output.stderr.as_str()),
            ("hunter2\n", "(secret)\n")
        );
    }

    #[test]
    fn the_remote_command_is_plain_words() {
        insta::assert_snapshot!(remote_command(Duration::from_millis(1500), true));
    }

    #[test]
    fn sudo_s_words_are_understood() {
        let script = Script::new("x", "");
        let explain = |status, text: &str| {
            explain(
                &script,
                "ops",
                true,
                Ending::Status(status),
                Duration::ZERO,
                text.as_bytes(),
            )
        };
        for text in [
            "sudo: a password is required\n",
            "sudo: a terminal is required to read the password; either use the -S option to read from standard input or configure an askpass helper\nsudo: a password is required\n",
            "sudo-rs: interactive authentication is required\n",
        ] {
            assert_eq!(
                explain(1, text),
                TransportError::SudoPassword { user: "ops".into() }
            );
        }
        for text in [
            "bash: line 1: sudo: command not found\n",
            "sh: 1: sudo: not found\n",
        ] {
            assert_eq!(explain(127, text), TransportError::SudoNotInstalled);
        }
        let other = explain(127, "env: 'timeout': No such file or directory\n");
        assert!(matches!(other, TransportError::Other(_)), "{other:?}");
    }

    proptest! {
        #[test]
        fn the_mark_is_found_behind_any_output(bytes in prop::collection::vec(any::<u8>(), 0..80), status in 0..256) {
            let envelope = Envelope::new(&Script::new("x", ""));
            let mut stdout = bytes.clone();
            prop_assert_eq!(envelope.open(&stdout), None);
            stdout.extend(format!("\n{} {status}\n", envelope.nonce).as_bytes());
            prop_assert_eq!(envelope.open(&stdout), Some((bytes.as_slice(), status)));
            stdout.pop();
            prop_assert_eq!(envelope.open(&stdout), None);
        }
    }
}
