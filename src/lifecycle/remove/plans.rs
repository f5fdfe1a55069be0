//! How a node leaves, as plans: with its host, without it, or alone.
use std::time::Duration;

use crate::lifecycle::{
    cluster::Cluster,
    engine::Step,
    spec::RemovalSpec,
    stages::{Plan, Stage, step},
    steps::leave::{
        BeginLeaving, CleanHost, DeleteNode, DrainNode, GuardQuorum, KubeadmReset, ReleaseVip,
        RemoveEtcdMember, StayInCluster, VerifyEtcdMemberGone,
    },
};

const DRAIN_LIMIT: Duration = Duration::from_secs(300);
/// Longer than a dead host's Node stays Ready, 40 s.
const SHORT_DRAIN_LIMIT: Duration = Duration::from_secs(60);

/// A node whose host answers leaves. As long as nothing is lost, a failure or a stop takes the removal back: the user may
/// think better of it. After a kill or a broken link the host's note makes the next apply go on.
pub(super) fn leave(leaving: &RemovalSpec, cluster: &Cluster) -> Plan {
    let member = leaving.advertise_address;
    let is_gone = |address| VerifyEtcdMemberGone {
        cluster: cluster.clone(),
        address,
    };
    Plan::new([
        stage(
            leaving,
            [
                guard_quorum(leaving, cluster),
                step(BeginLeaving {
                    cluster: cluster.clone(),
                    name: leaving.node_name.clone(),
                }),
                drain(leaving, cluster, DRAIN_LIMIT, false),
                member.and_then(|_| step(ReleaseVip)),
                // A drain takes minutes: another master may have died since.
                guard_quorum(leaving, cluster),
            ],
        )
        .or_take_back(stay(leaving, cluster)),
        stage(
            leaving,
            [
                // Before the reset: should that forget the member, the one master that stays of two would have no quorum.
                remove_member(leaving, cluster),
                step(KubeadmReset {
                    cri_socket: leaving.cri_socket.clone(),
                    verify: member.map(is_gone),
                }),
                member.map(is_gone).and_then(step),
                delete_node(leaving, cluster),
                step(CleanHost),
            ],
        ),
    ])
}

/// What takes a removal back that has lost nothing yet.
pub(super) fn stay(leaving: &RemovalSpec, cluster: &Cluster) -> StayInCluster {
    StayInCluster {
        cluster: cluster.clone(),
        name: leaving.node_name.clone(),
        member: leaving.advertise_address,
    }
}

/// The cluster is cleaned of a node whose host does not answer.
pub(super) fn clean_cluster(leaving: &RemovalSpec, cluster: &Cluster) -> Plan {
    Plan::new([stage(
        leaving,
        [
            guard_quorum(leaving, cluster),
            drain(leaving, cluster, SHORT_DRAIN_LIMIT, true),
            remove_member(leaving, cluster),
            delete_node(leaving, cluster),
        ],
    )])
}

/// The node ends without anybody's help.
pub(super) fn reset(leaving: &RemovalSpec) -> Plan {
    Plan::new([stage(
        leaving,
        [
            step(KubeadmReset {
                cri_socket: leaving.cri_socket.clone(),
                verify: None,
            }),
            step(CleanHost),
        ],
    )])
}

/// A worker is no member of etcd, so that others may come and go beside it.
fn stage(leaving: &RemovalSpec, steps: impl IntoIterator<Item = Option<Box<dyn Step>>>) -> Stage {
    match leaving.advertise_address {
        Some(_) => Stage::under_cluster_lock(steps),
        None => Stage::under_host_lock(steps),
    }
}

fn guard_quorum(leaving: &RemovalSpec, cluster: &Cluster) -> Option<Box<dyn Step>> {
    step(GuardQuorum {
        cluster: cluster.clone(),
        leaving: leaving.advertise_address?,
    })
}

fn drain(
    leaving: &RemovalSpec,
    cluster: &Cluster,
    limit: Duration,
    is_unreachable: bool,
) -> Option<Box<dyn Step>> {
    step(DrainNode {
        cluster: cluster.clone(),
        name: leaving.node_name.clone(),
        limit,
        is_unreachable,
    })
}

fn remove_member(leaving: &RemovalSpec, cluster: &Cluster) -> Option<Box<dyn Step>> {
    step(RemoveEtcdMember {
        cluster: cluster.clone(),
        address: leaving.advertise_address?,
    })
}

fn delete_node(leaving: &RemovalSpec, cluster: &Cluster) -> Option<Box<dyn Step>> {
    step(DeleteNode {
        cluster: cluster.clone(),
        name: leaving.node_name.clone(),
    })
}
