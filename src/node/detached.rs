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
use crate::command::{Script, quote};

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
pub fn poll_script(name: &str, wait: Duration) -> Script {
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

fn poll_in(base: &str, name: &str, wait: Duration) -> Script {
    let prelude = prelude(base, name);
    let body = format!(
        "{prelude}left={steps}\n\
         while [ $left -gt 0 ] && ! ended; do\n\
         \x20 [ $((left % 10)) != $(({steps} % 10)) ] || running || break\n\
         \x20 sleep 0.1\n\
         \x20 left=$((left - 1))\n\
         done\n\
         state\n",
        steps = wait.as_millis() / 100,
    );
    // A step is longer than 0.1 s by the time that systemctl takes.
    Script::new("poll detached command", body).limit(wait * 3 + Duration::from_secs(30))
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
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

    use super::*;

    /// A directory with a `systemd-run` and a `systemctl` that stand in for systemd: the unit's file has its process id,
    /// or the word `deactivating` or `failed`. As in systemd, no unit starts whose name is taken. What is killed while
    /// it is deactivating ends, unless the file `deaf` says that systemd does not hear of it for so many looks.
    struct Host(tempfile::TempDir);

    impl Host {
        fn new() -> Self {
            let host = Self(tempfile::tempdir().unwrap());
            host.program(
                "systemd-run",
                "while [ \"${1#--}\" != \"$1\" ]; do case $1 in --unit=*) unit=${1#--unit=} ;; esac; shift; done\n\
                 if [ \"$(systemctl is-active \"$unit\")\" != inactive ]; then\n\
                 echo \"Failed to start transient service unit: Unit $unit was already loaded\" >&2; exit 1; fi\n\
                 echo started >>\"$HOST/starts\"\n\
                 \"$@\" >/dev/null 2>&1 & echo $! >\"$HOST/$unit\"",
            );
            host.program(
                "systemctl",
                "verb=$1; shift; quiet=; while [ \"${1#--}\" != \"$1\" ]; do [ $1 != --quiet ] || quiet=1; shift; done\n\
                 f=$HOST/$1 state=inactive\n\
                 if [ -f \"$f\" ]; then state=$(cat \"$f\"); fi\n\
                 case $state in inactive|deactivating|failed) ;; *) kill -0 \"$state\" 2>/dev/null && state=active || state=inactive ;; esac\n\
                 case $verb in\n\
                 is-active) [ -n \"$quiet\" ] || echo $state; [ $state = active ] ;;\n\
                 kill) echo \"$state\" >>\"$HOST/kills\"\n\
                 \x20 case $state in deactivating) n=$(cat \"$HOST/deaf\" 2>/dev/null || echo 0)\n\
                 \x20   if [ $n -gt 0 ]; then echo $((n - 1)) >\"$HOST/deaf\"; exit 1; fi; rm \"$f\" ;; esac ;;\n\
                 reset-failed) [ $state != failed ] || rm \"$f\" ;;\n\
                 esac",
            );
            host
        }

        fn base(&self) -> String {
            self.0.path().to_str().unwrap().to_owned()
        }

        fn program(&self, name: &str, body: &str) {
            let path = self.0.path().join(name);
            fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }

        fn run(&self, script: &Script) -> (bool, String) {
            let path = format!("{}:/usr/bin:/bin", self.base());
            let mut shell = Command::new("sh");
            shell
                .args(["-c", &script.body])
                .env("PATH", path)
                .env("HOST", self.base());
            let output = shell.output().unwrap();
            (output.status.success(), String::from_utf8(output.stdout).unwrap())
        }

        fn start(&self, command: &str) -> Progress {
            Progress::parse(
                &self
                    .run(&start_in(&self.base(), "init", command, Duration::from_secs(20)))
                    .1,
            )
            .unwrap()
        }

        fn poll(&self) -> Progress {
            Progress::parse(
                &self
                    .run(&poll_in(&self.base(), "init", Duration::from_secs(10)))
                    .1,
            )
            .unwrap()
        }

        fn forget(&self) -> bool {
            self.run(&forget_in(&self.base(), "init")).0
        }
    }

    fn ended(status: i32, output: &str) -> Progress {
        Progress::Ended {
            status,
            output: output.to_owned(),
        }
    }

    #[test]
    fn a_command_runs_once_and_its_end_is_kept_until_forgotten() {
        let host = Host::new();
        assert_eq!(host.poll(), Progress::Unknown);
        host.start("echo it\\'s; echo two >&2; exit 3");
        assert_eq!(host.poll(), ended(3, "it's\ntwo\n"));
        assert_eq!(host.start("echo again"), ended(3, "it's\ntwo\n"));
        assert!(host.forget());
        assert_eq!(host.poll(), Progress::Unknown);
        host.start("echo again");
        assert_eq!(host.poll(), ended(0, "again\n"));
    }

    #[test]
    fn a_running_command_is_neither_started_again_nor_forgotten() {
        let host = Host::new();
        let gate = host.base() + "/gate";
        assert!(Command::new("mkfifo").arg(&gate).status().unwrap().success());
        assert_eq!(host.start(&format!("cat {gate}")), Progress::Running);
        assert_eq!(host.start("echo other"), Progress::Running);
        assert!(!host.forget());
        fs::write(&gate, "done\n").unwrap();
        assert_eq!(host.poll(), ended(0, "done\n"));
    }

    #[test]
    fn a_command_that_died_with_its_host_can_be_started_again() {
        let host = Host::new();
        let directory = host.0.path().join("operations/init");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("output"), "half of it").unwrap();
        assert_eq!(host.poll(), Progress::Unknown);
        host.start("echo whole");
        assert_eq!(host.poll(), ended(0, "whole\n"));
        let mode = fs::metadata(&directory).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn what_runs_beside_the_command_ends_with_it() {
        let host = Host::new();
        let helper = host.base() + "/helper";
        host.start(&format!(
            "sh -c 'echo $$ >{helper}; exec sleep 600' & while ! [ -s {helper} ]; do sleep 0.1; done; exit 4"
        ));
        assert_eq!(host.poll(), ended(4, ""));
        let process = fs::read_to_string(&helper).unwrap();
        let state = fs::read_to_string(format!("/proc/{}/stat", process.trim())).unwrap_or_default();
        assert!(state.is_empty() || state.contains(") Z "), "{state}");
    }

    #[test]
    fn a_unit_that_is_ending_is_over_and_its_name_can_be_used_at_once() {
        let host = Host::new();
        let unit = host.0.path().join("ha-init.service");
        // The main process has ended, systemd has not seen that the control group is empty.
        host.start("exit 1");
        assert_eq!(host.poll(), ended(1, ""));
        fs::write(&unit, "deactivating").unwrap();
        fs::write(host.0.path().join("deaf"), "3").unwrap();
        assert_eq!(host.poll(), ended(1, ""));
        assert!(host.forget());
        assert_eq!(host.poll(), Progress::Unknown);
        host.start("echo again");
        assert_eq!(host.poll(), ended(0, "again\n"));
        // The result was removed by somebody who did not look at the unit.
        fs::remove_dir_all(host.0.path().join("operations")).unwrap();
        fs::write(&unit, "deactivating").unwrap();
        assert_eq!(host.poll(), Progress::Unknown);
        host.start("echo a third time");
        assert_eq!(host.poll(), ended(0, "a third time\n"));
        assert_eq!(
            fs::read_to_string(host.0.path().join("starts"))
                .unwrap()
                .lines()
                .count(),
            3
        );
    }

    #[test]
    fn a_failed_unit_keeps_no_name() {
        let host = Host::new();
        fs::write(host.0.path().join("ha-init.service"), "failed").unwrap();
        assert_eq!(host.poll(), Progress::Unknown);
        host.start("echo fine");
        assert_eq!(host.poll(), ended(0, "fine\n"));
    }

    #[test]
    fn a_running_command_is_never_killed_for_its_name() {
        let host = Host::new();
        let gate = host.base() + "/gate";
        assert!(Command::new("mkfifo").arg(&gate).status().unwrap().success());
        assert_eq!(host.start(&format!("cat {gate}")), Progress::Running);
        host.start("echo other");
        assert!(!host.forget());
        assert!(!host.0.path().join("kills").exists());
        fs::write(&gate, "done\n").unwrap();
        assert_eq!(host.poll(), ended(0, "done\n"));
    }

    #[test]
    fn of_several_commands_each_is_forgotten_though_one_runs() {
        let host = Host::new();
        let (gate, base) = (host.base() + "/gate", host.base());
        assert!(Command::new("mkfifo").arg(&gate).status().unwrap().success());
        assert_eq!(host.start(&format!("cat {gate}")), Progress::Running);
        for name in ["before", "other"] {
            host.run(&start_in(&base, name, ":", Duration::from_secs(20)));
        }
        let folder = |name| host.0.path().join("operations").join(name).exists();
        let forget = forget_all_in(&base, &["before", "init", "other"]);
        assert_eq!(forget.limit, forget_in(&base, "init").limit * 3);
        for name in ["before", "other"] {
            let state = host.run(&poll_in(&base, name, Duration::from_secs(10))).1;
            assert!(state.starts_with("ended 0"), "{state}");
        }
        assert!(!host.run(&forget).0);
        assert_eq!(["before", "init", "other"].map(folder), [false, true, false]);
        fs::write(&gate, "done\n").unwrap();
        assert_eq!(host.poll(), ended(0, "done\n"));
        assert!(host.run(&forget).0);
        assert!(!folder("init"));
    }

    #[test]
    fn a_slow_host_says_in_time_that_a_unit_does_not_end() {
        let host = Host::new();
        fs::write(host.0.path().join("ha-init.service"), "deactivating").unwrap();
        fs::write(host.0.path().join("deaf"), "1000").unwrap();
        let mut forget = forget_in(&host.base(), "init");
        let limit = format!("+ {FREE_SECONDS}");
        assert!(forget.body.contains(&limit));
        forget.body = forget
            .body
            .replace(&limit, "+ 1")
            .replace("sleep 0.1", "sleep 0.7");
        assert!(!host.run(&forget).0);
        let kills = fs::read_to_string(host.0.path().join("kills")).unwrap();
        assert!((1..=3).contains(&kills.lines().count()), "{kills}");
    }

    #[test]
    fn a_command_over_its_limit_ends_with_124() {
        let host = Host::new();
        host.run(&start_in(&host.base(), "init", "sleep 60", Duration::ZERO));
        assert_eq!(host.poll(), ended(124, ""));
    }

    #[test]
    fn a_host_without_systemd_is_a_failure() {
        let host = Host::new();
        host.program("systemd-run", "echo no systemd >&2; exit 1");
        assert_eq!(
            host.run(&start_in(&host.base(), "init", ":", Duration::from_secs(1))),
            (false, String::new())
        );
    }

    #[test]
    fn another_output_is_an_error() {
        assert_eq!(
            Progress::parse("sudo: sorry\n"),
            Err(ProgressError {
                line: "sudo: sorry".to_owned()
            })
        );
        assert_eq!(
            Progress::parse("ended x\n"),
            Err(ProgressError {
                line: "ended x".to_owned()
            })
        );
    }

    #[test]
    fn renders_the_scripts() {
        insta::assert_snapshot!(
            start_script(
                "kubeadm-init",
                "kubeadm init --config x",
                Duration::from_secs(600)
            )
            .body
        );
        insta::assert_snapshot!(poll_script("kubeadm-init", Duration::from_secs(20)).body);
        insta::assert_snapshot!(forget_script("kubeadm-init").body);
    }
}
