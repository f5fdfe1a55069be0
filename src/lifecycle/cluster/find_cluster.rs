//! Finds the running cluster, and a master of it to join through.
use std::time::Duration;

use super::{
    handle::Cluster,
    survey::{HostReport, Survey},
};
use crate::{
    kube::RunningCluster,
    kubeadm::{Topology, Version},
    lifecycle::{
        engine::{Condition, Run, wait_until},
        failure::Failure,
    },
    node::{Machine, facts::ETCD_FOLDER},
    remote::Host,
};

/// The cluster that a node joins, as one of its masters tells it.
#[derive(Clone, Debug)]
pub(crate) struct JoinTarget {
    /// The cluster, through one of its masters.
    pub cluster: Cluster,
    /// `sha256:…` of the cluster's CA.
    pub ca_cert_hash: String,
    /// Its certificate.
    pub ca_cert_pem: String,
    /// The control plane's version.
    pub kubernetes_version: Version,
    /// Where its etcd runs.
    pub topology: Topology,
    /// The folder of each master for etcd's data.
    pub etcd_folder: String,
}

/// Looks through the hosts; where a master is found whose API server does not answer, waits for it a while: it
/// may just have joined.
pub(crate) async fn find_cluster(run: &Run, candidates: &[Host]) -> Result<Survey, Failure> {
    wait_for_cluster(run, candidates, Survey::of(candidates).await).await
}

/// The same, after a first look.
pub(crate) async fn wait_for_cluster(
    run: &Run,
    candidates: &[Host],
    first: Survey,
) -> Result<Survey, Failure> {
    // A master that is down keeps nobody from joining through another.
    if first.via().is_some_and(|seen| !seen.has_begun_init()) {
        return Ok(first);
    }
    let survey = if first.is_settled() {
        first
    } else {
        Survey::when_reachable(run, candidates).await
    };
    if survey.via().is_some() || survey.masters().next().is_none() {
        return Ok(survey);
    }
    wait_until(run, "a master of the running cluster answers", Duration::from_secs(180), || {
        Box::pin(async {
            let survey = Survey::of(candidates).await;
            Ok(if survey.via().is_some() { Condition::Met(survey) } else { Condition::NotYet(survey.account()) })
        })
    })
    .await
    .map_err(|failure| {
        Failure { summary: "Cluster does not answer", ..failure }.advise(
            "A cluster exists on these hosts, so none is initialised and nothing can join. Bring its API servers and etcd back first.",
        )
    })
}

/// Turns what a master said into what a join needs.
pub(crate) fn join_target(
    seen: &HostReport,
    masters: Vec<Host>,
    subject: Option<Machine>,
) -> Result<JoinTarget, Failure> {
    let missing = || {
        Failure::new(
            "Master gave no usable answer",
            "Its CA certificate or kubeadm-config could not be read.",
        )
        .on(seen.host.name())
    };
    let RunningCluster {
        spec: cluster,
        topology,
    } = seen.cluster.as_ref().ok_or_else(missing)?;
    Ok(JoinTarget {
        topology: *topology,
        etcd_folder: cluster
            .etcd
            .data_dir
            .clone()
            .unwrap_or_else(|| ETCD_FOLDER.to_owned()),
        cluster: Cluster::of(seen, masters, subject),
        ca_cert_hash: seen.ca_cert_hash.clone().ok_or_else(missing)?,
        ca_cert_pem: seen.ca_cert_pem.clone().ok_or_else(missing)?,
        kubernetes_version: cluster.kubernetes_version.clone(),
    })
}
