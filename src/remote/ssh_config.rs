//! The `ssh_config` of one connection: all that ssh is told, so that the user's own settings play no part.
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{HostKeyPolicy, Target, TransportError, target::expand_tilde};
use crate::command::quote;

/// The files of one connection. Their names are made by this program and need no care.
#[derive(Debug)]
pub(super) struct Files<'a> {
    /// This configuration, for the ssh that goes through the bastion.
    pub(super) config: &'a Path,
    /// Where the bastion's ssh writes its messages.
    pub(super) bastion_log: &'a Path,
    /// The record with the only keys that the target may show, if there is one.
    pub(super) pinned: Option<&'a Path>,
    /// The target's key, if it is a file.
    pub(super) key: Option<&'a Path>,
    /// The bastion's key, if it is a file.
    pub(super) bastion_key: Option<&'a Path>,
}

/// What the target is called on ssh's command line.
pub(super) const TARGET: &str = "target";
const BASTION: &str = "bastion";

/// Renders the stanzas of the target and its bastion, see `ssh_config(5)`.
///
/// The way through the bastion is a `ProxyCommand` instead of `ProxyJump` because only so the bastion's ssh
/// has a log of its own (`-E`), which tells whose fault a failure is.
pub(super) fn render(target: &Target, files: &Files<'_>) -> Result<String, TransportError> {
    let mut text = stanza(&Hop {
        name: TARGET,
        address: &target.address,
        port: target.port,
        user: &target.user,
        key: files.key,
        policy: target.host_key_policy,
        known_hosts: target.known_hosts_file.as_deref(),
        pinned: files.pinned,
        alias: target.host_key_alias.as_deref(),
        connect_timeout: connect_timeout(target),
    })?;
    if let Some(bastion) = &target.bastion {
        let _ = writeln!(
            text,
            "  ProxyCommand ssh -F {} -E {} -W '[%h]:%p' {BASTION}",
            quote(&files.config.to_string_lossy()),
            quote(&files.bastion_log.to_string_lossy()),
        );
        text += &stanza(&Hop {
            name: BASTION,
            address: &bastion.address,
            port: bastion.port,
            user: &bastion.user,
            key: files.bastion_key,
            policy: bastion.host_key_policy,
            known_hosts: bastion.known_hosts_file.as_deref(),
            pinned: None,
            alias: None,
            connect_timeout: target.connect_timeout,
        })?;
    }
    text += COMMON;
    Ok(text)
}

/// The target's own limit: behind a bastion it has to wait for two connections.
pub(super) fn connect_timeout(target: &Target) -> Duration {
    target.connect_timeout * if target.bastion.is_some() { 2 } else { 1 }
}

/// At the level INFO a bastion tells why it could not reach the target, and a host why it lets nobody in yet.
const COMMON: &str = "Host *
  BatchMode yes
  ConnectionAttempts 1
  ForwardAgent no
  LogLevel INFO
  RequestTTY no
  ServerAliveCountMax 3
  ServerAliveInterval 5
  UpdateHostKeys no
";

struct Hop<'a> {
    name: &'a str,
    address: &'a str,
    port: u16,
    user: &'a str,
    key: Option<&'a Path>,
    policy: HostKeyPolicy,
    known_hosts: Option<&'a Path>,
    pinned: Option<&'a Path>,
    alias: Option<&'a str>,
    connect_timeout: Duration,
}

fn stanza(hop: &Hop<'_>) -> Result<String, TransportError> {
    let seconds = hop.connect_timeout.as_secs() + u64::from(hop.connect_timeout.subsec_nanos() > 0);
    let mut lines = vec![
        format!("Host {}", hop.name),
        format!("  HostName {}", word("address", &hop.address.replace('%', "%%"))?),
        format!("  Port {}", hop.port),
        format!("  User {}", word("user", hop.user)?),
        format!("  ConnectTimeout {}", seconds.max(1)),
    ];
    if let Some(key) = hop.key {
        lines.push(format!("  IdentityFile {}", path_word("private key file", key)?));
        lines.push("  IdentitiesOnly yes".to_owned());
    }
    if let Some(alias) = hop.alias {
        // ssh looks a name up in small letters and records it as it is.
        let alias = word("host key alias", &alias.to_lowercase())?;
        lines.push(format!("  HostKeyAlias {alias}"));
        lines.push("  CheckHostIP no".to_owned());
    }
    let insecure = hop.policy == HostKeyPolicy::Insecure;
    if hop.pinned.is_some() || insecure {
        lines.push("  GlobalKnownHostsFile /dev/null".to_owned());
    }
    let file = match hop.pinned {
        Some(file) => file.to_owned(),
        None => known_hosts_file(hop.policy, hop.known_hosts),
    };
    lines.push(format!(
        "  UserKnownHostsFile {}",
        path_word("known_hosts file", &file)?
    ));
    let checking = match hop.policy {
        HostKeyPolicy::AcceptNew if hop.pinned.is_none() => "accept-new",
        HostKeyPolicy::Insecure if hop.pinned.is_none() => "no",
        _ => "yes",
    };
    lines.push(format!("  StrictHostKeyChecking {checking}\n"));
    Ok(lines.join("\n"))
}

