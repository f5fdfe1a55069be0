//! What a step is: one change to a host or a cluster that can tell whether it is needed, and be repeated.
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{failure::Failure, progress::Progress};
use crate::remote::Host;

/// What `check` saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// The step's end is reached; nothing to do.
    Done,
    /// There is something to do, and why.
    Needed(String),
}

/// One change, named in the words of the field.
///
/// Truth is what `check` sees, not what a log says: after a crash anywhere the next run starts at the first
/// step again and skips what is done.
#[async_trait]
pub trait Step: Send + Sync {
    /// An imperative phrase, the same in logs, errors and tests.
    fn title(&self) -> &'static str;

    /// Looks, never writes. An error means that the step must not run: the reason, and what to do.
    async fn check(&self, run: &Run) -> Result<Check, Failure>;

    /// Makes the change. Safe to repeat after a half-done try.
    async fn perform(&self, run: &Run) -> Result<(), Failure>;

    /// Cleans what a failed `perform` of this step began. Bears "never ran" and "half ran".
    async fn undo(&self, _run: &Run) -> Result<(), Failure> {
        Ok(())
    }

    /// Whether a cancelled run still does this step: short ones that finish what exists already.
    fn finishes(&self) -> bool {
        false
    }
}

/// What every step of one operation shares.
#[derive(Clone, Debug)]
pub struct Run {
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
    /// The host does not answer, so its journal is not tried any more.
    pub fn stop_journal(&self) {
        self.keeps_journal.store(false, Ordering::Relaxed);
    }

    /// What is left of the user's time.
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}
