//! All rounds of a run, drawn from its seed before the first begins: the same seed gives the same rounds, whatever
//! comes of them.
use fastrand::Rng;

use super::fault::Fault;
use super::moment::Moment;
use super::operation::{Operation, Size};
use super::shape::{Pool, Shape};

/// An operation under a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Round {
    pub(crate) number: usize,
    /// The cluster before; none if there is none.
    pub(crate) start: Option<Shape>,
    pub(crate) operation: Operation,
    pub(crate) fault: Fault,
    pub(crate) moment: Moment,
}

impl Round {
    /// The configuration afterwards.
    pub(crate) fn end(&self) -> Option<Shape> {
        self.operation.end(self.start.as_ref())
    }
}

/// The rounds of a seed. Each begins with what the one before ends with.
pub(crate) fn rounds(seed: u64, count: usize, pool: &Pool, size: Size) -> Vec<Round> {
    let mut rng = Rng::with_seed(seed);
    let mut start: Option<Shape> = None;
    let mut rounds = Vec::new();
    for number in 1..=count {
        let operation = Operation::random(&mut rng, pool, size, start.as_ref());
        let end = operation.end(start.as_ref());
        let shapes = [start.as_ref(), end.as_ref()];
        let mut hosts: Vec<_> = shapes.iter().flatten().flat_map(|shape| shape.nodes()).collect();
        hosts.sort_unstable();
        hosts.dedup();
        let targets = operation.targets(start.as_ref());
        let fault = Fault::random(&mut rng, &targets, &hosts);
        let moment = Moment::random(&mut rng, operation.steps(start.as_ref()));
        rounds.push(Round {
            number,
            start,
            operation,
            fault,
            moment,
        });
        start = end;
    }
    rounds
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_gives_the_same_rounds_and_another_gives_others() {
        let pool = Pool::new().unwrap();
        let of = |seed, count| rounds(seed, count, &pool, Size::Full);
        assert_eq!(of(1, 40), of(1, 40));
        assert_eq!(of(1, 40)[..10], of(1, 10));
        assert_ne!(of(1, 10), of(2, 10));
    }

    #[test]
    fn rounds_follow_each_other_and_reach_everything() {
        let pool = Pool::new().unwrap();
        let rounds = rounds(3, 600, &pool, Size::Full);
        for pair in rounds.windows(2) {
            assert_eq!(pair[0].end(), pair[1].start);
        }
        let first_word = |text: String| text.split(' ').next().unwrap_or_default().to_owned();
        let operations: BTreeSet<String> = rounds
            .iter()
            .map(|round| first_word(round.operation.to_string()))
            .collect();
        assert_eq!(operations.len(), 6, "{operations:?}");
        let faults: BTreeSet<String> = rounds
            .iter()
            .map(|round| match &round.fault {
                Fault::Host { trouble, .. } => format!("{trouble:?}"),
                other => other.to_string(),
            })
            .collect();
        assert_eq!(faults.len(), 6 + 7, "{faults:?}");
    }

    #[test]
    fn a_small_run_stays_small() {
        let pool = Pool::new().unwrap();
        for seed in 0..100 {
            let rounds = rounds(seed, 3, &pool, Size::Small);
            assert!(
                rounds
                    .iter()
                    .filter_map(Round::end)
                    .all(|shape| shape.masters.len() <= 3)
            );
            assert_eq!(rounds[1].start.as_ref().unwrap().masters.len(), 1);
        }
    }
}
