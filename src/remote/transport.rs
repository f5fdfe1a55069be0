//! The one method that everything on a host goes through, and its errors.
use async_trait::async_trait;

use crate::command::{Output, Script};

/// A way to run scripts on one host.
#[async_trait]
pub trait Transport: Send + Sync + std::fmt::Debug {
    /// Runs the script to its end and gives its exit status and output, whatever the status is.
    ///
    /// An error means that the status is not known: the host was not reached, or the link broke. A caller
    /// that drops the future does not stop the script on the host.
    async fn run(&self, script: &Script) -> Result<Output, TransportError>;
}

/// Why a script's status is not known. Each variant says one thing that a person can act on.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum TransportError {
    /// The `ssh` program is not on this machine.
    #[error("the program `ssh` is not installed on this machine")]
    SshNotInstalled,
    /// The host's name has no address.
    #[error("the name {name} has no address")]
    UnknownName {
        /// The name as the user wrote it.
        name: String,
    },
    /// Nothing listens on the port.
    #[error("{hop} refused the connection on port {port}")]
    Refused {
        /// The address that refused: the host or its bastion.
        hop: String,
        /// The port.
        port: u16,
    },
    /// No answer in time, or no route.
    #[error("{hop} did not answer on port {port}: {reason}")]
    Unreachable {
        /// The address that did not answer: the host or its bastion.
        hop: String,
        /// The port.
        port: u16,
        /// ssh's own words.
        reason: String,
    },
    /// No key was accepted.
    #[error("{hop} accepts none of the keys offered for user {user}")]
    WrongKey {
        /// The host or its bastion.
        hop: String,
        /// The user that was tried.
        user: String,
    },
    /// The private key can't be used: unreadable, encrypted, not a key.
    #[error("the private key cannot be used: {reason}")]
    UnusableKey {
        /// What is wrong with it.
        reason: String,
    },
    /// The host shows another key than the one that is known.
    #[error("the host key of {hop} has changed: known {known}, now {shown}")]
    HostKeyChanged {
        /// The host or its bastion.
        hop: String,
        /// Fingerprint on record, `SHA256:…`.
        known: String,
        /// Fingerprint shown now, `SHA256:…`.
        shown: String,
        /// Where the known key is recorded, `FILE:LINE`.
        record: String,
    },
    /// Policy `strict`, and no key is on record for the host.
    #[error("the host key of {hop} is not known and host_key_policy is strict")]
    HostKeyUnknown {
        /// The host or its bastion.
        hop: String,
    },
    /// `sudo -n` asks for a password.
    #[error("sudo asks user {user} for a password")]
    SudoPassword {
        /// The user that tried.
        user: String,
    },
    /// `become` is set and the host has no sudo.
    #[error("sudo is not installed on the host")]
    SudoNotInstalled,
    /// The link broke while the script ran; whether it goes on is not known.
    #[error("the connection broke during {title}")]
    Disconnected {
        /// The script's title.
        title: &'static str,
    },
    /// The host ended the script because its limit was over.
    #[error("{title} was ended after {seconds} s")]
    TimedOut {
        /// The script's title.
        title: &'static str,
        /// The limit.
        seconds: u64,
    },
    /// Anything else that ssh says.
    #[error("ssh failed: {0}")]
    Other(String),
}

impl TransportError {
    /// Whether the host may just not be up yet, so that waiting helps.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. }
                | Self::Unreachable { .. }
                | Self::UnknownName { .. }
                | Self::Disconnected { .. }
        )
    }

    /// Whether the host could not be reached at all: it may be down, which is not the same as gone.
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. } | Self::Unreachable { .. } | Self::UnknownName { .. }
        )
    }
}
