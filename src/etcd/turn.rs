//! Whose turn it is when several masters are to leave: the dead first, the living as long as a majority stays.
//!
//! Why, and what is certain: decision 18.
use std::collections::BTreeSet;

use super::quorum::{Refusal, allow_removal};

/// A voter, and what becomes of its master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voter {
    /// etcd's number for it.
    pub id: u64,
    /// The node's name.
    pub name: String,
    /// It answers.
    pub is_healthy: bool,
    /// What becomes of it.
    pub fate: Fate,
}

/// What becomes of a voter's master, as far as this run knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nobody asked for its removal.
    Unknown,
    /// Its removal is asked for in this run and has not ended.
    RemovalSpec,
    /// Its removal was asked for in this run and has failed.
    Stays,
    /// It was destroyed while etcd had no quorum, so that its member could not be removed.
    Released,
}

/// What a master that is to leave has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Leave: a majority stays.
    Leave,
    /// End with the cluster: nobody else is left in it.
    Last,
    /// Let these dead ones go first; the removal may be allowed then.
    After(Vec<String>),
    /// Every living master leaves in this run, so the cluster ends with it. The members of these dead ones go first,
    /// while there is a quorum for it.
    EndsWith(Vec<u64>),
    /// Stay.
    Refused(Refusal),
}

