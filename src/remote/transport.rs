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
    /// The connection was made and dropped before the login: a machine that boots, or more logins at once than
    /// `MaxStartups` of `sshd_config(5)` allows.
    #[error("{hop} took the connection on port {port} and dropped it before the login: {reason}")]
    Dropped {
        /// The address that dropped it: the host or its bastion.
        hop: String,
        /// The port.
        port: u16,
        /// ssh's own words.
        reason: String,
    },
    /// The host lets nobody but root in yet, see `pam_nologin(8)`.
    #[error("{hop} lets nobody in while it boots or goes down: {says}")]
    Booting {
        /// The host or its bastion.
        hop: String,
        /// Its words.
        says: String,
    },
    /// No key was accepted.
    #[error("{hop} accepts none of the keys offered for user {user}")]
    WrongKey {
        /// The host or its bastion.
        hop: String,
        /// The user that was tried.
        user: String,
    },
    /// The server ended the login after too many keys (`MaxAuthTries` of `sshd_config(5)`), before ours came.
    #[error("{hop} ended the login of user {user} after too many keys")]
    TooManyKeys {
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
    /// ssh does not run for the user who runs this process.
    #[error("ssh does not run on this machine: {says}")]
    NoLocalUser {
        /// ssh's own words.
        says: String,
    },
    /// This machine's ssh does not know an option that we give it.
    #[error("the ssh of this machine is too old: {says}")]
    SshTooOld {
        /// ssh's own words.
        says: String,
    },
    /// The login worked, and something other than a shell answered.
    #[error("{hop} runs no commands for user {user}: it says {says:?}")]
    LoginRefused {
        /// The host.
        hop: String,
        /// Who logged in.
        user: String,
        /// Its words.
        says: String,
        /// What they mean.
        refusal: Refusal,
    },
    /// The login shell ended before our script began.
    #[error(
        "the login shell of user {user} on {hop} ended ({how}) before our script began{}",
        and_says(says)
    )]
    ShellEnded {
        /// The host.
        hop: String,
        /// Who logged in.
        user: String,
        /// With which status.
        how: String,
        /// Its words, maybe none.
        says: String,
    },
    /// The login shell did not come to our script.
    #[error(
        "the login shell of user {user} on {hop} did not begin our script within {seconds} s{}",
        and_says(says)
    )]
    ShellStuck {
        /// The host.
        hop: String,
        /// Who logged in.
        user: String,
        /// How long it was waited for.
        seconds: u64,
        /// Its words, maybe none.
        says: String,
    },
    /// A part of the script did not arrive; none of it ran.
    #[error(
        "a part of our script was read by another program before the shell of user {user} on {hop} got it"
    )]
    InputTaken {
        /// The host.
        hop: String,
        /// Who logged in.
        user: String,
    },
    /// sshd grants no session on a connection that is up, see `MaxSessions` of `sshd_config(5)`.
    #[error("{hop} grants no session on the connection")]
    NoSession {
        /// The host.
        hop: String,
    },
    /// The host is without a program that every script needs.
    #[error("{hop} has no {tool}")]
    ToolMissing {
        /// The host.
        hop: String,
        /// The program.
        tool: &'static str,
    },
    /// sudo wants a terminal (`requiretty` of sudoers(5)).
    #[error("sudo runs for user {user} on a terminal only (requiretty)")]
    SudoTty {
        /// The user that tried.
        user: String,
    },
    /// The user may not run everything with sudo.
    #[error("sudo does not let user {user} run everything as root: {says}")]
    SudoNotAllowed {
        /// The user that tried.
        user: String,
        /// sudo's own words.
        says: String,
    },
    /// The host shows another key than those that are pinned for it.
    #[error("the host key of {hop} is none of those in host_key: it shows {shown}")]
    HostKeyNotGiven {
        /// The host.
        hop: String,
        /// Fingerprint shown now, `SHA256:…`.
        shown: String,
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

/// What something other than a shell means by its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// This user is to be taken instead, as cloud images say of root.
    AnotherUser(String),
    /// The user's shell is `nologin`.
    NoShell,
    /// The password or the account has expired.
    Expired,
    /// A restricted shell, or one for a single purpose.
    Restricted,
}

fn and_says(says: &str) -> String {
    if says.is_empty() {
        String::new()
    } else {
        format!("; it says {says:?}")
    }
}

impl TransportError {
    /// Whether the host may just not be up yet, so that waiting helps.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. }
                | Self::Unreachable { .. }
                | Self::UnknownName { .. }
                | Self::Dropped { .. }
                | Self::Booting { .. }
                | Self::NoSession { .. }
                | Self::Disconnected { .. }
        )
    }

    /// Whether a machine that still sets itself up may answer like this for a while: its user, key or shell may be on
    /// their way. It may be somebody's mistake as well.
    pub fn may_pass_after_boot(&self) -> bool {
        matches!(
            self,
            Self::WrongKey { .. } | Self::ShellEnded { .. } | Self::ShellStuck { .. }
        )
    }

    /// Whether the host could not be reached at all: it may be down, which is not the same as gone.
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. } | Self::Unreachable { .. } | Self::Dropped { .. } | Self::UnknownName { .. }
        )
    }
}