/// Where host keys are looked up and recorded.
pub(super) fn known_hosts_file(policy: HostKeyPolicy, file: Option<&Path>) -> PathBuf {
    match policy {
        HostKeyPolicy::Insecure => PathBuf::from("/dev/null"),
        HostKeyPolicy::Strict | HostKeyPolicy::AcceptNew => {
            expand_tilde(file.unwrap_or(Path::new("~/.ssh/known_hosts")))
        }
    }
}

fn path_word(what: &str, path: &Path) -> Result<String, TransportError> {
    word(what, &path.to_string_lossy().replace('%', "%%"))
}

/// Quotes a value, and refuses one that would start another line or end the quotes.
fn word(what: &str, value: &str) -> Result<String, TransportError> {
    if value.is_empty()
        || value.starts_with('-')
        || value.contains(|c: char| c.is_control() || "\"\\".contains(c))
    {
        return Err(TransportError::Other(format!("{what} {value:?} is not usable")));
    }
    Ok(format!("\"{value}\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::{Bastion, Key};

    fn files<'a>() -> Files<'a> {
        Files {
            config: Path::new("/tmp/ha-x/1.conf"),
            bastion_log: Path::new("/tmp/ha-x/1.bastion.log"),
            pinned: None,
            key: Some(Path::new("/keys/100% mine")),
            bastion_key: None,
        }
    }

    fn target() -> Target {
        Target {
            known_hosts_file: Some("/known hosts".into()),
            connect_timeout: Duration::from_millis(2500),
            ..Target::new("fe80::1%eth0", "ops")
        }
    }

    #[test]
    fn direct() {
        let text = render(&target(), &files()).unwrap();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn through_a_bastion() {
        let bastion = Bastion {
            address: "gate.example".into(),
            port: 2222,
            user: "jump".into(),
            key: Key::Agent,
            host_key_policy: HostKeyPolicy::Insecure,
            known_hosts_file: None,
        };
        let target = Target {
            host_key_policy: HostKeyPolicy::Strict,
            bastion: Some(Box::new(bastion)),
            ..target()
        };
        let text = render(&target, &files()).unwrap();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_host_with_an_identity_of_its_own() {
        let pinned = Files {
            pinned: Some(Path::new("/tmp/ha-x/1.hosts")),
            ..files()
        };
        let insecure = Target {
            host_key_policy: HostKeyPolicy::Insecure,
            ..target()
        };
        let named = Target {
            host_key_alias: Some("VM-12".into()),
            ..target()
        };
        let texts = [render(&insecure, &pinned), render(&named, &files())];
        insta::assert_snapshot!(texts.map(Result::unwrap).join("\n"));
        let evil = Target {
            host_key_alias: Some("x\n  ProxyCommand evil".into()),
            ..target()
        };
        assert!(render(&evil, &files()).is_err());
    }

    #[test]
    fn a_value_cannot_bring_other_settings_in() {
        for address in [
            "",
            "m1\n  ProxyCommand evil",
            "m1\" x",
            "-oProxyCommand=evil",
            "m1\\",
        ] {
            let target = Target::new(address, "root");
            assert!(render(&target, &files()).is_err(), "{address:?}");
        }
        assert!(render(&Target::new("m1", "a\nb"), &files()).is_err());
    }

    #[test]
    fn host_keys_are_on_record_where_ssh_has_them() {
        let home = std::env::home_dir().unwrap();
        let file = known_hosts_file(HostKeyPolicy::AcceptNew, None);
        assert_eq!(file, home.join(".ssh/known_hosts"));
    }
}
