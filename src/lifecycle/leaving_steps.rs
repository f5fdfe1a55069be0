//! The steps in which a node leaves, and what becomes of a removal that fails before anything is lost.
use std::time::Duration;

use super::{
    cluster_lock::ClusterLock,
    failure::{Failure, FailureKind},
    look::has_credentials,
    membership::{member_at, members},
    remaining::Survivor,
    remove_node::Leaving,
    runner::run_some,
    step::{Check, Run, Step},
    steps::{
        BeginLeaving, CleanHost, DeleteNode, DrainNode, EtcdMemberIsGone, GuardQuorum, KubeadmReset,
        ReleaseVip, RemoveEtcdMember, take_back,
    },
};
use crate::{kube, remote::Host};

type Steps = Vec<Box<dyn Step>>;

/// Takes a node out whose host answers. A removal that fails, or is stopped, before anything is lost is taken back: the
/// user may think better of it. After a kill or a broken link the host's note makes the next apply go on.
pub(super) async fn leave(
    run: &Run,
    leaving: &Leaving,
    survivor: &Survivor,
    lock: &ClusterLock,
) -> Result<(), Failure> {
    let (steps, revocable) = leaving_steps(leaving, survivor);
    let mut begun = run_some(run, &steps, 0..revocable, Some(lock)).await;
    if let Some(next) = steps.get(revocable)
        && begun.is_ok()
        && run.cancel.is_cancelled()
        && !next.finishes()
    {
        begun = Err(Failure::cancelled().on(run.host.name()).during(next.title()));
    }
    or_stay(run, leaving, &survivor.via, begun).await?;
    run_some(run, &steps, revocable..steps.len(), Some(lock)).await
}

/// Takes the removal back if this outcome is a refusal, a failure or a stop.
pub(super) async fn or_stay<T>(
    run: &Run,
    leaving: &Leaving,
    via: &Host,
    outcome: Result<T, Failure>,
) -> Result<T, Failure> {
    let Err(failure) = outcome else { return outcome };
    if !matches!(failure.kind, FailureKind::Permanent | FailureKind::Cancelled) {
        return Err(failure);
    }
    Err(match stay(run, leaving, via).await {
        Ok(()) => failure,
        Err(left) => Failure {
            detail: format!(
                "{}\nThe node could not be put back into service: {left}",
                failure.detail
            ),
            ..failure
        },
    })
}

/// Only a node that is whole stays: an earlier run may have got further.
async fn stay(run: &Run, leaving: &Leaving, via: &Host) -> Result<(), Failure> {
    if has_credentials(run, kube::KUBELET_CONF).await? != Check::Done {
        return Ok(());
    }
    if let Some(address) = leaving.advertise_address
        && member_at(&members(run, via).await?, address).is_none()
    {
        return Ok(());
    }
    take_back(run, via, &leaving.node_name).await
}

/// The node ends without anybody's help.
pub(super) fn reset_steps(leaving: &Leaving) -> Steps {
    vec![
        Box::new(KubeadmReset {
            cri_socket: leaving.cri_socket.clone(),
            verify: None,
        }),
        Box::new(CleanHost),
    ]
}

/// A node whose host answers leaves, and how many of the steps can be taken back.
fn leaving_steps(leaving: &Leaving, survivor: &Survivor) -> (Steps, usize) {
    let via = &survivor.via;
    let is_gone = |address| EtcdMemberIsGone {
        via: via.clone(),
        address,
    };
    let mut steps = first_steps(leaving, survivor, false);
    if leaving.advertise_address.is_some() {
        steps.push(Box::new(ReleaseVip));
    }
    let revocable = steps.len();
    if let Some(address) = leaving.advertise_address {
        // Before the reset: should that forget the member, the one master that stays of two would have no quorum.
        steps.push(Box::new(RemoveEtcdMember {
            via: via.clone(),
            address,
        }));
    }
    steps.push(Box::new(KubeadmReset {
        cri_socket: leaving.cri_socket.clone(),
        verify: leaving.advertise_address.map(is_gone),
    }));
    if let Some(address) = leaving.advertise_address {
        steps.push(Box::new(is_gone(address)));
    }
    steps.push(Box::new(DeleteNode {
        via: via.clone(),
        name: leaving.node_name.clone(),
    }));
    steps.push(Box::new(CleanHost));
    (steps, revocable)
}

/// The cluster is cleaned of a node whose host does not answer.
pub(super) fn cleaning_steps(leaving: &Leaving, survivor: &Survivor) -> Steps {
    let via = &survivor.via;
    let mut steps = first_steps(leaving, survivor, true);
    if let Some(address) = leaving.advertise_address {
        steps.push(Box::new(RemoveEtcdMember {
            via: via.clone(),
            address,
        }));
    }
    steps.push(Box::new(DeleteNode {
        via: via.clone(),
        name: leaving.node_name.clone(),
    }));
    steps
}

fn first_steps(leaving: &Leaving, survivor: &Survivor, is_unreachable: bool) -> Steps {
    let via = &survivor.via;
    let mut steps: Steps = Vec::new();
    if let Some(address) = leaving.advertise_address {
        steps.push(Box::new(GuardQuorum {
            via: via.clone(),
            leaving: address,
        }));
    }
    if !is_unreachable {
        steps.push(Box::new(BeginLeaving {
            via: via.clone(),
            name: leaving.node_name.clone(),
        }));
    }
    steps.push(Box::new(DrainNode {
        via: via.clone(),
        name: leaving.node_name.clone(),
        limit: if is_unreachable {
            SHORT_DRAIN_LIMIT
        } else {
            DRAIN_LIMIT
        },
        kubectl: survivor.kubectl.clone(),
        is_unreachable,
    }));
    steps
}

const DRAIN_LIMIT: Duration = Duration::from_secs(300);
/// Longer than a dead host's Node stays Ready, 40 s.
const SHORT_DRAIN_LIMIT: Duration = Duration::from_secs(60);
