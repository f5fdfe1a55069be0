//! When a fault strikes: measured by the operation's own progress, or by the clock.
use std::fmt;
use std::time::Duration;

use fastrand::Rng;

/// A moment within a run of Terraform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// When so many steps have begun, on all hosts together.
    Step(usize),
    /// So long after Terraform's start; may be while it plans.
    Time(Duration),
}

impl Moment {
    /// One within an operation of about so many steps.
    pub(crate) fn random(rng: &mut Rng, steps: usize) -> Self {
        if rng.u8(..4) > 0 {
            Self::Step(rng.usize(1..=steps.saturating_sub(1).max(1)))
        } else {
            let last = 3000 + u64::try_from(steps).unwrap_or(u64::MAX / 1000) * 900;
            Self::Time(Duration::from_millis(rng.u64(200..last)))
        }
    }

    /// Whether it has come.
    pub(crate) fn has_come(self, steps: usize, elapsed: Duration) -> bool {
        match self {
            Self::Step(step) => steps >= step,
            Self::Time(time) => elapsed >= time,
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step(step) => write!(f, "step {step}"),
            Self::Time(time) => write!(f, "{:.1} s", time.as_secs_f64()),
        }
    }
}
