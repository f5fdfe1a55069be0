//! When a member may be removed.
use std::collections::BTreeSet;

/// How many healthy voters of so many make decisions: more than half.
pub fn quorum(voters: usize) -> usize {
    voters / 2 + 1
}

/// Why a member must not be removed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There would be no etcd left; only the destruction of the cluster may do that, by a plain reset.
    #[error("it is the last voter of etcd")]
    LastVoter,
    /// etcd could not even agree on the removal.
    #[error("etcd has no quorum now: {healthy} of {voters} voters are healthy, {needed} are needed")]
    NoQuorum {
        /// Voters now.
        voters: usize,
        /// Healthy ones of them.
        healthy: usize,
        /// How many it takes.
        needed: usize,
    },
    /// Those that stay would have no majority.
    #[error(
        "etcd would lose its quorum: {healthy} of the {voters} voters that stay are healthy, {needed} are needed"
    )]
    LosesQuorum {
        /// Voters that stay.
        voters: usize,
        /// Healthy ones of them.
        healthy: usize,
        /// How many it takes.
        needed: usize,
    },
}

/// Whether `victim` may be removed from `voters`, of which `healthy` answer. The voters must have a quorum
/// before (or the removal is never agreed on) and after. What is not a voter (a learner, a member already gone)
/// may always be removed.
pub fn allow_removal(voters: &BTreeSet<u64>, healthy: &BTreeSet<u64>, victim: u64) -> Result<(), Refusal> {
    if !voters.contains(&victim) {
        return Ok(());
    }
    let healthy: BTreeSet<u64> = healthy.intersection(voters).copied().collect();
    let staying = voters.len() - 1;
    if staying == 0 {
        return Err(Refusal::LastVoter);
    }
    if healthy.len() < quorum(voters.len()) {
        return Err(Refusal::NoQuorum {
            voters: voters.len(),
            healthy: healthy.len(),
            needed: quorum(voters.len()),
        });
    }
    let healthy_staying = healthy.iter().filter(|id| **id != victim).count();
    if healthy_staying < quorum(staying) {
        return Err(Refusal::LosesQuorum {
            voters: staying,
            healthy: healthy_staying,
            needed: quorum(staying),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prelude::*, sample::subsequence};

    fn ids(ids: &[u64]) -> BTreeSet<u64> {
        ids.iter().copied().collect()
    }

    #[test]
    fn three_healthy_voters_may_lose_one() {
        assert_eq!(allow_removal(&ids(&[1, 2, 3]), &ids(&[1, 2, 3]), 1), Ok(()));
    }

    #[test]
    fn a_dead_voter_may_be_removed_from_three() {
        assert_eq!(allow_removal(&ids(&[1, 2, 3]), &ids(&[2, 3]), 1), Ok(()));
    }

    #[test]
    fn refuses_removal_that_breaks_quorum() {
        assert_eq!(
            allow_removal(&ids(&[1, 2, 3]), &ids(&[1, 2]), 1),
            Err(Refusal::LosesQuorum {
                voters: 2,
                healthy: 1,
                needed: 2
            })
        );
    }

    #[test]
    fn two_voters_become_one_only_if_both_are_healthy() {
        assert_eq!(allow_removal(&ids(&[1, 2]), &ids(&[1, 2]), 1), Ok(()));
        for healthy in [ids(&[1]), ids(&[2])] {
            assert!(matches!(
                allow_removal(&ids(&[1, 2]), &healthy, 1),
                Err(Refusal::NoQuorum {
                    healthy: 1,
                    needed: 2,
                    ..
                })
            ));
        }
    }

    #[test]
    fn the_last_voter_stays() {
        assert_eq!(allow_removal(&ids(&[1]), &ids(&[1]), 1), Err(Refusal::LastVoter));
    }

    #[test]
    fn a_learner_may_always_go() {
        assert_eq!(allow_removal(&ids(&[1]), &ids(&[]), 9), Ok(()));
    }

    #[test]
    fn a_refusal_has_the_numbers() {
        let refusal = allow_removal(&ids(&[1, 2, 3]), &ids(&[1, 2]), 1).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "etcd would lose its quorum: 1 of the 2 voters that stay are healthy, 2 are needed"
        );
    }

    proptest! {
        #[test]
        fn an_allowed_removal_has_a_majority_before_and_after(
            (healthy, count) in (1u64..9).prop_flat_map(|count| {
                (subsequence((0..count).collect::<Vec<_>>(), 0..=usize::try_from(count).unwrap()), Just(count))
            }),
            victim in 0u64..9,
        ) {
            let voters: BTreeSet<u64> = (0..count).collect();
            let healthy: BTreeSet<u64> = healthy.into_iter().collect();
            let mut staying = voters.clone();
            let votes = staying.remove(&victim);
            let majority = |all: &BTreeSet<u64>| 2 * all.intersection(&healthy).count() > all.len();
            let expected = !votes || (majority(&voters) && majority(&staying));
            prop_assert_eq!(allow_removal(&voters, &healthy, victim).is_ok(), expected);
        }

        #[test]
        fn one_more_healthy_voter_never_forbids(count in 2u64..9, mask in 0u64..512, more in 0u64..9, victim in 0u64..9) {
            let voters: BTreeSet<u64> = (0..count).collect();
            let mut healthy: BTreeSet<u64> = voters.iter().copied().filter(|id| mask & (1 << id) != 0).collect();
            let before = allow_removal(&voters, &healthy, victim).is_ok();
            healthy.insert(more);
            prop_assert!(!before || allow_removal(&voters, &healthy, victim).is_ok());
        }
    }
}
