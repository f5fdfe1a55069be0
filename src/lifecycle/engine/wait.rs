//! Waiting for named conditions, never for time alone.
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

use super::{
    run::Run,
    step::{Check, Step},
};
use crate::lifecycle::failure::Failure;

const PAUSE: Duration = Duration::from_millis(250);
/// How long a cancelled run still waits in a step that finishes what exists.
const GRACE: Duration = Duration::from_secs(60);

/// What a look at a condition came to.
#[derive(Debug)]
pub(crate) enum Condition<T> {
    /// The condition holds.
    Met(T),
    /// Not yet; what was seen instead.
    NotYet(String),
}

/// Looks at a condition again and again until it holds, the run is cancelled, or `limit` is over; what was seen
/// last is part of the failure then. A failure of the look itself ends the wait. `name` is a phrase such as "the
/// Node is registered".
pub(crate) async fn wait_until<'a, T>(
    run: &Run,
    name: &str,
    limit: Duration,
    look: impl Fn() -> BoxFuture<'a, Result<Condition<T>, Failure>> + Send,
) -> Result<T, Failure> {
    told(name, wait(run, limit, Duration::ZERO, look).await?)
}

/// The same, for a caller that says in words of its own what was seen last, the inner error, when `limit` is over.
pub(crate) async fn wait_at_most<'a, T>(
    run: &Run,
    limit: Duration,
    look: impl Fn() -> BoxFuture<'a, Result<Condition<T>, Failure>> + Send,
) -> Result<Result<T, String>, Failure> {
    wait(run, limit, Duration::ZERO, look).await
}

/// Waits until the step's own check says that it is done. A step that finishes what exists already goes on for a
/// while when the run is cancelled, so that the state can hold it.
pub(crate) async fn wait_until_done(
    run: &Run,
    step: &dyn Step,
    name: &str,
    limit: Duration,
) -> Result<(), Failure> {
    let grace = if step.finishes() { GRACE } else { Duration::ZERO };
    let waited = wait(run, limit, grace, || {
        Box::pin(async {
            Ok(match step.check(run).await? {
                Check::Done => Condition::Met(()),
                Check::Needed(why) => Condition::NotYet(why),
            })
        })
    });
    told(name, waited.await?)
}

fn told<T>(name: &str, waited: Result<T, String>) -> Result<T, Failure> {
    waited.map_err(|seen| {
        let detail = format!("Waited for: {name}. Seen at the end: {seen}");
        Failure::new("A condition was not reached in time", detail).advise(
            "If the machine is only slow, raise the timeouts block's value; the next apply goes on from here.",
        )
    })
}

async fn wait<'a, T>(
    run: &Run,
    limit: Duration,
    grace: Duration,
    look: impl Fn() -> BoxFuture<'a, Result<Condition<T>, Failure>> + Send,
) -> Result<Result<T, String>, Failure> {
    let end = (Instant::now() + limit).min(run.deadline);
    let mut stop_at = None;
    loop {
        let seen = match look().await? {
            Condition::Met(value) => return Ok(Ok(value)),
            Condition::NotYet(seen) => seen,
        };
        let now = Instant::now();
        if run.cancel.is_cancelled() && now >= *stop_at.get_or_insert(now + grace) {
            return Err(Failure::cancelled());
        }
        if now >= end {
            return Ok(Err(seen));
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that waits between two looks at a condition"
        )]
        tokio::time::sleep(PAUSE).await;
    }
}
