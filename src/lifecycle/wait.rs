//! Waiting for named conditions, never for time alone.
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

use super::{
    failure::Failure,
    step::{Check, Run, Step},
};

const PAUSE: Duration = Duration::from_millis(250);

/// What a look at a condition came to.
#[derive(Debug)]
pub enum Seen<T> {
    /// The condition holds.
    Yes(T),
    /// Not yet; what was seen instead.
    NotYet(String),
}

/// Looks at a condition again and again until it holds, the run is cancelled, or `limit` is over; what was seen
/// last is part of the failure then. A failure of the look itself ends the wait. `name` is a phrase such as "the
/// Node is registered".
pub async fn wait_until<'a, T>(
    run: &Run,
    name: &str,
    limit: Duration,
    look: impl Fn() -> BoxFuture<'a, Result<Seen<T>, Failure>> + Send,
) -> Result<T, Failure> {
    let end = (Instant::now() + limit).min(run.deadline);
    loop {
        let seen = match look().await? {
            Seen::Yes(value) => return Ok(value),
            Seen::NotYet(seen) => seen,
        };
        if run.cancel.is_cancelled() {
            return Err(Failure::cancelled());
        }
        if Instant::now() >= end {
            let detail = format!("Waited for: {name}. Seen at the end: {seen}");
            return Err(Failure::new("A condition was not reached in time", detail)
                .advise("If the machine is only slow, raise the timeouts block's value; the next apply goes on from here."));
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that waits between two looks at a condition"
        )]
        tokio::time::sleep(PAUSE).await;
    }
}

/// Waits until the step's own check says that it is done.
pub async fn wait_until_done(run: &Run, step: &dyn Step, name: &str, limit: Duration) -> Result<(), Failure> {
    wait_until(run, name, limit, || {
        Box::pin(async {
            Ok(match step.check(run).await? {
                Check::Done => Seen::Yes(()),
                Check::Needed(why) => Seen::NotYet(why),
            })
        })
    })
    .await
}
