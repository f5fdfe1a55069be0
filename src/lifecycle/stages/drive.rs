//! The only loop of lock, look, run, and again.
use async_trait::async_trait;
use futures::future::BoxFuture;

use super::{
    runner::{Held, run_stages},
    site::Site,
    stage::{Plan, Under},
};
use crate::lifecycle::{engine::Run, failure::Failure, lock::Lock};

/// An operation that looks under the cluster's lock and says what is to be done.
#[async_trait]
pub(crate) trait Decide: Sync {
    /// What the operation comes to.
    type End: Send;

    /// Looks; it changes nothing but notes, and a removal that is refused it takes back. `lock`: the cluster's, which is held now.
    async fn decide(&self, lock: &Lock) -> Result<Decision<'_, Self::End>, Failure>;
}

/// What an operation decides under the cluster's lock, by what it sees.
pub(crate) enum Decision<'a, T> {
    /// Run this; the operation has come to that.
    Go(Plan, T),
    /// Run this, then decide again.
    First(Plan),
    /// Give the lock back, wait for this, then decide again.
    WaitFor(BoxFuture<'a, Result<(), Failure>>),
    /// Take the lock anew and decide again: the hosts that answer have changed.
    Again,
}

enum Next<'a, T> {
    Rest(Plan, usize, T),
    Wait(BoxFuture<'a, Result<(), Failure>>),
    Again,
}

/// Takes the cluster's lock, lets the operation look, runs what it decides, until that is its end. `host`: the host's
/// lock, held all the time.
pub(crate) async fn drive<T: Send>(
    run: &Run,
    site: &Site<'_>,
    host: Option<&Lock>,
    operation: &dyn Decide<End = T>,
) -> Result<T, Failure> {
    loop {
        let lock = site.lock(run).await?;
        let next = lock
            .around(async |cluster| {
                let held = Held {
                    host,
                    cluster: Some(cluster),
                };
                Ok::<_, Failure>(match operation.decide(cluster).await? {
                    Decision::Go(plan, end) => {
                        let locked = locked_stages(&plan);
                        run_stages(run, &plan, 0..locked, held, Some(site)).await?;
                        Next::Rest(plan, locked, end)
                    }
                    Decision::First(plan) => {
                        run_stages(run, &plan, 0..plan.stages.len(), held, Some(site)).await?;
                        Next::Again
                    }
                    Decision::WaitFor(condition) => Next::Wait(condition),
                    Decision::Again => Next::Again,
                })
            })
            .await?;
        match next {
            Next::Rest(plan, locked, end) => {
                let held = Held { host, cluster: None };
                run_stages(run, &plan, locked..plan.stages.len(), held, Some(site)).await?;
                return Ok(end);
            }
            Next::Wait(condition) => condition.await?,
            Next::Again => {}
        }
    }
}

/// How many stages come before the last that needs the cluster's lock, that one included.
fn locked_stages(plan: &Plan) -> usize {
    let last = plan
        .stages
        .iter()
        .rposition(|stage| stage.under == Under::Cluster);
    last.map_or(0, |last| last + 1)
}
