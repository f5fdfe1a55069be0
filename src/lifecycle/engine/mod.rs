//! What every operation stands on: steps and their run, waits, progress, the journal.
mod act;
pub(super) mod journal;
pub(super) mod process;
mod progress;
mod random;
mod run;
mod step;
mod wait;

pub(crate) use act::Act;
pub(crate) use progress::{Outcome, Progress};
pub(crate) use random::random;
pub(crate) use run::Run;
pub(crate) use step::{Check, Step};
pub(crate) use wait::{Condition, wait_at_most, wait_until, wait_until_done};
