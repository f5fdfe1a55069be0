//! Times without something that a probe watches: when each began and how long it was.
use std::time::{Duration, Instant};

/// Times without something that was there before: when each began and how long it was.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outages(Vec<(Instant, Duration)>);

impl Outages {
    /// In samples (when, whether it was there), in their order: from the last sample with it to the next. Before the
    /// first sample with it there is no outage; one that does not end ends with the last sample. None if it never was.
    pub fn of(samples: &[(Instant, bool)]) -> Option<Self> {
        let mut outages = Vec::new();
        let mut last_good: Option<Instant> = None;
        let mut is_out = false;
        for (index, (at, good)) in samples.iter().enumerate() {
            let Some(since) = last_good else {
                last_good = good.then_some(*at);
                continue;
            };
            let is_last = index + 1 == samples.len();
            if is_out && (*good || is_last) || (!good && is_last) {
                outages.push((since, at.duration_since(since)));
            }
            is_out = !good;
            if *good {
                last_good = Some(*at);
            }
        }
        last_good.map(|_| Self(outages))
    }

    /// All of them together.
    pub fn total(&self) -> Duration {
        self.0.iter().map(|(_, length)| *length).sum()
    }

    /// The longest.
    pub fn longest(&self) -> Duration {
        self.0.iter().map(|(_, length)| *length).max().unwrap_or_default()
    }

    /// Each with the time since `start`.
    pub fn tell(&self, start: Instant) -> String {
        let tell = |(at, length): &(Instant, Duration)| {
            let at = at.saturating_duration_since(start);
            format!("{:.1} s at {:.1} s", length.as_secs_f64(), at.as_secs_f64())
        };
        self.0.iter().map(tell).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<(u64, u64)> {
        let start = Instant::now();
        let samples: Vec<_> = text
            .bytes()
            .zip(0..)
            .map(|(byte, second)| (start + Duration::from_secs(second), byte == b'+'))
            .collect();
        let outages = Outages::of(&samples)?;
        Some((outages.total().as_secs(), outages.longest().as_secs()))
    }

    #[test]
    fn outages_lie_between_good_samples() {
        assert_eq!(of(""), None);
        assert_eq!(of("---"), None);
        assert_eq!(of("--+++"), Some((0, 0)));
        assert_eq!(of("++-++"), Some((2, 2)));
        assert_eq!(of("+-+--+"), Some((5, 3)));
        assert_eq!(of("++--"), Some((2, 2)));
    }
}