/// Whose turn it is. `in_company`: whether another master of the cluster has left in this run already.
///
/// No single voice says that a whole cluster is to go: Terraform asks for one removal at a time. What is sure: a dead
/// voter that leaves too does no harm by going first; and where every voter that is alive leaves, nothing is left to
/// protect. A living one that leaves alone, while dead ones stay, is refused. Only the living wait, and only for the
/// dead, so that nobody waits in a circle.
pub fn turn(voters: &[Voter], victim: u64, in_company: bool) -> Turn {
    let others = || voters.iter().filter(|voter| voter.id != victim);
    let is_gone = |voter: &Voter| voter.fate == Fate::Released && !voter.is_healthy;
    let is_voter = voters.iter().any(|voter| voter.id == victim);
    if is_voter && others().all(is_gone) {
        return Turn::Last;
    }
    let ids = |wanted: &dyn Fn(&Voter) -> bool| -> BTreeSet<u64> {
        voters
            .iter()
            .filter(|voter| wanted(voter))
            .map(|voter| voter.id)
            .collect()
    };
    let Err(refusal) = allow_removal(&ids(&|_| true), &ids(&|voter| voter.is_healthy), victim) else {
        return Turn::Leave;
    };
    let dead_and_leaving: Vec<String> = others()
        .filter(|voter| !voter.is_healthy && voter.fate == Fate::RemovalSpec)
        .map(|voter| voter.name.clone())
        .collect();
    let is_alive = voters.iter().any(|voter| voter.id == victim && voter.is_healthy);
    if is_alive && !dead_and_leaving.is_empty() {
        return Turn::After(dead_and_leaving);
    }
    let moves = |voter: &Voter| matches!(voter.fate, Fate::RemovalSpec | Fate::Released);
    let a_living_one_stays = others().any(|voter| voter.is_healthy && voter.fate != Fate::RemovalSpec);
    let one_was_told_to_stay = others().any(|voter| voter.fate == Fate::Stays);
    if a_living_one_stays || one_was_told_to_stay || !(in_company || others().any(moves)) {
        return Turn::Refused(refusal);
    }
    Turn::EndsWith(
        others()
            .filter(|voter| !voter.is_healthy)
            .map(|voter| voter.id)
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn voter(id: u64, is_healthy: bool, fate: Fate) -> Voter {
        Voter {
            id,
            name: format!("m{id}"),
            is_healthy,
            fate,
        }
    }

    /// One letter for each voter: `a`live, `d`ead; capital if it leaves in this run; `r`eleased (dead), `s`tays (dead).
    fn cluster(text: &str) -> Vec<Voter> {
        let of = |(id, letter): (u64, char)| match letter {
            'a' => voter(id, true, Fate::Unknown),
            'A' => voter(id, true, Fate::RemovalSpec),
            'd' => voter(id, false, Fate::Unknown),
            'D' => voter(id, false, Fate::RemovalSpec),
            'r' => voter(id, false, Fate::Released),
            's' => voter(id, false, Fate::Stays),
            other => panic!("{other}"),
        };
        (1..).zip(text.chars()).map(of).collect()
    }

    /// What the first voter has to do.
    fn first(text: &str) -> Turn {
        turn(&cluster(text), 1, false)
    }

    fn is_refused(text: &str) -> bool {
        matches!(first(text), Turn::Refused(_))
    }

    #[test]
    fn a_majority_stays() {
        for text in ["Aaa", "AAA", "Daa", "DAa", "AA", "Aaaad"] {
            assert_eq!(first(text), Turn::Leave, "{text}");
        }
    }

    #[test]
    fn a_living_master_alone_does_not_leave_dead_ones_behind() {
        for text in ["Ada", "Add", "Ad", "Addda", "AdAad"] {
            assert!(is_refused(text), "{text}");
        }
    }

    #[test]
    fn dead_ones_that_leave_too_go_first() {
        assert_eq!(first("ADA"), Turn::After(vec!["m2".into()]));
        assert_eq!(first("ADa"), Turn::After(vec!["m2".into()]));
        assert_eq!(first("ADD"), Turn::After(vec!["m2".into(), "m3".into()]));
        assert_eq!(first("ADd"), Turn::After(vec!["m2".into()]));
    }

    #[test]
    fn the_cluster_ends_with_its_last_living_masters() {
        assert_eq!(first("AdA"), Turn::EndsWith(vec![2]));
        assert_eq!(first("Ard"), Turn::EndsWith(vec![2, 3]));
        assert_eq!(turn(&cluster("Add"), 1, true), Turn::EndsWith(vec![2, 3]));
        assert!(is_refused("AsA"));
    }

    #[test]
    fn who_is_alone_is_the_last() {
        for text in ["A", "Ar", "Arr"] {
            assert_eq!(first(text), Turn::Last, "{text}");
        }
        // A released member whose host came back is a member like any other.
        let mut voters = cluster("Ar");
        voters[1].is_healthy = true;
        assert_eq!(turn(&voters, 1, false), Turn::Leave);
    }

    #[test]
    fn no_voter_may_always_leave() {
        assert_eq!(turn(&cluster("ad"), 9, false), Turn::Leave);
    }

    proptest! {
        #[test]
        fn nobody_who_leaves_alone_costs_the_quorum(letters in "[ad]{1,6}") {
            let mut voters = cluster(&letters);
            voters.insert(0, voter(9, true, Fate::RemovalSpec));
            let healthy = voters.iter().filter(|voter| voter.is_healthy && voter.id != 9).count();
            let keeps = 2 * healthy > voters.len() - 1 && 2 * (healthy + 1) > voters.len();
            let turn = turn(&voters, 9, false);
            prop_assert_eq!(turn == Turn::Leave, keeps);
            prop_assert_eq!(matches!(turn, Turn::Refused(_)), !keeps);
        }

        #[test]
        fn a_whole_cluster_can_be_destroyed_in_any_order(
            // `B`roken: etcd there is dead, and its host can be reached.
            letters in "[ADB]{1,5}",
            order in proptest::collection::vec(0usize..5, 0..5),
        ) {
            let mut voters = cluster(&letters.replace('B', "D"));
            let mut waiting: Vec<u64> = voters.iter().map(|voter| voter.id).collect();
            for at in order {
                if at < waiting.len() {
                    let id = waiting.remove(at);
                    waiting.push(id);
                }
            }
            let is_reached = |id: u64| letters.chars().nth(usize::try_from(id - 1).unwrap()) != Some('D');
            let mut steps = 0;
            while !waiting.is_empty() {
                steps += 1;
                prop_assert!(steps < 50, "nobody moves: {voters:?}");
                let id = waiting.remove(0);
                if !voters.iter().any(|voter| voter.id == id) {
                    continue;
                }
                let has_quorum = 2 * voters.iter().filter(|voter| voter.is_healthy).count() > voters.len();
                let release = |voters: &mut Vec<Voter>| {
                    for voter in voters.iter_mut().filter(|voter| voter.id == id) {
                        (voter.fate, voter.is_healthy) = (Fate::Released, false);
                    }
                };
                match turn(&voters, id, false) {
                    _ if !is_reached(id) && !has_quorum => release(&mut voters),
                    Turn::Leave => voters.retain(|voter| voter.id != id),
                    Turn::Last => break,
                    Turn::After(_) => waiting.push(id),
                    Turn::EndsWith(_) if !has_quorum => release(&mut voters),
                    Turn::EndsWith(dead) => {
                        voters.retain(|voter| !dead.contains(&voter.id));
                        waiting.insert(0, id);
                    }
                    Turn::Refused(refusal) => prop_assert!(false, "{refusal}: {voters:?}"),
                }
            }
        }
    }
}
