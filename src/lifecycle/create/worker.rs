//! Makes a host a worker of a running cluster.
use super::preflight::{refuse_foreign_node, without_kubeadm, worker_problems};
use crate::{
    kubeadm::ca_cert_hash as ca_cert_hash_of,
    lifecycle::{
        cluster::{find_cluster, join_target, kubeadm_version, node_of},
        engine::Run,
        failure::Failure,
        host::{await_setup, look_again, look_unless, marker_of},
        lock::Locks,
        network::{Place, check_worker_connections, explain, may_be_explained},
        spec::{Identity, WorkerSpec},
        stages::{Held, Plan, Stage, run_plan, step},
        steps::{
            join::{
                ApplyNodeSettings, CheckHost, CheckNodeName, KubeadmJoin, Others, RecordMembership,
                RevokeCredentials, TryConnections,
            },
            leave::{KubeadmReset, StayInCluster},
        },
    },
    node::{Facts, facts::ETCD_FOLDER},
};

/// Makes the host a worker, and gives what it goes by. Only the host itself is locked: a worker changes no membership.
///
/// `looked`: what a look at the host has just seen, so that it need not be looked at again. After a failure anywhere
/// the same call goes on from there.
pub(crate) async fn create_worker(
    run: &Run,
    spec: &WorkerSpec,
    locks: &Locks,
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
    let made = lock.around(async |host| {
        let facts = look_again(run, facts.clone()).await?;
        let plan = plan(run, spec, facts, is_tried).await?;
        run_plan(run, &plan, Held::by_host(host)).await
    });
    match made.await {
        Err(failure) if may_be_explained(&failure) => {
            let problems = match Place::of_node(&run.host, &facts, &spec.node) {
                Some(own) => {
                    let ignored = &spec.node.kubeadm.ignore_preflight_errors;
                    check_worker_connections(&own, Some(&spec.join.endpoint), &spec.join.masters, ignored)
                        .await
                }
                None => Vec::new(),
            };
            Err(explain(failure, &problems))
        }
        made => made.map(|()| identity),
    }
}

async fn plan(run: &Run, spec: &WorkerSpec, facts: Facts, is_tried: bool) -> Result<Plan, Failure> {
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
    let target = join_target(seen, spec.join.masters.clone(), None)?;
    if target.ca_cert_hash != spec.join.ca_cert_hash {
        let detail = format!(
            "The masters' CA is {}, join says {}.",
            target.ca_cert_hash, spec.join.ca_cert_hash
        );
        return Err(Failure::new("Cluster is not the one that join describes", detail).at("join"));
    }
    let node = spec.node.node_spec(&facts, &run.host);
    let cluster = &target.cluster;
    let marker = marker_of(&facts)?;
    let is_node = facts.kubernetes.kubelet_conf;
    let is_recorded = marker.as_ref().is_some_and(|marker| marker.is_member);
    // The Node was there when the membership was recorded: it was taken out while the host was down.
    let is_stale = is_node && is_recorded && node_of(&cluster.via().await, &node.name).await?.is_none();
    if is_stale {
        check_same_ca(run, &facts, &target.ca_cert_hash)?;
    }
    // Somebody may have reset the host; the marker does not know of that.
    let joins = is_stale || !is_node || !is_recorded;
    let is_leaving = !joins && marker.is_some_and(|marker| marker.leaving().is_some());
    Ok(Plan::new([Stage::under_host_lock([
        step(CheckHost { problems }),
        (!is_tried)
            .then(|| TryConnections {
                facts: facts.clone(),
                settings: spec.node.clone(),
                others: Others::Cluster(spec.join.clone()),
            })
            .and_then(step),
        step(CheckNodeName {
            cluster: cluster.clone(),
            name: node.name.clone(),
            machine_id: facts.machine_id.clone(),
            addresses: facts.addresses(),
            advertise_address: None,
        }),
        is_stale
            .then(|| KubeadmReset {
                cri_socket: node.cri_socket.clone(),
                verify: None,
            })
            .and_then(step),
        joins
            .then(|| KubeadmJoin {
                kubeadm,
                cluster: cluster.clone(),
                endpoint: spec.join.endpoint.clone(),
                ca_cert_pem: target.ca_cert_pem.clone(),
                node: node.clone(),
                control_plane: None,
            })
            .and_then(step),
        joins
            .then(|| RevokeCredentials {
                cluster: cluster.clone(),
            })
            .and_then(step),
        is_leaving
            .then(|| StayInCluster {
                cluster: cluster.clone(),
                name: node.name.clone(),
                member: None,
            })
            .and_then(step),
        step(ApplyNodeSettings::all_of(&spec.node, cluster.clone(), &node.name)),
        step(RecordMembership {
            endpoint: spec.join.endpoint.to_string(),
            node_name: node.name.clone(),
            files: Vec::new(),
        }),
    ])]))
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
