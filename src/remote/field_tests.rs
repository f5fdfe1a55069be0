//! Tests against a real sshd and hosts as people have them, asked for with `TF_ACC=1`.
use std::{
    fs,
    io::Write as _,
    net::TcpStream,
    process::Command,
    sync::Mutex,
    time::{Duration, Instant},
};

use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use super::{
    sshd::{Sshd, asked_for},
    *,
};
use crate::command::{Output, Script};

/// Prints what a careless parser would trip over.
pub(super) const BODY: &str = "printf '\\n{\"a\": 1}\\nlast'; echo words >&2; exit 7";

pub(super) fn script(body: &str) -> Script {
    Script::new("test", body).limit(Duration::from_secs(20))
}

pub(super) async fn run(target: &Target, script: &Script) -> Result<Output, TransportError> {
    let pool = Pool::new();
    let result = pool.host(target).run(script).await;
    pool.close().await;
    result.map_err(|error| match error.kind {
        HostErrorKind::Transport(error) => error,
        other => panic!("{other:?}"),
    })
}

/// What a host answers whose sshd starts this instead of a login shell.
async fn through(sshd: &Sshd, login_shell: &str) -> Result<Output, TransportError> {
    sshd.force(login_shell);
    run(&sshd.target(), &script(BODY)).await
}

