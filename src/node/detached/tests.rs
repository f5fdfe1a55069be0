//! Tests: the scripts for detached commands under a real `sh`, with stand-ins for systemd.
use std::{fs, os::unix::fs::PermissionsExt as _, process::Command, time::Instant};

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
fn a_slow_host_waits_for_a_command_no_longer_than_it_is_asked_to() {
    let host = Host::new();
    let gate = host.base() + "/gate";
    assert!(Command::new("mkfifo").arg(&gate).status().unwrap().success());
    host.start(&format!("cat {gate}"));
    let mut poll = Script::clone(&poll_in(&host.base(), "init", Duration::from_secs(2)));
    poll.body = poll.body.replace("sleep 0.1", "sleep 0.7");
    let begin = Instant::now();
    assert_eq!(host.run(&poll).1, "running\n");
    let waited = begin.elapsed().as_secs();
    assert!((2..8).contains(&waited), "{waited} s");
    fs::write(&gate, "done\n").unwrap();
    assert_eq!(host.poll(), ended(0, "done\n"));
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
