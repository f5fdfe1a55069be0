//! Makes a host a worker of a running cluster.
use std::collections::BTreeMap;

use super::{
    await_setup::await_setup,
    cluster_lock::ClusterLocks,
    connectivity::{Place, check_worker, explain, may_be_explained},
    credentials::kubeadm_version,
    failure::Failure,
    find_way::{find_cluster, through},
    look::{look_again, look_unless, marker_of},
    membership::node_of,
    preflight::{refuse_foreign_node, without_kubeadm, worker_problems},
    runner::run_steps,
    spec::{Identity, WorkerSpec},
    step::{Run, Step},
    steps::{
        ApplyNodeSettings, CheckHost, KubeadmJoin, KubeadmReset, NodeNameIsFree, Others, RecordMembership,
        RevokeCredentials, StayInCluster, TryConnections,
    },
};
use crate::{
    kubeadm::ca_cert_hash as ca_cert_hash_of,
    node::{Facts, facts::ETCD_FOLDER},
};

/// Makes the host a worker, and gives what it goes by. Only the host itself is locked: a worker changes no membership.
///
/// `looked`: what a look at the host has just seen, so that it need not be looked at again. After a failure anywhere
/// the same call goes on from there.
pub async fn create_worker(
    run: &Run,
    spec: &WorkerSpec,
    locks: &ClusterLocks,
    looked: Option<Facts>,
) -> Result<Identity, Failure> {
    // What has looked at the host has tried its connections too.
    let is_tried = looked.is_some();
    let facts = look_unless(looked, run, ETCD_FOLDER).await?;
    let facts = await_setup(run, facts, |facts| worker_problems(facts, &spec.node)).await?;
    let identity = Identity {
        node_name: spec.node.name_on(&facts),
        address: None,
    };
    let lock = locks.lock_host(run).await?;
    let made = lock.around(async |_| {
        let facts = look_again(run, facts.clone()).await?;
        run_steps(run, &plan_steps(run, spec, facts, is_tried).await?).await
    });
    match made.await {
        Err(failure) if may_be_explained(&failure) => {
            let problems = match Place::of_node(&run.host, &facts, &spec.node) {
                Some(own) => {
                    let ignored = &spec.node.kubeadm.ignore_preflight_errors;
                    check_worker(&own, Some(&spec.join.endpoint), &spec.join.masters, ignored).await
                }
                None => Vec::new(),
            };
            Err(explain(failure, &problems))
        }
        made => made.map(|()| identity),
    }
}

async fn plan_steps(
    run: &Run,
    spec: &WorkerSpec,
    facts: Facts,
    is_tried: bool,
) -> Result<Vec<Box<dyn Step>>, Failure> {
    refuse_foreign_node(&run.host, &facts, &spec.join.endpoint.to_string())?;
    let problems = worker_problems(&facts, &spec.node);
    let kubeadm = kubeadm_version(&facts).ok_or_else(|| without_kubeadm(&problems).on(run.host.name()))?;
    let survey = find_cluster(run, &spec.join.masters).await?;
    let seen = survey.via().ok_or_else(|| {
        let detail = format!(
            "No running cluster was found on the hosts that join.masters names:\n{}",
            survey.account()
        );
        Failure::new("No cluster to join", detail).at("join")
    })?;
    let through = through(seen)?;
    if through.ca_cert_hash != spec.join.ca_cert_hash {
        let detail = format!(
            "The masters' CA is {}, join says {}.",
            through.ca_cert_hash, spec.join.ca_cert_hash
        );
        return Err(Failure::new("Cluster is not the one that join describes", detail).at("join"));
    }
    let node = spec.node.node_spec(&facts, &run.host);
    let set = |wanted: &BTreeMap<String, String>| {
        wanted
            .iter()
            .map(|(key, value)| (key.clone(), Some(value.clone())))
            .collect()
    };
    let mut steps: Vec<Box<dyn Step>> = vec![Box::new(CheckHost { problems })];
    if !is_tried {
        steps.push(Box::new(TryConnections {
            facts: facts.clone(),
            wishes: spec.node.clone(),
            others: Others::Cluster(spec.join.clone()),
        }));
    }
    steps.push(Box::new(NodeNameIsFree {
        via: through.via.clone(),
        name: node.name.clone(),
        machine_id: facts.machine_id.clone(),
        addresses: facts
            .interfaces
            .iter()
            .flat_map(|interface| interface.addresses.iter().map(ipnet::IpNet::addr))
            .collect(),
        advertise_address: None,
    }));
    let is_recorded = marker_of(&facts).is_some_and(|marker| !marker.is_begun());
    // The Node was there when the membership was recorded: it was taken out while the host was down.
    let is_stale =
        facts.kubernetes.kubelet_conf && is_recorded && node_of(&through.via, &node.name).await?.is_none();
    if is_stale {
        check_same_ca(run, &facts, &through.ca_cert_hash)?;
        steps.push(Box::new(KubeadmReset {
            cri_socket: node.cri_socket.clone(),
            verify: None,
        }));
    }
    // Somebody may have reset the host; the marker does not know of that.
    if is_stale || !facts.kubernetes.kubelet_conf || marker_of(&facts).is_none_or(|marker| marker.is_begun())
    {
        steps.push(Box::new(KubeadmJoin {
            kubeadm,
            via: through.via.clone(),
            endpoint: spec.join.endpoint.clone(),
            ca_cert_pem: through.ca_cert_pem,
            node: node.clone(),
            control_plane: None,
        }));
        steps.push(Box::new(RevokeCredentials {
            via: through.via.clone(),
        }));
    } else if marker_of(&facts).is_some_and(|marker| marker.leaving.is_some()) {
        steps.push(Box::new(StayInCluster {
            via: through.via.clone(),
            name: node.name.clone(),
        }));
    }
    steps.push(Box::new(ApplyNodeSettings {
        via: through.via,
        name: node.name.clone(),
        labels: set(&spec.node.labels),
        annotations: set(&spec.node.annotations),
        taints: spec.node.kubeadm.taints.clone(),
    }));
    steps.push(Box::new(RecordMembership {
        endpoint: spec.join.endpoint.to_string(),
        node_name: node.name,
        files: Vec::new(),
    }));
    Ok(steps)
}

/// A node of a cluster with the same endpoint and another CA is not reset.
fn check_same_ca(run: &Run, facts: &Facts, ca_cert_hash: &str) -> Result<(), Failure> {
    let found = facts
        .kubernetes
        .ca_pem
        .as_deref()
        .and_then(|pem| ca_cert_hash_of(pem).ok());
    if found.as_deref() == Some(ca_cert_hash) {
        return Ok(());
    }
    let detail = format!(
        "The host is a node of a cluster with the CA {}; join says {ca_cert_hash}.",
        found.as_deref().unwrap_or("that cannot be read")
    );
    Err(Failure::new("Host belongs to another cluster", detail)
        .at("host")
        .on(run.host.name())
        .advise("Nothing was changed. If that cluster is gone, run `kubeadm reset` on the host yourself."))
}