pub(super) fn answer() -> Output {
    Output {
        status: 7,
        stdout: "\n{\"a\": 1}\nlast".into(),
        stderr: "words\n".into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn login_shells_that_print_what_they_like() {
    if !asked_for() {
        return;
    }
    let sshd = Sshd::start();
    for shell in ["bash", "dash", "zsh", "fish", "csh", "tcsh", "busybox sh"] {
        let quiet = format!("{shell} -c \"$SSH_ORIGINAL_COMMAND\"");
        assert_eq!(through(&sshd, &quiet).await, Ok(answer()), "{shell}");
        let loud = format!(
            "printf 'Welcome\\n\\n{{'; echo warning >&2; {quiet}; status=$?; echo; echo bye; echo bye >&2; exit $status"
        );
        let output = through(&sshd, &loud).await.unwrap();
        assert_eq!((output.status, output.stdout), (7, answer().stdout), "{shell}");
        assert!(output.stderr.starts_with("words\n"), "{}", output.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn startup_files_that_break_what_comes_after_them() {
    if !asked_for() {
        return;
    }
    let sshd = Sshd::start();
    for harmless in [
        "unset PATH; ",
        "export PATH=/nowhere; ",
        "set -e; ",
        "set -u; ",
        "umask 077; cd /; ",
    ] {
        let shell = format!("{harmless}/bin/bash -c \"$SSH_ORIGINAL_COMMAND\"");
        assert_eq!(through(&sshd, &shell).await, Ok(answer()), "{harmless}");
    }
    let ended = through(&sshd, "echo sorry; echo why >&2; exit 3").await;
    assert!(
        matches!(&ended, Err(TransportError::ShellEnded { how, says, .. }) if how == "status 3" && says == "sorry; why"),
        "{ended:?}"
    );
    let killed = through(&sshd, "kill -9 $$").await;
    assert!(
        matches!(&killed, Err(TransportError::ShellEnded { .. })),
        "{killed:?}"
    );
    // A line of the script, its first block, or all of it is read before the shell gets it.
    for reader in ["read -r line", "head -c 100 >/dev/null", "cat >/dev/null"] {
        let shell = format!("{reader}; exec sh -c \"$SSH_ORIGINAL_COMMAND\"");
        let taken = through(&sshd, &shell).await;
        assert!(
            matches!(&taken, Err(TransportError::InputTaken { .. })),
            "{reader}: {taken:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lets_nobody_in_is_heard() {
    if !asked_for() {
        return;
    }
    let sshd = Sshd::start();
    let refused = async |login_shell: &str| match through(&sshd, login_shell).await {
        Err(TransportError::LoginRefused { refusal, says, .. }) => (refusal, says),
        other => panic!("{login_shell}: {other:?}"),
    };
    // As cloud-init writes it for root.
    let cloud = "echo 'Please login as the user \"debian\" rather than the user \"root\".';echo;exit 142";
    assert_eq!(refused(cloud).await.0, Refusal::AnotherUser("debian".into()));
    let (refusal, says) = refused("/usr/sbin/nologin").await;
    assert_eq!(refusal, Refusal::NoShell);
    assert_eq!(says, "This account is currently not available.");
    let rbash = "exec bash -r -c \"$SSH_ORIGINAL_COMMAND\"";
    assert_eq!(refused(rbash).await.0, Refusal::Restricted);
}

#[tokio::test]
async fn a_shell_that_waits_is_given_up() {
    if !asked_for() {
        return;
    }
    let sshd = Sshd::start();
    let waits = sshd.path("waits");
    sshd.force(&format!(
        "if [ -e {} ]; then echo Which language?; exec sleep 600; fi; eval \"$SSH_ORIGINAL_COMMAND\"",
        waits.display()
    ));
    let pool = Pool::new();
    let host = pool.host(&sshd.target());
    host.run_ok(&script("true")).await.unwrap();
    fs::write(&waits, "").unwrap();
    // From here on time passes at once while nothing else happens.
    tokio::time::pause();
    let error = host.run(&script("true")).await.unwrap_err();
    tokio::time::resume();
    let HostErrorKind::Transport(TransportError::ShellStuck { seconds, .. }) = error.kind else {
        panic!("{error:?}");
    };
    assert!((60..70).contains(&seconds), "{seconds}");
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_of_a_login_changes_nothing() {
    if !asked_for() {
        return;
    }
    let sshd = Sshd::start_with(
        "SetEnv http_proxy=http://x HTTPS_PROXY=http://x ALL_PROXY=x GREP_OPTIONS=-v CDPATH=/usr ENV=/x BASH_ENV=/x \
         POSIXLY_CORRECT=1 LC_ALL=tr_TR.UTF-8 TZ=Asia/Tokyo KUBECONFIG=/x LD_LIBRARY_PATH=/x",
    );
    let output = run(&sshd.target(), &script("env")).await.unwrap();
    let mut names: Vec<&str> = output
        .stdout
        .lines()
        .filter_map(|line| Some(line.split_once('=')?.0))
        .collect();
    // The shell's own.
    names.retain(|name| !["_", "PWD", "OLDPWD", "SHLVL"].contains(name));
    names.sort_unstable();
    assert_eq!(names, ["HOME", "LC_ALL", "PATH"], "{}", output.stdout);
    assert!(output.stdout.contains("LC_ALL=C\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_sessions_as_the_host_grants() {
    if !asked_for() {
        return;
    }
    for most in [1, 2, 4, 10] {
        let sshd = Sshd::start_with(&format!("MaxSessions {most}"));
        let pool = Pool::new();
        let host = pool.host(&sshd.target());
        let runs = sshd.path("runs");
        let scripts: Vec<Script> = (0..20)
            .map(|number| script(&format!("echo {number} >> {}; echo {number}", runs.display())))
            .collect();
        let answers = join_all(scripts.iter().map(|script| host.run_ok(script))).await;
        for (number, answer) in answers.into_iter().enumerate() {
            assert_eq!(answer, Ok(format!("{number}\n")), "MaxSessions {most}");
        }
        // One after the other, too: the last session may just be ending.
        for script in &scripts {
            host.run_ok(script).await.unwrap();
        }
        let text = fs::read_to_string(&runs).unwrap();
        let mut numbers: Vec<usize> = text.lines().map(|line| line.parse().unwrap()).collect();
        numbers.sort_unstable();
        let twice: Vec<usize> = (0..20).flat_map(|number| [number, number]).collect();
        assert_eq!(numbers, twice, "each script ran as often as it was sent");
        assert_eq!(sshd.logins(), 1);
        pool.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_not_used_again_ends_once_its_last_script_has() {
    if !asked_for() {
        return;
    }
    let sshd = Sshd::start();
    let (broken, gate, begun) = (sshd.path("broken"), sshd.path("gate"), sshd.path("begun"));
    sshd.force(&format!(
        "if [ -e {} ]; then exit 255; fi; eval \"$SSH_ORIGINAL_COMMAND\"",
        broken.display()
    ));
    assert!(Command::new("mkfifo").arg(&gate).status().unwrap().success());
    let pool = Pool::new();
    let host = pool.host(&sshd.target());
    let long = script(&format!(
        "touch {}; head -n 1 {}",
        begun.display(),
        gate.display()
    ));
    // Open on both sides from here on, so that nobody waits for the other to open it.
    let mut gate = fs::File::options().read(true).write(true).open(&gate).unwrap();
    let hello = script(BODY);
    let failing = async {
        // One login is in use, and the others fail on it and after it.
        until(|| begun.exists()).await;
        host.run_ok(&script("true")).await.unwrap();
        fs::write(&broken, "").unwrap();
        for _ in 0..3 {
            let failed = join_all((0..3).map(|_| host.run(&hello))).await;
            for failed in failed {
                let HostErrorKind::Transport(TransportError::ShellEnded { how, .. }) =
                    failed.unwrap_err().kind
                else {
                    panic!("the shell ended with a status");
                };
                assert_eq!(how, "status 255");
            }
        }
        until(|| sshd.logged(GONE) == sshd.logins() - 1).await;
        gate.write_all(b"whole\n").unwrap();
    };
    let (answer, ()) = tokio::join!(host.run_ok(&long), failing);
    assert_eq!(answer.unwrap(), "whole\n", "it was not cut off");
    until(|| sshd.logged(GONE) == sshd.logins()).await;
    // sshd notes the end before ssh has ended here.
    let since = Instant::now();
    while !pool.controls().await.is_empty() {
        assert!(since.elapsed() < PATIENCE, "a connection is kept");
        tokio::task::yield_now().await;
    }
    pool.close().await;
}

/// What sshd notes of a connection that ended.
const GONE: &str = "Disconnected from user";

/// Less than an idle connection stays.
const PATIENCE: Duration = Duration::from_secs(30);

async fn until(mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "it did not come so far");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_host_that_grants_no_session() {
    if !asked_for() {
        return;
    }
    let sshd = Sshd::start_with("MaxSessions 0");
    let (target, script) = (sshd.target(), script("true"));
    let asking = async { run(&target, &script).await.unwrap_err() };
    let refused = async {
        while sshd.logged("no more sessions") == 0 {
            tokio::task::yield_now().await;
        }
        // From here on time passes at once while nothing else happens.
        tokio::time::pause();
    };
    let (error, ()) = tokio::join!(asking, refused);
    assert_eq!(
        error,
        TransportError::NoSession {
            hop: "127.0.0.1".into()
        }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_was_dropped_is_tried_again() {
    if !asked_for() {
        return;
    }
    let sshd = Sshd::start_with("MaxStartups 1:100:1");
    // Somebody else is just logging in.
    let other = TcpStream::connect(("127.0.0.1", sshd.port)).unwrap();
    let (target, script) = (sshd.target(), script(BODY));
    let login = async { run(&target, &script).await };
    let leave = async {
        let begin = Instant::now();
        while sshd.logged("MaxStartups") == 0 && begin.elapsed() < Duration::from_secs(20) {
            tokio::task::yield_now().await;
        }
        drop(other);
    };
    let (output, ()) = tokio::join!(login, leave);
    assert_eq!(output, Ok(answer()));
    assert!(sshd.logged("MaxStartups") > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_gets_its_users_keys_after_its_sshd() {
    if !asked_for() {
        return;
    }
    let sshd = Sshd::start();
    let authorized = sshd.path("authorized");
    let later = sshd.path("later");
    fs::rename(&authorized, &later).unwrap();
    let pool = Pool::new();
    let host = pool.host(&sshd.target());
    let told = Mutex::new(Vec::new());
    let tell = |error: &HostError| {
        told.lock().unwrap().push(error.kind.clone());
        // First the home is there and its shell is not; then all is.
        if told.lock().unwrap().len() == 1 {
            sshd.force("exit 1");
        } else {
            fs::rename(&later, &authorized).unwrap();
        }
    };
    let cancel = CancellationToken::new();
    let limit = Duration::from_secs(60);
    assert_eq!(host.wait_until_up(limit, &cancel, tell).await, Ok(()));
    let told = told.into_inner().unwrap();
    assert!(
        matches!(
            told.as_slice(),
            [
                HostErrorKind::Transport(TransportError::WrongKey { .. }),
                HostErrorKind::Transport(TransportError::ShellEnded { .. })
            ]
        ),
        "{told:?}"
    );
    pool.close().await;
}
