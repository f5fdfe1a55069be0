//! Tests against a real sshd, asked for with `TF_ACC=1`.
use std::{
    fs,
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use futures::future::join_all;

use super::{
    sshd::{Sshd, asked_for, fingerprint, keygen, target, unused_port},
    *,
};
use crate::command::{Script, Secret};

fn script(body: &str) -> Script {
    Script::new("test", body)
}

async fn try_once(target: &Target) -> Result<String, TransportError> {
    let pool = Pool::new();
    let result = pool
        .host(target)
        .run_ok(&script("echo hello; echo $LC_ALL"))
        .await;
    pool.close().await;
    result.map_err(|error| match error.kind {
        HostErrorKind::Transport(error) => error,
        other => panic!("{other:?}"),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_work_and_keys_that_do_not() {
    if !asked_for() {
        return;
    }
    let sshd = Sshd::start();
    let with = |key| Target { key, ..sshd.target() };
    let text = |name: &str| Key::Text(Secret::new(fs::read_to_string(sshd.path(name)).unwrap()));
    keygen(&sshd.path("encrypted"), "secret passphrase");
    fs::write(sshd.path("garbage"), "no key at all\n").unwrap();
    for key in [Key::File(sshd.path("key")), text("key")] {
        assert_eq!(try_once(&with(key)).await.unwrap(), "hello\nC\n");
    }
    for key in [Key::File(sshd.path("other_key")), text("other_key")] {
        let error = try_once(&with(key)).await.unwrap_err();
        assert!(
            matches!(&error, TransportError::WrongKey { hop, .. } if hop == "127.0.0.1"),
            "{error:?}"
        );
    }
    for name in ["encrypted", "garbage", "key.pub"] {
        for key in [Key::File(sshd.path(name)), text(name)] {
            let error = try_once(&with(key)).await.unwrap_err();
            assert!(
                matches!(&error, TransportError::UnusableKey { .. }),
                "{name}: {error:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn host_keys_by_policy() {
    if !asked_for() {
        return;
    }
    let sshd = Sshd::start();
    let by = |host_key_policy| Target {
        host_key_policy,
        ..sshd.target()
    };
    let unknown = try_once(&by(HostKeyPolicy::Strict)).await;
    assert_eq!(
        unknown,
        Err(TransportError::HostKeyUnknown {
            hop: "127.0.0.1".into()
        })
    );
    try_once(&by(HostKeyPolicy::AcceptNew)).await.unwrap();
    try_once(&by(HostKeyPolicy::Strict)).await.unwrap();

    let known_hosts = sshd.path("known_hosts");
    let other = fs::read_to_string(sshd.path("other_host.pub")).unwrap();
    fs::write(
        &known_hosts,
        format!("# first line\n[127.0.0.1]:{} {other}", sshd.port),
    )
    .unwrap();
    let hash = Command::new("ssh-keygen")
        .arg("-Hf")
        .arg(&known_hosts)
        .output()
        .unwrap();
    assert!(hash.status.success());
    for policy in [HostKeyPolicy::Strict, HostKeyPolicy::AcceptNew] {
        let changed = TransportError::HostKeyChanged {
            hop: "127.0.0.1".into(),
            known: fingerprint(&sshd.path("other_host.pub")),
            shown: fingerprint(&sshd.path("host.pub")),
            record: format!("{}:2", known_hosts.display()),
        };
        assert_eq!(try_once(&by(policy)).await, Err(changed));
    }
    try_once(&by(HostKeyPolicy::Insecure)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_port_and_a_silent_one() {
    if !asked_for() {
        return;
    }
    let sshd = Sshd::start();
    let port = unused_port();
    let refused = try_once(&Target {
        port,
        ..sshd.target()
    })
    .await;
    let hop = "127.0.0.1".to_owned();
    assert_eq!(refused, Err(TransportError::Refused { hop, port }));

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = Target {
        port: silent.local_addr().unwrap().port(),
        connect_timeout: Duration::from_secs(1),
        ..sshd.target()
    };
    let error = try_once(&target).await.unwrap_err();
    assert!(
        error.is_unreachable() && error.to_string().contains("timed out"),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bastion_and_whose_fault_it_is() {
    if !asked_for() {
        return;
    }
    let sshd = Sshd::start();
    assert_eq!(try_once(&sshd.target_behind(|_| {})).await.unwrap(), "hello\nC\n");
    assert_eq!(sshd.logins(), 2, "one on each hop");

    let other_key = || Key::File(sshd.path("other_key"));
    let error = try_once(&sshd.target_behind(|it| it.key = other_key()))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, TransportError::WrongKey { hop, .. } if hop == "localhost"),
        "{error:?}"
    );

    let behind = sshd.target_behind(|_| {});
    let target = Target {
        key: other_key(),
        ..behind.clone()
    };
    let error = try_once(&target).await.unwrap_err();
    assert!(
        matches!(&error, TransportError::WrongKey { hop, .. } if hop == "127.0.0.1"),
        "{error:?}"
    );

    let port = unused_port();
    let target = Target { port, ..behind };
    let hop = "127.0.0.1".to_owned();
    assert_eq!(
        try_once(&target).await,
        Err(TransportError::Refused { hop, port })
    );

    let hop = "localhost".to_owned();
    let target = sshd.target_behind(|it| it.port = port);
    assert_eq!(
        try_once(&target).await,
        Err(TransportError::Refused { hop, port })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_scripts_share_one_connection_eight_at_once() {
    if !asked_for() {
        return;
    }
    let sshd = Sshd::start();
    let pool = Pool::new();
    let host = pool.host(&sshd.target());
    let folder = sshd.folder.path().display();
    fs::create_dir(sshd.path("now")).unwrap();
    // The first eight wait for each other, then long enough for a ninth to show up.
    let body = format!(
        "cd {folder}; count() {{ ls now | wc -l; }}; touch now/$$\n\
         until [ -e eight ]; do [ $(count) -lt 8 ] || touch eight; sleep 0.05; done\n\
         sleep 0.5; count; rm now/$$"
    );
    let script = script(&body);
    let counts = join_all((0..20).map(|_| host.run_ok(&script))).await;
    let counts = counts
        .into_iter()
        .map(|count| count.unwrap().trim().parse::<usize>().unwrap());
    assert_eq!(counts.max(), Some(8));
    assert_eq!(sshd.logins(), 1);
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_texts_and_limits() {
    if !asked_for() {
        return;
    }
    let sshd = Sshd::start();
    let pool = Pool::new();
    let host = pool.host(&sshd.target());
    let text = "0123456789abcde\n".repeat(2 * 1024 * 1024 / 16);
    let echo = script(&format!("cat <<'X' | tee /dev/stderr\n{text}X\n"));
    let output = host.run(&echo).await.unwrap();
    assert!(output.stdout == text && output.stderr == text);

    let pid = host.run_ok(&script("sleep 600 & echo $!")).await.unwrap();
    let alive = host.run(&script(&format!("kill {pid}"))).await.unwrap();
    assert_eq!(
        alive.status, 0,
        "a process left behind did not hold the script up"
    );

    let slow = script("echo begun; sleep 60").limit(Duration::from_secs(1));
    let error = host.run(&slow).await.unwrap_err();
    let expected = TransportError::TimedOut {
        title: "test",
        seconds: 1,
    };
    assert_eq!(error.kind, expected.into());
    for status in [1, 127, 255] {
        let output = host.run(&script(&format!("exit {status}"))).await.unwrap();
        assert_eq!(output.status, status);
    }
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_made_again_but_no_script_runs_twice() {
    if !asked_for() {
        return;
    }
    let sshd = Sshd::start();
    let pool = Pool::new();
    let host = pool.host(&Target {
        key: Key::Text(Secret::new(fs::read_to_string(sshd.path("key")).unwrap())),
        ..sshd.target()
    });
    let runs = sshd.path("runs");
    // The shell's parent is `timeout`, whose parent is the sshd of this connection.
    let suicide = script(&format!(
        "echo run >> {}; kill -9 $(ps -o ppid= -p $(ps -o ppid= -p $$))",
        runs.display()
    ));
    let error = host.run(&suicide).await.unwrap_err();
    assert_eq!(error.kind, TransportError::Disconnected { title: "test" }.into());
    assert_eq!(fs::read_to_string(&runs).unwrap(), "run\n");

    let hello = script_hello();
    let again = join_all((0..3).map(|_| host.run_ok(&hello))).await;
    assert!(again.iter().all(|it| it.as_deref() == Ok("hello\n")), "{again:?}");
    assert_eq!(sshd.logins(), 2);

    kill_master(&pool).await;
    assert_eq!(host.run_ok(&script_hello()).await.unwrap(), "hello\n");
    assert_eq!(sshd.logins(), 3);
    pool.close().await;
}

fn script_hello() -> Script {
    script("echo hello")
}

/// Ends the youngest master without giving it a chance to tidy up.
async fn kill_master(pool: &Pool) {
    let controls = pool.controls().await;
    let control = controls.iter().max().unwrap();
    let check = Command::new("ssh")
        .args(["-O", "check", "-S"])
        .arg(control)
        .arg("target")
        .output()
        .unwrap();
    let text = String::from_utf8(check.stderr).unwrap();
    let (_, pid) = text.trim().trim_end_matches(')').split_once("pid=").unwrap();
    let pid = rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_leaves_nothing_on_disk() {
    if !asked_for() {
        return;
    }
    let sshd = Sshd::start();
    let pool = Pool::new();
    let text = fs::read_to_string(sshd.path("key")).unwrap();
    let host = pool.host(&Target {
        key: Key::Text(Secret::new(&text)),
        ..sshd.target()
    });
    host.run_ok(&script_hello()).await.unwrap();
    let controls = pool.controls().await;
    let folder = controls[0].parent().unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let content = fs::read_to_string(entry.unwrap().path()).unwrap_or_default();
        assert!(!content.contains("PRIVATE KEY"));
    }
    pool.close().await;
    assert!(!folder.exists());
}

const INTERRUPTED: &str = "HA_TEST_INTERRUPTED";

/// The part of the next test that gets the signal, in a process group of its own.
#[tokio::test(flavor = "multi_thread")]
async fn interrupted() {
    let Some(setting) = std::env::var_os(INTERRUPTED) else {
        return;
    };
    let setting = setting.into_string().unwrap();
    let (port, folder) = setting.split_once(' ').unwrap();
    let target = target(Path::new(folder), port.parse().unwrap());
    let bastion = Bastion {
        address: "localhost".into(),
        port: target.port,
        user: target.user.clone(),
        key: target.key.clone(),
        host_key_policy: HostKeyPolicy::AcceptNew,
        known_hosts_file: target.known_hosts_file.clone(),
    };
    let target = Target {
        bastion: Some(Box::new(bastion)),
        ..target
    };
    // With a handler, as the provider has one, the signal does not end this process.
    let mut signals = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt()).unwrap();
    let pool = Pool::new();
    let host = pool.host(&target);
    let body = format!("echo > {folder}/begun; read go < {folder}/go; echo whole");
    let script = script(&body);
    let running = host.run_ok(&script);
    let (output, signal) = tokio::join!(running, signals.recv());
    assert!(signal.is_some());
    assert_eq!(output.unwrap(), "whole\n");
    assert_eq!(host.run_ok(&script_hello()).await.unwrap(), "hello\n");
    pool.close().await;
}

#[test]
fn an_interrupt_of_the_process_group_does_not_reach_ssh() {
    if !asked_for() {
        return;
    }
    let sshd = Sshd::start();
    for name in ["begun", "go"] {
        assert!(
            Command::new("mkfifo")
                .arg(sshd.path(name))
                .status()
                .unwrap()
                .success()
        );
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "remote::sshd_tests::interrupted"])
        .env(
            INTERRUPTED,
            format!("{} {}", sshd.port, sshd.folder.path().display()),
        )
        .process_group(0)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    fs::read_to_string(sshd.path("begun")).unwrap();
    let group = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process_group(group, rustix::process::Signal::INT).unwrap();
    fs::write(sshd.path("go"), "go\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    assert_eq!(sshd.logins(), 2, "one connection through one bastion");
}
