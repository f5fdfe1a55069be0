//! What every step of one operation shares.
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::progress::{Progress, Subject};
use crate::remote::Host;

/// What every step of one operation shares.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// The operation and its node, for example `create ha_master m2`.
    pub operation: String,
    /// The host that the operation is about.
    pub host: Host,
    /// Set when Terraform asks to stop.
    pub cancel: CancellationToken,
    /// When the user's `timeouts` end.
    pub deadline: Instant,
    /// Where steps are told to people.
    pub progress: Arc<Progress>,
    /// Whether the host's journal is written; not after a try that failed.
    pub keeps_journal: Arc<AtomicBool>,
}

impl Run {
    /// What the progress log says this is about.
    pub(crate) fn subject(&self) -> Subject<'_> {
        Subject {
            operation: &self.operation,
            host: self.host.name(),
        }
    }

    /// The host does not answer, so its journal is not tried any more.
    pub(crate) fn stop_journal(&self) {
        self.keeps_journal.store(false, Ordering::Relaxed);
    }

    /// What is left of the user's time.
    pub(crate) fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}
