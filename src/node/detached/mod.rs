//! Long commands that outlive the link: started as a transient unit of systemd, asked about by name.
//!
//! A unit's end has two parts: the main process ends, then systemd sees that the control group is empty. In between the
//! unit is `deactivating`, and its name is taken. On cgroup v1 that may take up to the stop timeout: systemd learns only
//! of the exits that it watches. So what runs beside the command ends before its result is written, the stop timeout is
//! short, and whoever needs the name again ends the old unit first.
//!
//! Why kubeadm runs like this: decision 4. Why the name must be freed: decision 38.
use std::{fmt::Write as _, time::Duration};

use super::DIRECTORY;
use crate::command::{Look, Script, quote};

/// What has become of a detached command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It runs.
    Running,
    /// It ended.
    Ended {
        /// Its exit status; 124 when its limit passed.
        status: i32,
        /// The end of what it printed, both streams, at most 16 KiB.
        output: String,
    },
    /// Nothing is known of it: never started, forgotten, or the host went down under it.
    Unknown,
}

/// An output that is not [`poll_script`]'s or [`start_script`]'s.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("not the state of a detached command: {line}")]
pub struct ProgressError {
    /// The first line.
    pub line: String,
}

/// Starts a shell command under a name (letters, digits, `-`, `_`, `.`) unless it runs or has ended already.
///
/// Prints the state as [`Progress::parse`] reads it: a second start changes nothing and says what is there.
/// After `limit` the command is ended with status 124. Its text and output lie in a directory of mode 0700
/// until [`forget_script`], so it must hold no secret that may not lie there.
pub fn start_script(name: &str, command: &str, limit: Duration) -> Script {
    start_in(DIRECTORY, name, command, limit)
}

/// Prints the state, after waiting on the host for the end, at most `wait`.
pub fn poll_script(name: &str, wait: Duration) -> Look {
    poll_in(DIRECTORY, name, wait)
}

/// Removes what a command left behind, and waits until its name is free. It fails while the command runs; what was never
/// started is fine.
pub fn forget_script(name: &str) -> Script {
    forget_in(DIRECTORY, name)
}

/// The same for several commands: all are tried, also where one fails.
pub fn forget_all_script(names: &[&str]) -> Script {
    forget_all_in(DIRECTORY, names)
}

/// Prints the state of the command of this name at once, for a [`super::Query`].
pub fn state_command(name: &str) -> String {
    format!("{}state", prelude(DIRECTORY, name))
}

/// Ends what may be left of the unit of this name, whose result somebody else removes.
pub fn free_command(name: &str) -> String {
    format!("{}{}free || exit 1", prelude(DIRECTORY, name), ends())
}

/// Ends with 0 if the command of this name runs.
pub fn running_command(name: &str) -> String {
    format!("systemctl is-active --quiet {}", quote(&unit_of(name)))
}

fn unit_of(name: &str) -> String {
    format!("ha-{name}.service")
}

impl Progress {
    /// Reads the standard output of [`start_script`] and [`poll_script`].
    pub fn parse(stdout: &str) -> Result<Self, ProgressError> {
        let (line, output) = stdout.split_once('\n').unwrap_or((stdout, ""));
        let status = || line.strip_prefix("ended ")?.parse().ok();
        match line {
            "running" => Ok(Self::Running),
            "unknown" => Ok(Self::Unknown),
            _ => match status() {
                Some(status) => Ok(Self::Ended {
                    status,
                    output: output.to_owned(),
                }),
                None => Err(ProgressError {
                    line: line.to_owned(),
                }),
            },
        }
    }
}

/// systemd's own stop timeout, which units have that were started without [`STOP_SECONDS`], is 90 s.
pub const FREE_SECONDS: u64 = 120;
/// How long a unit that is ending waits between its signals.
const STOP_SECONDS: u64 = 5;

// The clock of the machine may be set meanwhile, and on a slow host turns take longer than their pauses: time is told by
// proc_uptime(5), in whole seconds. The status is looked for again after the unit was seen to be gone: it may have ended in between.
fn prelude(base: &str, name: &str) -> String {
    let directory = quote(&format!("{base}/operations/{name}"));
    let unit = quote(&unit_of(name));
    format!(
        "d={directory} u={unit}\n\
         now() {{ read -r uptime rest </proc/uptime; echo ${{uptime%.*}}; }}\n\
         ended() {{ [ -f \"$d/status\" ]; }}\n\
         running() {{ systemctl is-active --quiet \"$u\"; }}\n\
         state() {{\n\
         \x20 if ended || {{ ! running && ended; }}; then echo \"ended $(cat \"$d/status\")\"; tail -c 16384 \"$d/output\"\n\
         \x20 elif running; then echo running\n\
         \x20 else echo unknown\n\
         \x20 fi\n\
         }}\n"
    )
}

