//! Tests against a real sshd: which machine answers at an address, asked for with `TF_ACC=1`.
use std::{fs, path::Path, process::Command};

use super::{
    field_tests::{BODY, answer, run, script},
    sshd::{Sshd, asked_for, fingerprint, keygen},
    *,
};

fn public_key(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_made_anew_at_the_same_address() {
    if !asked_for() {
        return;
    }
    let sshd = Sshd::start();
    let known_hosts = sshd.path("known_hosts");
    let name = format!("[127.0.0.1]:{}", sshd.port);
    let old = public_key(&sshd.path("other_host.pub"));
    let by_alias = |alias: &str| Target {
        host_key_alias: Some(alias.into()),
        ..sshd.target()
    };
    let by_key = |file: &str| Target {
        host_keys: PublicKey::parse_lines(&public_key(&sshd.path(file))).unwrap(),
        ..sshd.target()
    };
    let hello = script(BODY);
    // The old machine is on record under its address and under its own name.
    let record = format!("{name} {old}vm-1 {old}");
    fs::write(&known_hosts, &record).unwrap();
    for refused in [sshd.target(), by_alias("VM-1")] {
        let error = run(&refused, &hello).await.unwrap_err();
        assert!(
            matches!(error, TransportError::HostKeyChanged { .. }),
            "{error:?}"
        );
    }
    let error = run(&by_key("other_host.pub"), &hello).await.unwrap_err();
    let shown = fingerprint(&sshd.path("host.pub"));
    assert_eq!(
        error,
        TransportError::HostKeyNotGiven {
            hop: "127.0.0.1".into(),
            shown
        }
    );
    assert_eq!(
        fs::read_to_string(&known_hosts).unwrap(),
        record,
        "nothing was verified"
    );

    for verified in [by_alias("VM-2"), by_key("host.pub")] {
        fs::write(&known_hosts, &record).unwrap();
        assert_eq!(run(&verified, &hello).await, Ok(answer()));
        // Who reaches it by its address accepts it now, strictly, and hashed names are understood.
        let hash = Command::new("ssh-keygen")
            .arg("-Hf")
            .arg(&known_hosts)
            .output()
            .unwrap();
        assert!(hash.status.success());
        let peer = Target {
            host_key_policy: HostKeyPolicy::Strict,
            ..sshd.target()
        };
        assert_eq!(run(&peer, &hello).await, Ok(answer()));
        assert_eq!(run(&verified, &hello).await, Ok(answer()));
        let error = run(&by_alias("vm-1"), &hello).await.unwrap_err();
        assert!(
            matches!(error, TransportError::HostKeyChanged { .. }),
            "{error:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_signs_host_keys() {
    if !asked_for() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("authority");
    keygen(&authority, "");
    keygen(&folder.path().join("host"), "");
    let signed = Command::new("ssh-keygen")
        .args(["-q", "-h", "-I", "m1", "-n", "vm-1", "-s"])
        .arg(&authority)
        .arg(folder.path().join("host.pub"))
        .status();
    assert!(signed.unwrap().success());
    let sshd = Sshd::start_with(&format!(
        "HostKey {0}/host\nHostCertificate {0}/host-cert.pub",
        folder.path().display()
    ));
    let by = |authority: &Path, alias: &str| Target {
        host_keys: PublicKey::parse_lines(&format!("@cert-authority {}", public_key(authority))).unwrap(),
        host_key_alias: Some(alias.into()),
        ..sshd.target()
    };
    let authority = authority.with_extension("pub");
    assert_eq!(run(&by(&authority, "vm-1"), &script(BODY)).await, Ok(answer()));
    // Another machine of the same authority, and another authority.
    for target in [by(&authority, "vm-2"), by(&sshd.path("other_key.pub"), "vm-1")] {
        let error = run(&target, &script(BODY)).await.unwrap_err();
        assert!(!error.is_unreachable(), "{error:?}");
    }
}
