//! Answers a script by its title, as a real host would.
use super::{answer_cluster, answer_host, answer_loadbalancer, answer_lock, answer_network, world::World};
use crate::command::{Output, Script};

/// Scripts that are no looks and change nothing of what the operation is about: they take turns or take notes.
const ASIDE: [&str; 5] = [
    "write the journal",
    "take the lock",
    "renew the lock",
    "release the lock",
    "reach host",
];

/// Whether the script changes a machine or a cluster.
pub(super) fn is_write(script: &Script) -> bool {
    !script.is_look && !ASIDE.contains(&script.title)
}

/// Does what the script does and gives what it prints.
pub(super) fn answer(world: &mut World, at: &str, script: &Script) -> Output {
    answer_lock::answer(world, at, script)
        .or_else(|| answer_host::answer(world, at, script))
        .or_else(|| answer_network::answer(world, at, script))
        .or_else(|| answer_loadbalancer::answer(world, at, script))
        .or_else(|| answer_cluster::answer(world, at, script))
        .unwrap_or_else(|| panic!("nobody knows the script {:?}:\n{}", script.title, script.body))
}
