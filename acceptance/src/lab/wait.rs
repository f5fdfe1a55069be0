//! Waiting for a condition that gives no sign of itself.
use std::thread;
use std::time::{Duration, Instant};

/// Between two looks at a condition.
const POLL: Duration = Duration::from_millis(100);

/// Looks again and again until the condition holds; false if it did not within the time.
pub fn wait_until(patience: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if condition() {
            return true;
        }
        if start.elapsed() > patience {
            return false;
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place where conditions without an event are waited for"
        )]
        thread::sleep(POLL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_ends_with_the_condition_or_the_patience() {
        let mut looks = 0;
        assert!(wait_until(Duration::from_secs(60), || {
            looks += 1;
            looks == 2
        }));
        assert!(!wait_until(Duration::ZERO, || false));
    }
}
