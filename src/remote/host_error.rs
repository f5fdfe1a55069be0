//! What can go wrong with a host.
use std::time::Duration;

use super::TransportError;
use crate::command::Failed;

/// What went wrong, and on which host.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("host {host}")]
pub struct HostError {
    /// The host's address as the user wrote it.
    pub host: String,
    /// What went wrong.
    #[source]
    pub kind: HostErrorKind,
    /// How long it was tried; zero if once.
    pub tried_for: Duration,
}

impl HostError {
    /// Whether the host could not be reached at all: it may be down, which is not the same as gone.
    pub fn is_unreachable(&self) -> bool {
        matches!(&self.kind, HostErrorKind::Transport(error) if error.is_unreachable())
    }

    /// Whether nothing answers at the host's own address. Not so if the bastion does not answer: of the host nothing
    /// is known then.
    pub fn is_host_silent(&self) -> bool {
        use TransportError as T;
        match &self.kind {
            HostErrorKind::Transport(
                T::Refused { hop, .. }
                | T::Unreachable { hop, .. }
                | T::Dropped { hop, .. }
                | T::UnknownName { name: hop },
            ) => *hop == self.host,
            _ => false,
        }
    }

    /// Whether a machine that still sets itself up may answer like this, see
    /// [`TransportError::may_pass_after_boot`].
    pub fn may_pass_after_boot(&self) -> bool {
        matches!(&self.kind, HostErrorKind::Transport(error) if error.may_pass_after_boot())
    }

    /// Whether the same again may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(&self.kind, HostErrorKind::Transport(error) if error.is_transient())
    }
}

/// What went wrong on a host.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum HostErrorKind {
    /// The script's status is not known.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The script ended with another status than 0.
    #[error(transparent)]
    Failed(#[from] Failed),
    /// The run was cancelled.
    #[error("cancelled")]
    Cancelled,
}
