//! Answers a script by its title, as a real host would.
use super::{answer_cluster, answer_host, answer_loadbalancer, answer_lock, answer_network, world::World};
use crate::command::{Output, Script};

/// Titles of scripts that only look, take turns or take notes. Any other counts as a write.
pub(super) const READS: &[&str] = &[
    "write the journal",
    "take the lock",
    "renew the lock",
    "release the lock",
    "reach host",
    "read facts",
    "look at the machine's set-up",
    "read the kubelet's log",
    "read marker",
    "read kubeadm's version",
    "survey",
    "poll detached command",
    "kubeadm config validate",
    "list missing images",
    "get node",
    "etcd member list",
    "known etcd members",
    "read released members",
    "etcd status",
    "ask readyz",
    "ask the endpoint",
    "ask HAProxy",
    "ask for the floating IP",
    "look for the user's kubeconfig",
    "look for Kubernetes",
    "look for credentials",
    "look for the floating IP",
    "look for keepalived's manifest",
    "look for the load balancer's files",
    "read the load balancer's note",
    "read files",
    "read the node's address",
    "try the connections",
    "try VRRP",
    "hear VRRP",
    "look for VRRP",
    "look at the floating IP",
];

/// Does what the script does and gives what it prints.
pub(super) fn answer(world: &mut World, at: &str, script: &Script) -> Output {
    answer_lock::answer(world, at, script)
        .or_else(|| answer_host::answer(world, at, script))
        .or_else(|| answer_network::answer(world, at, script))
        .or_else(|| answer_loadbalancer::answer(world, at, script))
        .or_else(|| answer_cluster::answer(world, at, script))
        .unwrap_or_else(|| panic!("nobody knows the script {:?}:\n{}", script.title, script.body))
}

pub(super) fn says(stdout: impl Into<String>) -> Output {
    Output {
        stdout: stdout.into(),
        ..Output::default()
    }
}

pub(super) fn fails(stderr: impl Into<String>) -> Output {
    Output {
        status: 1,
        stderr: stderr.into(),
        ..Output::default()
    }
}

/// The answer of a test.
pub(super) fn whether(yes: bool) -> Output {
    Output {
        status: i32::from(!yes),
        ..Output::default()
    }
}
