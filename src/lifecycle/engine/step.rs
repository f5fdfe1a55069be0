//! What a step is: one change to a host or a cluster that can tell whether it is needed, and be repeated.
use async_trait::async_trait;

use super::{act::Act, run::Run};
use crate::lifecycle::failure::Failure;

/// What `check` saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Check {
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
pub(crate) trait Step: Send + Sync {
    /// An imperative phrase, the same in logs, errors and tests.
    fn title(&self) -> &'static str;

    /// Looks; it has no right to change anything. An error means that the step must not run: the reason, and what to do.
    async fn check(&self, run: &Run) -> Result<Check, Failure>;

    /// Makes the change. Safe to repeat after a half-done try.
    async fn perform(&self, act: Act<'_>) -> Result<(), Failure>;

    /// Cleans what a failed `perform` of this step began. Must work whether `perform`
    /// never started or stopped half-way.
    async fn undo(&self, _act: Act<'_>) -> Result<(), Failure> {
        Ok(())
    }

    /// Whether `undo` changes etcd's members: `drive` then takes the cluster's lock for it, where the step has it not.
    fn undo_changes_membership(&self) -> bool {
        false
    }

    /// Whether the step may be tried again through another master, if the one that it works through has gone away. Not so
    /// where an earlier step has judged the cluster as it was with that master.
    fn may_change_masters(&self) -> bool {
        true
    }

    /// Whether a cancelled run still does this step: short ones that finish what exists already.
    fn finishes(&self) -> bool {
        false
    }
}
