//! Takes a node out of its cluster: a master with its etcd member, or a worker; the last master simply ends.
use std::{net::IpAddr, time::Duration};

use super::{
    cluster_lock::{ClusterLock, ClusterLocks},
    credentials::kubeadm_version,
    failure::Failure,
    find_way::with_itself,
    look::{look_at, read_facts},
    marker::Marker,
    runner::run_some,
    step::{Run, Step},
    steps::{
        DeleteNode, DrainNode, EtcdMemberIsGone, GuardQuorum, KubeadmReset, ReleaseVip, RemoveEtcdMember,
    },
    survey::{Seen, Survey},
};
use crate::{
    kubeadm::{Version, ca_cert_hash},
    node::Facts,
    remote::Host,
};

/// The node to remove, as the state knows it.
#[derive(Clone, Debug)]
pub struct Leaving {
    /// The Node's name.
    pub node_name: String,
    /// The cluster's endpoint: the lock's name.
    pub endpoint: String,
    /// Address of its etcd member; none for a worker.
    pub advertise_address: Option<IpAddr>,
    /// Hash of its cluster's CA, so that nothing is removed from another cluster.
    pub ca_cert_hash: String,
    /// Where other masters are looked for; the node itself may be among them.
    pub masters: Vec<Host>,
    /// The runtime's socket.
    pub cri_socket: String,
}

/// Removes a master. Membership changes one at a time, so this holds the cluster's lock to its end.
pub async fn remove_master(run: &Run, leaving: &Leaving, locks: &ClusterLocks) -> Result<(), Failure> {
    let hosts = with_itself(run, &leaving.masters);
    let lock = locks.lock(run, &leaving.endpoint, &hosts).await?;
    let removed = remove_under(run, leaving, &lock).await;
    lock.release().await;
    removed
}

async fn remove_under(run: &Run, leaving: &Leaving, lock: &ClusterLock) -> Result<(), Failure> {
    check_own_cluster(run, &look_at(run).await?, leaving)?;
    let survivor = find_survivor(run, leaving).await?;
    let steps = removal_steps(leaving, survivor);
    run_some(run, &steps, 0..steps.len(), Some(lock)).await
}

/// Removes a worker.
pub async fn remove_worker(run: &Run, leaving: &Leaving, locks: &ClusterLocks) -> Result<(), Failure> {
    let lock = locks.lock_host(run).await?;
    let removed = remove_under(run, leaving, &lock).await;
    lock.release().await;
    removed
}

/// A master that stays, and its kubectl's version.
#[derive(Debug)]
struct Survivor {
    via: Host,
    kubectl: Version,
}

/// Finds a master that stays; none if this node is the last of its cluster.
async fn find_survivor(run: &Run, leaving: &Leaving) -> Result<Option<Survivor>, Failure> {
    let others: Vec<Host> = leaving
        .masters
        .iter()
        .filter(|host| host.name() != run.host.name())
        .cloned()
        .collect();
    let own = Survey::of(std::slice::from_ref(&run.host)).await;
    let own = own
        .seen
        .first()
        .ok_or_else(|| Failure::new("Host does not answer any more", own.account()))?;
    let survey = Survey::of(&others).await;
    // A worker has a CA file and no admin.conf, so only a master shows its cluster here. The node itself may be among
    // the others under another name.
    let same = |seen: &&Seen| {
        seen.ca_cert_hash.as_deref() == Some(leaving.ca_cert_hash.as_str()) && !is_itself(leaving, own, seen)
    };
    if let Some(seen) = survey
        .masters()
        .filter(same)
        .find(|seen| seen.api_ready && !seen.members.is_empty())
    {
        let kubectl = kubeadm_version(&read_facts(&seen.host).await?).ok_or_else(|| {
            Failure::new(
                "kubeadm is missing on the host",
                "There is no working kubeadm in PATH.",
            )
            .on(seen.host.name())
        })?;
        return Ok(Some(Survivor {
            via: seen.host.clone(),
            kubectl,
        }));
    }
    let members = own.members.len();
    let masters_left = survey.masters().filter(same).count();
    if masters_left > 0 || (leaving.advertise_address.is_some() && members > 1) || !survey.silent.is_empty() {
        let detail = format!(
            "Other masters of the cluster exist or may exist, and none of them answers:\n{}",
            survey.account()
        );
        return Err(Failure::new("No master answers that could let this node leave", detail)
            .advise("Bring one of the other masters back and apply again; its API server and etcd must take the node out."));
    }
    Ok(None)
}

/// Whether the host that was seen is the leaving node under another name. Machines made from one image may share
/// their machine ID, so the marker's Node name is compared too.
fn is_itself(leaving: &Leaving, own: &Seen, seen: &Seen) -> bool {
    let is_named = |marker: &Marker| marker.node_name == leaving.node_name;
    seen.is_same_machine(own) && seen.marker.as_ref().is_none_or(is_named)
}

/// Nothing is removed from a host that has become part of another cluster.
fn check_own_cluster(run: &Run, facts: &Facts, leaving: &Leaving) -> Result<(), Failure> {
    let found = facts
        .kubernetes
        .ca_pem
        .as_deref()
        .and_then(|pem| ca_cert_hash(pem).ok());
    match found {
        Some(found) if found != leaving.ca_cert_hash => {
            let detail = format!(
                "The host's cluster CA is {found}; this resource's cluster has {}.",
                leaving.ca_cert_hash
            );
            Err(Failure::new("Host belongs to another cluster", detail)
                .at("host")
                .on(run.host.name())
                .advise("Nothing was changed. If the machine was given away, remove the resource from the state: terraform state rm."))
        }
        _ => Ok(()),
    }
}

fn removal_steps(leaving: &Leaving, survivor: Option<Survivor>) -> Vec<Box<dyn Step>> {
    let reset = Box::new(KubeadmReset {
        cri_socket: leaving.cri_socket.clone(),
    });
    let Some(Survivor { via, kubectl }) = survivor else {
        return vec![reset];
    };
    let name = leaving.node_name.clone();
    let mut steps: Vec<Box<dyn Step>> = Vec::new();
    if let Some(address) = leaving.advertise_address {
        steps.push(Box::new(GuardQuorum {
            via: via.clone(),
            leaving: address,
        }));
    }
    steps.push(Box::new(DrainNode {
        via: via.clone(),
        name: name.clone(),
        limit: DRAIN_LIMIT,
        kubectl,
    }));
    if let Some(address) = leaving.advertise_address {
        steps.push(Box::new(ReleaseVip));
        // Before the reset: should that forget the member, the one master that stays of two would have no quorum.
        steps.push(Box::new(RemoveEtcdMember {
            via: via.clone(),
            address,
        }));
    }
    steps.push(reset);
    if let Some(address) = leaving.advertise_address {
        steps.push(Box::new(EtcdMemberIsGone {
            via: via.clone(),
            address,
        }));
    }
    steps.push(Box::new(DeleteNode { via, name }));
    steps
}

const DRAIN_LIMIT: Duration = Duration::from_secs(300);
