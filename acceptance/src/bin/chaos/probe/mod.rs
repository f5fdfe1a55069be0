//! What users of the cluster see while Terraform and the fault are at work: sampled by threads, judged afterwards.
pub(crate) mod api;
pub(crate) mod quorum;
pub(crate) mod workload;

use std::time::{Duration, Instant};

/// Times without something that was there before.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Outage {
    /// All of them together.
    pub(crate) total: Duration,
    /// The longest.
    pub(crate) longest: Duration,
}

/// The outages in samples (when, whether it was there), in their order: from the last sample with it to the next. Before
/// the first sample with it there is no outage; one that does not end ends with the last sample.
pub(crate) fn outages(samples: &[(Instant, bool)]) -> Outage {
    let mut outage = Outage::default();
    let mut last_good: Option<Instant> = None;
    let mut is_out = false;
    for (index, (at, good)) in samples.iter().enumerate() {
        let Some(since) = last_good else {
            last_good = good.then_some(*at);
            continue;
        };
        let is_last = index + 1 == samples.len();
        if is_out && (*good || is_last) || (!good && is_last) {
            let length = at.duration_since(since);
            outage.total += length;
            outage.longest = outage.longest.max(length);
        }
        is_out = !good;
        if *good {
            last_good = Some(*at);
        }
    }
    outage
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> (u64, u64) {
        let start = Instant::now();
        let samples: Vec<_> = text
            .bytes()
            .zip(0..)
            .map(|(byte, second)| (start + Duration::from_secs(second), byte == b'+'))
            .collect();
        let outage = outages(&samples);
        (outage.total.as_secs(), outage.longest.as_secs())
    }

    #[test]
    fn outages_lie_between_good_samples() {
        assert_eq!(of(""), (0, 0));
        assert_eq!(of("---"), (0, 0));
        assert_eq!(of("--+++"), (0, 0));
        assert_eq!(of("++-++"), (2, 2));
        assert_eq!(of("+-+--+"), (5, 3));
        assert_eq!(of("++--"), (2, 2));
    }
}
