//! How to reach a host, as plain data.
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::PublicKey;
use crate::command::Secret;

/// A host and the way to it. Equal targets share one connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// Name or address, as the user wrote it.
    pub address: String,
    /// Port of its sshd, usually 22.
    pub port: u16,
    /// Who logs in.
    pub user: String,
    /// Run scripts with `sudo -n` unless the user is root.
    pub r#become: bool,
    /// What the user logs in with.
    pub key: Key,
    /// What to do with a host key that is not on record.
    pub host_key_policy: HostKeyPolicy,
    /// Where host keys are on record; `~/.ssh/known_hosts` unless told. A leading `~` is expanded.
    pub known_hosts_file: Option<PathBuf>,
    /// The only keys that the host may show, whatever the policy and the record say; empty: the record decides.
    pub host_keys: Vec<PublicKey>,
    /// The name that the host's key is on record by (`HostKeyAlias` of `ssh_config(5)`) instead of its address.
    pub host_key_alias: Option<String>,
    /// The host to go through, if any.
    pub bastion: Option<Box<Bastion>>,
    /// How long one try to connect may take; rounded up to whole seconds.
    pub connect_timeout: Duration,
}

impl Target {
    /// How long one try to connect may take unless told.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

    /// Port 22, the agent's keys, [`HostKeyPolicy::AcceptNew`], no `become`, no bastion, 10 s for one try.
    pub fn new(address: impl Into<String>, user: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            port: 22,
            user: user.into(),
            r#become: false,
            key: Key::Agent,
            host_key_policy: HostKeyPolicy::AcceptNew,
            known_hosts_file: None,
            host_keys: Vec::new(),
            host_key_alias: None,
            bastion: None,
            connect_timeout: Self::CONNECT_TIMEOUT,
        }
    }
}

/// A host that is only passed through.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Bastion {
    /// Name or address, as the user wrote it.
    pub address: String,
    /// Port of its sshd, usually 22.
    pub port: u16,
    /// Who logs in.
    pub user: String,
    /// What the user logs in with.
    pub key: Key,
    /// What to do with a host key that is not on record.
    pub host_key_policy: HostKeyPolicy,
    /// Where host keys are on record; `~/.ssh/known_hosts` unless told. A leading `~` is expanded.
    pub known_hosts_file: Option<PathBuf>,
}

/// What a user logs in with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// The keys of the agent at `SSH_AUTH_SOCK`, then ssh's default key files.
    Agent,
    /// This private key file only. A leading `~` is expanded. An encrypted one works if the agent holds it.
    File(PathBuf),
    /// This private key only. It is on disk, in a file of mode 0600, only while a connection is made.
    Text(Secret),
}

/// What to do with a host key that is not on record. One that differs from the record is always refused,
/// except by `Insecure`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HostKeyPolicy {
    /// Refuse it.
    Strict,
    /// Record it.
    #[default]
    AcceptNew,
    /// Accept any key, each time, and record none.
    Insecure,
}

/// Replaces a leading `~` by the home folder of the user who runs this process.
pub(super) fn expand_tilde(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::home_dir()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_text_never_shows() {
        let mut target = Target::new("m1", "root");
        target.key = Key::Text(Secret::new("hunter2"));
        assert!(!format!("{target:?}").contains("hunter2"));
    }

    #[test]
    fn only_a_leading_tilde_is_the_home_folder() {
        let home = std::env::home_dir().unwrap();
        assert_eq!(expand_tilde(Path::new("~/.ssh/x")), home.join(".ssh/x"));
        assert_eq!(expand_tilde(Path::new("/a/~/x")), Path::new("/a/~/x"));
        assert_eq!(expand_tilde(Path::new("~other/x")), Path::new("~other/x"));
    }
}
