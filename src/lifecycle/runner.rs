//! Runs an operation's list of steps in order: check, perform, check again.
use std::{ops::Range, time::Instant};

use super::{
    cluster_lock::ClusterLock,
    failure::{Failure, FailureKind},
    journal,
    step::{Check, Run, Step},
};

/// Runs the steps. Stops at the first failure, after that step's own `undo`; earlier steps stay as they are,
/// and the next run goes on from there.
///
/// A step that is running is never dropped: a cancelled run stops between steps.
pub async fn run_steps(run: &Run, steps: &[Box<dyn Step>]) -> Result<(), Failure> {
    run_some(run, steps, 0..steps.len(), None).await
}

/// Runs some of an operation's steps, numbered among all of them; none of them without the lock, if there is one.
pub async fn run_some(
    run: &Run,
    steps: &[Box<dyn Step>],
    some: Range<usize>,
    lock: Option<&ClusterLock>,
) -> Result<(), Failure> {
    let total = steps.len();
    let Range { start, end } = some;
    for (index, step) in steps.iter().enumerate().take(end).skip(start) {
        let title = step.title();
        let named = |failure: Failure| failure.on(run.host.name()).during(title);
        if run.cancel.is_cancelled() && !step.finishes() {
            return Err(named(Failure::cancelled()));
        }
        lock.map_or(Ok(()), ClusterLock::check).map_err(named)?;
        let begun = Instant::now();
        run.progress.step_started(run, index + 1, total, title);
        let outcome = run_step(run, step.as_ref()).await.map_err(named);
        run.progress
            .step_ended(run, index + 1, total, title, begun.elapsed(), &outcome);
        outcome?;
    }
    Ok(())
}

/// Whether a step changed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done already.
    Unchanged,
    /// It was performed.
    Changed,
}

async fn run_step(run: &Run, step: &dyn Step) -> Result<Outcome, Failure> {
    if step.check(run).await? == Check::Done {
        return Ok(Outcome::Unchanged);
    }
    journal::began(run, step.title()).await;
    let performed = step.perform(run).await;
    journal::ended(run, step.title(), &performed).await;
    if let Err(failure) = performed {
        // A cut link or a stop leaves the work on the host going on; the next run finds it by `check`.
        if failure.kind == FailureKind::Permanent
            && let Err(left) = step.undo(run).await
        {
            let detail = format!("{}\nCleaning up after it failed too: {left}", failure.detail);
            return Err(Failure { detail, ..failure });
        }
        return Err(failure);
    }
    match step.check(run).await? {
        Check::Done => Ok(Outcome::Changed),
        Check::Needed(why) => Err(Failure::new("A step did not reach its end", why)),
    }
}
