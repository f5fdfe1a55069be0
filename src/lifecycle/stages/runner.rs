//! Runs the steps of a plan in order: check, perform, check again.
use std::{ops::Range, time::Instant};

use super::{
    site::Site,
    stage::{Plan, Stage},
};
use crate::lifecycle::{
    engine::{Act, Check, Outcome, Run, Step, journal},
    failure::{Failure, FailureKind},
    lock::Lock,
};

/// The locks that the operation holds; all of them are checked before each step.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Held<'a> {
    /// The host's; none where the host does not answer.
    pub(crate) host: Option<&'a Lock>,
    /// The cluster's.
    pub(crate) cluster: Option<&'a Lock>,
}

impl<'a> Held<'a> {
    /// The host's lock alone.
    pub(crate) fn by_host(lock: &'a Lock) -> Self {
        Self {
            host: Some(lock),
            cluster: None,
        }
    }

    fn check(self) -> Result<(), Failure> {
        [self.host, self.cluster]
            .into_iter()
            .flatten()
            .try_for_each(Lock::check)
    }
}

/// Runs a plan of stages that need no more locks than are held; none is held where the host does not answer, and for a load
/// balancer (decision 46). Stops at the first failure, after that step's own
/// `undo` and what takes the stage back; earlier steps stay as they are, and the next run goes on from there.
///
/// A step that is running is never dropped: a cancelled run stops between steps.
pub(crate) async fn run_plan(run: &Run, plan: &Plan, held: Held<'_>) -> Result<(), Failure> {
    run_stages(run, plan, 0..plan.stages.len(), held, None).await
}

/// Runs some stages of a plan; the steps are numbered among all of them. `site`: where an undo takes the cluster's lock
/// again.
pub(super) async fn run_stages(
    run: &Run,
    plan: &Plan,
    some: Range<usize>,
    held: Held<'_>,
    site: Option<&Site<'_>>,
) -> Result<(), Failure> {
    let total = plan.stages.iter().map(|stage| stage.steps.len()).sum();
    let mut number = 0;
    for (index, stage) in plan.stages.iter().enumerate() {
        if some.contains(&index) {
            let stage_run = StageRun {
                run,
                stage,
                held,
                site,
            };
            let next = plan.stages.get(index + 1).and_then(|next| next.steps.first());
            let outcome = match stage_run.steps(number, total).await {
                Ok(()) => stage_run.stop_before(next.map(AsRef::as_ref)),
                failed => failed,
            };
            match &stage.take_back {
                Some(back) => take_back(run, back.as_ref(), outcome).await?,
                None => outcome?,
            }
        }
        number += stage.steps.len();
    }
    Ok(())
}

/// Takes back what was done if this outcome is a refusal, a failure or a stop. A broken link or a host that went away
/// takes nothing back: what runs there may go on, and the next run finds it.
pub(crate) async fn take_back<T>(
    run: &Run,
    back: &dyn Step,
    outcome: Result<T, Failure>,
) -> Result<T, Failure> {
    let Err(failure) = outcome else { return outcome };
    if !matches!(failure.kind, FailureKind::Permanent | FailureKind::Cancelled) {
        return Err(failure);
    }
    Err(match back.perform(Act::on(run)).await {
        Ok(()) => failure,
        Err(left) => Failure {
            detail: format!("{}\nIt could not be taken back: {left}", failure.detail),
            ..failure
        },
    })
}

struct StageRun<'a> {
    run: &'a Run,
    stage: &'a Stage,
    held: Held<'a>,
    site: Option<&'a Site<'a>>,
}

impl StageRun<'_> {
    async fn steps(&self, before: usize, total: usize) -> Result<(), Failure> {
        let Self { run, stage, .. } = self;
        for (index, step) in stage.steps.iter().enumerate() {
            let (number, title) = (before + index + 1, step.title());
            let named = |failure: Failure| failure.on(run.host.name()).during(title);
            if run.cancel.is_cancelled() && !step.finishes() {
                return Err(named(Failure::cancelled()));
            }
            self.held.check().map_err(named)?;
            let begun = Instant::now();
            run.progress.step_started(run.subject(), number, total, title);
            let outcome = self.step(step.as_ref()).await.map_err(named);
            run.progress
                .step_ended(run.subject(), number, total, title, begun.elapsed(), &outcome);
            outcome?;
        }
        Ok(())
    }

    /// A stop that came while the last step ran is one of this stage, as long as it can be taken back.
    fn stop_before(&self, next: Option<&dyn Step>) -> Result<(), Failure> {
        match next {
            Some(next)
                if self.stage.take_back.is_some() && self.run.cancel.is_cancelled() && !next.finishes() =>
            {
                Err(Failure::cancelled().on(self.run.host.name()).during(next.title()))
            }
            _ => Ok(()),
        }
    }

    /// A step that works through a master which has gone away is tried again: it works through another one then.
    async fn step(&self, step: &dyn Step) -> Result<Outcome, Failure> {
        let failure = match self.step_once(step).await {
            Err(failure) if step.may_change_masters() && self.is_about_another_host(&failure) => failure,
            ended => return ended,
        };
        if self.run.cancel.is_cancelled() && !step.finishes() {
            return Err(failure);
        }
        self.held.check()?;
        tracing::info!(%failure, step = step.title(), "tried again, through another master");
        self.step_once(step).await
    }

    fn is_about_another_host(&self, failure: &Failure) -> bool {
        let is_own = |host: &str| host == self.run.host.name();
        failure.kind == FailureKind::Unreachable && !failure.host.as_deref().is_none_or(is_own)
    }

    async fn step_once(&self, step: &dyn Step) -> Result<Outcome, Failure> {
        let Self { run, .. } = self;
        if step.check(run).await? == Check::Done {
            return Ok(Outcome::Unchanged);
        }
        journal::began(run, step.title()).await;
        let performed = step.perform(Act::on(run)).await;
        journal::ended(run, step.title(), &performed).await;
        if let Err(failure) = performed {
            // A cut link or a stop leaves the work on the host going on; the next run finds it by `check`.
            if failure.kind == FailureKind::Permanent
                && let Err(left) = self.undo(step).await
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

    /// The step's own `undo`, under the cluster's lock where it changes etcd's members.
    async fn undo(&self, step: &dyn Step) -> Result<(), Failure> {
        match self.site {
            Some(site) if step.undo_changes_membership() && self.held.cluster.is_none() => {
                let lock = site.lock(self.run).await?;
                lock.around(async |_| step.undo(Act::on(self.run)).await).await
            }
            _ => step.undo(Act::on(self.run)).await,
        }
    }
}