/// Shell functions that see to it that the unit's name can be used again. `ending`: nothing of a unit that is ending is
/// of use any more, a result least of all. `free`: the same of one whose command has ended.
fn ends() -> String {
    format!(
        "ending() {{\n\
         \x20 end=$(($(now) + {FREE_SECONDS}))\n\
         \x20 while [ \"$(systemctl is-active \"$u\" 2>/dev/null)\" = deactivating ]; do\n\
         \x20   [ $(now) -lt $end ] || {{ echo \"$u does not end\" >&2; return 1; }}\n\
         \x20   systemctl kill --signal=KILL \"$u\" 2>/dev/null\n\
         \x20   sleep 0.1\n\
         \x20 done\n\
         \x20 systemctl reset-failed \"$u\" 2>/dev/null\n\
         \x20 :\n\
         }}\n\
         free() {{\n\
         \x20 end=$(($(now) + {STOP_SECONDS}))\n\
         \x20 while running && [ $(now) -lt $end ]; do sleep 0.1; done\n\
         \x20 ! running || systemctl kill --signal=KILL \"$u\" 2>/dev/null\n\
         \x20 ending\n\
         }}\n"
    )
}

fn start_in(base: &str, name: &str, command: &str, limit: Duration) -> Script {
    let prelude = prelude(base, name) + &ends();
    // `timeout` leads a process group of its own; what is left of it when the command has ended is of no use.
    let body = format!(
        "{prelude}if ended || running; then state; exit 0; fi\n\
         ending || exit 1\n\
         umask 077\n\
         mkdir -p \"$d\" && chmod 700 \"$d\" && rm -f \"$d/output\" || exit 1\n\
         printf '%s\\n' {command} >\"$d/command\" || exit 1\n\
         cat >\"$d/run\" <<'end of run' || exit 1\n\
         cd \"${{0%/*}}\" || exit 1\n\
         timeout -k 10 \"$1\" sh ./command >output 2>&1 </dev/null &\n\
         wait $!\n\
         echo $? >status.new\n\
         left=50\n\
         while [ $left -gt 0 ] && kill -s KILL -- -$! 2>/dev/null; do left=$((left - 1)); sleep 0.1; done\n\
         mv status.new status\n\
         end of run\n\
         launch() {{\n\
         \x20 systemd-run --quiet --collect --unit=\"$u\" --property=TimeoutStopSec={STOP_SECONDS} --setenv=LC_ALL=C \
         --setenv=HOME=/root --setenv=PATH=\"$PATH\" sh \"$d/run\" {seconds} >&2\n\
         }}\n\
         launch || running || ended || {{ ending && launch; }} || running || ended || exit 1\n\
         state\n",
        command = quote(command),
        seconds = limit.as_secs().max(1),
    );
    // It may have to wait for the end of a unit twice.
    Script::new("start detached command", body).limit(Duration::from_secs(2 * FREE_SECONDS + 60))
}

/// Turns end the wait on a fast host to the tenth of a second, the clock on one where a turn takes longer than its pause.
fn poll_in(base: &str, name: &str, wait: Duration) -> Look {
    let prelude = prelude(base, name);
    let body = format!(
        "{prelude}left={steps} end=$(($(now) + {seconds}))\n\
         while [ $left -gt 0 ] && [ $(now) -lt $end ] && ! ended; do\n\
         \x20 [ $((left % 10)) != $(({steps} % 10)) ] || running || break\n\
         \x20 sleep 0.1\n\
         \x20 left=$((left - 1))\n\
         done\n\
         state\n",
        steps = wait.as_millis() / 100,
        // The second that has begun is not a whole one.
        seconds = wait.as_millis().div_ceil(1000) + 1,
    );
    Look::new("poll detached command", body).limit(wait + Duration::from_secs(60))
}

fn forget_in(base: &str, name: &str) -> Script {
    let mut body = prelude(base, name) + &ends();
    body +=
        "if ! ended && running; then echo \"$u still runs\" >&2; exit 1; fi\nfree || exit 1\nrm -rf \"$d\"\n";
    Script::new("forget detached command", body).limit(Duration::from_secs(FREE_SECONDS + 60))
}

fn forget_all_in(base: &str, names: &[&str]) -> Script {
    let scripts = names.iter().map(|name| forget_in(base, name));
    let (mut body, mut limit) = ("failed=\n".to_owned(), Duration::ZERO);
    for script in scripts {
        let _ = writeln!(body, "(\n{}) || failed=1", script.body);
        limit += script.limit;
    }
    body += "[ -z \"$failed\" ]\n";
    Script::new("forget detached commands", body).limit(limit)
}

#[cfg(test)]
mod tests;
