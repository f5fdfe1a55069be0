//! Waiting for named conditions, never for time alone.
use std::time::{Duration, Instant};

use super::{failure::Failure, step::Run};

const PAUSE: Duration = Duration::from_millis(250);

/// Asks `condition` again and again until it says yes (`Ok(None)`), the run is cancelled, or `limit` is over.
///
/// `Ok(Some(seen))` says what was seen instead; the last one is part of the failure. An error of the
/// condition itself ends the wait. `name` is a phrase such as "the API server is ready".
pub async fn wait_until<F>(run: &Run, name: &str, limit: Duration, mut condition: F) -> Result<(), Failure>
where
    F: AsyncFnMut() -> Result<Option<String>, Failure>,
{
    let end = (Instant::now() + limit).min(run.deadline);
    loop {
        let Some(seen) = condition().await? else { return Ok(()) };
        if run.cancel.is_cancelled() {
            return Err(Failure::cancelled());
        }
        if Instant::now() >= end {
            let detail = format!("Waited for: {name}. Seen at the end: {seen}");
            return Err(Failure::new("A condition was not reached in time", detail)
                .advise("If the machine is only slow, raise the timeouts block's value; the next apply goes on from here."));
        }
        #[expect(clippy::disallowed_methods, reason = "the one place that waits between two looks at a condition")]
        tokio::time::sleep(PAUSE).await;
    }
}
