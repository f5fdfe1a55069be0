//! Whether etcd kept its quorum in a round; and if it did not, by whose doing.
use std::time::{Duration, Instant};

use super::etcd::{FRESH, Sample};

/// An election is not a loss of quorum; on a loaded machine one takes a few seconds.
const ELECTION: Duration = Duration::from_secs(6);
/// A removal that was decided just before or after the fault struck cannot know of it.
const BLIND: Duration = Duration::from_secs(5);
/// A member that was down needs so long to be back after its host is.
const RECOVERY: Duration = Duration::from_secs(60);

/// What a fault did to a member's host, and when.
#[derive(Clone, Debug)]
pub(crate) struct Blame {
    pub(crate) member: String,
    pub(crate) from: Instant,
    /// None while it lasts.
    pub(crate) until: Option<Instant>,
}

/// What became of the quorum.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// There was no etcd.
    Absent,
    Kept,
    /// Lost for so long, by the fault alone: it hit more members than the cluster can miss.
    LostToFault(Duration),
    /// Lost for so long, and without Terraform it would not have been.
    LostToTerraform(Duration),
}

/// Judges the samples of a round.
pub(crate) fn judge(samples: &[Sample], blame: Option<&Blame>) -> Verdict {
    let mut verdict = Verdict::Absent;
    let mut lost_since: Option<&Sample> = None;
    for (index, sample) in samples.iter().enumerate() {
        let decides =
            sample.voters.iter().any(|name| sample.healthy.contains(name)) || !sample.healthy.is_empty();
        if decides && verdict == Verdict::Absent {
            verdict = Verdict::Kept;
        }
        if verdict == Verdict::Absent {
            continue;
        }
        if !decides && lost_since.is_none() {
            lost_since = Some(sample);
        }
        if let Some(since) = lost_since
            && (decides || index + 1 == samples.len())
        {
            let length = sample.at.duration_since(since.at) + FRESH;
            lost_since = None;
            if length < ELECTION {
                continue;
            }
            let by_fault = blame.is_some_and(|blame| is_to_blame(blame, since, samples));
            verdict = worse(verdict, by_fault, length);
        }
    }
    verdict
}

/// Whether the fault by itself, with the voters of that moment, leaves fewer than a majority.
fn is_to_blame(blame: &Blame, lost: &Sample, samples: &[Sample]) -> bool {
    let is_over = blame.until.is_some_and(|until| lost.at > until + RECOVERY);
    if is_over || lost.at + FRESH < blame.from {
        return false;
    }
    let near = samples
        .iter()
        .filter(|sample| sample.at + BLIND >= blame.from && sample.at <= blame.from + BLIND);
    near.map(|sample| &sample.voters).any(|voters| {
        let left = voters.iter().filter(|name| **name != blame.member).count();
        !voters.is_empty() && left < voters.len() / 2 + 1
    })
}

fn worse(verdict: Verdict, by_fault: bool, length: Duration) -> Verdict {
    match (verdict, by_fault) {
        (Verdict::LostToTerraform(before), false) => Verdict::LostToTerraform(before + length),
        (before @ Verdict::LostToTerraform(_), true) => before,
        (Verdict::LostToFault(before), true) => Verdict::LostToFault(before + length),
        (_, true) => Verdict::LostToFault(length),
        (_, false) => Verdict::LostToTerraform(length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sample a second: the voters, and those of them that are healthy.
    fn samples(start: Instant, seconds: &[(&str, &str, u32)]) -> Vec<Sample> {
        let set = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        let mut samples: Vec<Sample> = Vec::new();
        for (voters, healthy, length) in seconds {
            for _ in 0..*length {
                let at = start + Duration::from_secs(samples.len() as u64);
                samples.push(Sample {
                    at,
                    healthy: set(healthy),
                    voters: set(voters),
                });
            }
        }
        samples
    }

    fn blame(start: Instant, member: &str, from: u64, until: u64) -> Blame {
        Blame {
            member: member.into(),
            from: start + Duration::from_secs(from),
            until: Some(start + Duration::from_secs(until)),
        }
    }

    #[test]
    fn a_cluster_that_is_made_has_kept_its_quorum() {
        let start = Instant::now();
        assert_eq!(judge(&samples(start, &[("", "", 5)]), None), Verdict::Absent);
        let made = samples(start, &[("", "", 5), ("m1", "m1", 9), ("m1 m2", "m1", 1)]);
        assert_eq!(judge(&made, None), Verdict::Kept);
    }

    #[test]
    fn an_election_is_no_loss() {
        let seen = samples(
            Instant::now(),
            &[("m1 m2 m3", "m1", 3), ("m1 m2 m3", "", 3), ("m1 m2 m3", "m2", 3)],
        );
        assert_eq!(judge(&seen, None), Verdict::Kept);
    }

    #[test]
    fn a_dead_member_of_two_is_the_faults_doing() {
        let start = Instant::now();
        let seen = samples(
            start,
            &[("m1 m2", "m1 m2", 5), ("m1 m2", "", 20), ("m1 m2", "m1 m2", 5)],
        );
        assert!(matches!(
            judge(&seen, Some(&blame(start, "m2", 4, 20))),
            Verdict::LostToFault(_)
        ));
        assert!(matches!(judge(&seen, None), Verdict::LostToTerraform(_)));
        let long_ago = samples(start, &[("m1 m2", "m1 m2", 100), ("m1 m2", "", 20)]);
        let blame = blame(start, "m2", 4, 20);
        assert!(matches!(
            judge(&long_ago, Some(&blame)),
            Verdict::LostToTerraform(_)
        ));
    }

    #[test]
    fn a_removal_beside_a_dead_member_is_terraforms() {
        let start = Instant::now();
        let seen = samples(
            start,
            &[
                ("m1 m2 m3", "m1 m2 m3", 10),
                ("m1 m2 m3", "m1 m2", 20),
                ("m1 m3", "", 20),
            ],
        );
        assert!(matches!(
            judge(&seen, Some(&blame(start, "m3", 10, 60))),
            Verdict::LostToTerraform(_)
        ));
        // At the same moment nobody could know.
        let seen = samples(start, &[("m1 m2 m3", "m1 m2 m3", 10), ("m1 m3", "", 20)]);
        assert!(matches!(
            judge(&seen, Some(&blame(start, "m3", 10, 60))),
            Verdict::LostToFault(_)
        ));
    }
}
