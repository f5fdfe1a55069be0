//! Why an operation stopped, with everything that a person needs to go on.
use crate::{
    command::Failed,
    remote::{HostError, HostErrorKind},
};

/// A failure of a step: what, where, why, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{summary}: {detail}")]
pub struct Failure {
    /// What failed, without values, for a diagnostic's summary.
    pub summary: &'static str,
    /// Cause: the command's last lines, what was seen instead of what was expected.
    pub detail: String,
    /// What the user can change or do; empty if the cause says it.
    pub advice: String,
    /// The attribute to change, dotted (`ssh.user`), if it is one.
    pub attribute: Option<&'static str>,
    /// The host that the failure is about.
    pub host: Option<Box<str>>,
    /// The step's title; set by the runner.
    pub step: Option<&'static str>,
    /// What kind of failure it is, where a caller decides by it.
    pub kind: FailureKind,
}

/// The kinds of failure that callers treat differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// Something is wrong and stays wrong until somebody acts.
    Permanent,
    /// The host did not answer: it may be down, which is not the same as gone.
    Unreachable,
    /// The link broke under a script: what it did, and whether it still runs, is not known.
    Interrupted,
    /// Terraform asked to stop.
    Cancelled,
}

impl Failure {
    /// A permanent failure.
    pub fn new(summary: &'static str, detail: impl Into<String>) -> Self {
        Self {
            summary,
            detail: detail.into(),
            advice: String::new(),
            attribute: None,
            host: None,
            step: None,
            kind: FailureKind::Permanent,
        }
    }

    /// Terraform asked to stop.
    pub fn cancelled() -> Self {
        let detail = "Terraform asked to stop. What was finished stays; the next apply goes on from there.";
        Self {
            kind: FailureKind::Cancelled,
            ..Self::new("Stopped before the end", detail)
        }
    }

    /// Adds what the user can do.
    #[must_use]
    pub fn advise(self, advice: impl Into<String>) -> Self {
        Self {
            advice: advice.into(),
            ..self
        }
    }

    /// Points at an attribute, dotted.
    #[must_use]
    pub fn at(self, attribute: &'static str) -> Self {
        Self {
            attribute: Some(attribute),
            ..self
        }
    }

    /// Names the host, unless one is named already.
    #[must_use]
    pub fn on(mut self, host: &str) -> Self {
        self.host.get_or_insert_with(|| host.into());
        self
    }

    /// Names the step, unless one is named already.
    #[must_use]
    pub fn during(mut self, step: &'static str) -> Self {
        self.step.get_or_insert(step);
        self
    }
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        use crate::remote::TransportError as T;
        let failure = match &error.kind {
            HostErrorKind::Cancelled => Self::cancelled(),
            HostErrorKind::Failed(failed) => Self::from(failed.clone()),
            HostErrorKind::Transport(transport) => {
                let (summary, attribute, advice) = match transport {
                    T::SshNotInstalled => (
                        "The ssh program is missing",
                        None,
                        "Install the OpenSSH client where Terraform runs; this provider uses it for every connection.",
                    ),
                    T::UnknownName { .. } => (
                        "Host name has no address",
                        Some("host"),
                        "Check the host's name or use its address.",
                    ),
                    T::Refused { .. } => (
                        "Cannot reach host over SSH",
                        Some("host"),
                        "Check that sshd runs there and that ssh.port is right.",
                    ),
                    T::Unreachable { .. } => (
                        "Cannot reach host over SSH",
                        Some("host"),
                        "Check that the host is up and that its address, routes and firewalls let this machine in.",
                    ),
                    T::WrongKey { .. } => (
                        "SSH key not accepted",
                        Some("ssh"),
                        "Check ssh.user, ssh.private_key or ssh.private_key_file, and the user's authorized_keys on the host.",
                    ),
                    T::UnusableKey { .. } => (
                        "SSH private key not usable",
                        Some("ssh"),
                        "Give an unencrypted OpenSSH or PEM private key, or load an encrypted one into the agent and leave the key out.",
                    ),
                    T::HostKeyChanged { .. } => (
                        "SSH host key has changed",
                        Some("host"),
                        "If the machine was reinstalled, remove the old line from the known_hosts file; if it was not, somebody may be in between.",
                    ),
                    T::HostKeyUnknown { .. } => (
                        "SSH host key not known",
                        Some("host"),
                        "Add the host's key to the known_hosts file, or set ssh.host_key_policy = \"accept-new\".",
                    ),
                    T::SudoPassword { .. } => (
                        "sudo asks for a password",
                        Some("ssh.become"),
                        "Allow the user to run sudo without a password (NOPASSWD), or connect as root with become = false.",
                    ),
                    T::SudoNotInstalled => (
                        "sudo is missing on the host",
                        Some("ssh.become"),
                        "Install sudo, or connect as root with become = false.",
                    ),
                    T::Disconnected { .. } => (
                        "SSH connection broke",
                        None,
                        "The command may have gone on without us; the next apply looks before it does anything.",
                    ),
                    T::TimedOut { .. } => ("Command took too long", None, ""),
                    T::Other(_) => ("SSH failed", None, ""),
                };
                let failure = Self::new(summary, transport.to_string()).advise(advice);
                let failure = Self { attribute, ..failure };
                let kind = match transport {
                    // What ran may run on, and may even have ended well.
                    T::Disconnected { .. } | T::TimedOut { .. } | T::Other(_) => FailureKind::Interrupted,
                    _ if error.is_unreachable() => FailureKind::Unreachable,
                    _ => failure.kind,
                };
                Self { kind, ..failure }
            }
        };
        failure.on(&error.host)
    }
}

impl From<Failed> for Failure {
    fn from(failed: Failed) -> Self {
        Self::new("Command failed on the host", failed.to_string())
    }
}
