//! What can be found wrong with a host before anything is changed; at plan and as the first step of a create.
use std::{
    collections::BTreeSet,
    time::{SystemTime, UNIX_EPOCH},
};

use futures::future::join;
use ipnet::IpNet;

use crate::{
    kubeadm::{API_SERVER_PORT, ClusterSpec, Kubelet, Version, check_kubelet_argument},
    lifecycle::{
        cluster::{Survey, foreign_cluster},
        failure::{Failure, failure_of},
        host::{Checked, marker_of, read_facts, read_facts_with},
        network::{master_connections, places, worker_connections},
        spec::{Join, MasterSpec, NodeSettings},
    },
    node::{Facts, facts::ETCD_FOLDER},
    preflight::{self, NodeExpectations, Problem, Severity, check_joining_etcd},
    remote::Host,
};

/// What lies in etcd's folder on a host that joins a cluster, which says where that is.
pub(super) async fn joining_etcd(
    host: &Host,
    facts: &Facts,
    settings: &NodeSettings,
    folder: &str,
) -> Result<Vec<Problem>, Failure> {
    let ignored = ignored(settings);
    if facts.etcd.path == folder {
        return Ok(check_joining_etcd(facts, &ignored));
    }
    let facts = read_facts_with(host, folder).await?;
    Ok(check_joining_etcd(&facts, &ignored))
}

/// Looks at a host that is to be a master. Reads only.
///
/// `looked`: what a look at the host has just seen, so that it need not be looked at again.
pub(crate) async fn check_master(
    host: &Host,
    spec: &MasterSpec,
    looked: Option<Facts>,
) -> Result<Checked, Failure> {
    let etcd = spec.etcd_folder().unwrap_or(ETCD_FOLDER);
    let look = async {
        match looked.filter(|facts| facts.etcd.path == etcd) {
            Some(facts) => Ok(facts),
            None => read_facts_with(host, etcd).await,
        }
    };
    let peers = spec.candidates();
    let (facts, places) = join(look, places(&peers)).await;
    let facts = facts?;
    let begun = marker_of(&facts)?.is_some_and(|marker| !marker.is_member);
    if facts.kubernetes.admin_conf && !begun {
        let own = Survey::of(std::slice::from_ref(host)).await;
        if let (Some(found), Some(endpoint)) = (
            own.seen
                .first()
                .and_then(|seen| seen.cluster.as_ref().map(|cluster| &cluster.spec)),
            spec.endpoint(),
        ) {
            let wanted = spec.cluster_name().unwrap_or_default();
            if !found.is(wanted, endpoint) {
                return Err(foreign_cluster(host.name(), found, wanted, endpoint));
            }
        }
    } else if let Some(endpoint) = spec.endpoint() {
        refuse_foreign_node(host, &facts, &endpoint.to_string())?;
    }
    let mut problems = master_problems(&facts, spec);
    problems.extend(master_connections(host, &facts, &spec.node, &places).await);
    Ok(Checked::at_plan(problems, spec.node.name_on(&facts), facts))
}

/// Looks at a host that is to be a worker of the cluster with this endpoint (empty if it is not known yet). Reads
/// only. `join`: the cluster, as far as it is known.
pub(crate) async fn check_worker(
    host: &Host,
    settings: &NodeSettings,
    endpoint: &str,
    join: Option<&Join>,
) -> Result<Checked, Failure> {
    let facts = read_facts(host).await?;
    refuse_foreign_node(host, &facts, endpoint)?;
    let mut problems = worker_problems(&facts, settings);
    if let Some(join) = join {
        problems.extend(worker_connections(host, &facts, settings, join).await);
    }
    Ok(Checked::at_plan(problems, settings.name_on(&facts), facts))
}

/// Problems seen in facts that are at hand.
pub(crate) fn master_problems(facts: &Facts, spec: &MasterSpec) -> Vec<Problem> {
    let mut problems = preflight::check_master(
        facts,
        &expectations(
            facts,
            &spec.node,
            spec.cluster.as_ref(),
            &networks(spec.cluster.as_ref()),
            &ignored(&spec.node),
        ),
    );
    problems.extend(kubelet_arguments(facts, &spec.node));
    for problem in &mut problems {
        problem.attribute = problem.attribute.map(|attribute| match attribute {
            "kubernetes_version" => "cluster.kubernetes_version",
            "kubelet_config" => "cluster.kubelet_config",
            "etcd.data_dir" => "cluster.etcd.data_dir",
            "pod_subnet" => "cluster.pod_subnet",
            "service_subnet" => "cluster.service_subnet",
            other => other,
        });
    }
    problems.extend(leftovers(facts));
    problems
}

/// Problems seen in facts that are at hand.
pub(crate) fn worker_problems(facts: &Facts, settings: &NodeSettings) -> Vec<Problem> {
    let mut problems = preflight::check_worker(
        facts,
        &expectations(facts, settings, None, &[], &ignored(settings)),
    );
    problems.extend(kubelet_arguments(facts, settings));
    problems.extend(leftovers(facts));
    problems
}

/// Why nothing can be done without kubeadm, with everything else that is wrong.
pub(crate) fn without_kubeadm(problems: &[Problem]) -> Failure {
    failure_of(problems).unwrap_or_else(|| {
        Failure::new(
            "kubeadm is missing on the host",
            "There is no working kubeadm in PATH.",
        )
        .at("host")
        .advise("Install kubeadm, kubelet and kubectl of the wanted version on the host.")
    })
}

/// Parts of a cluster on a host that is no node and that this provider did not begin to make one.
fn leftovers(facts: &Facts) -> Vec<Problem> {
    let is_node = facts.kubernetes.kubelet_conf || facts.kubernetes.admin_conf;
    // A note that cannot be read is told elsewhere.
    if is_node || !matches!(marker_of(facts), Ok(None)) {
        return Vec::new();
    }
    preflight::check_leftovers(facts)
}

/// A host with a node's credentials that this provider did not put there for this endpoint is somebody else's.
pub(crate) fn refuse_foreign_node(host: &Host, facts: &Facts, endpoint: &str) -> Result<(), Failure> {
    let marker = marker_of(facts).map_err(|failure| failure.on(host.name()))?;
    // A marker alone is no node: somebody reset the host, or a create did not get far.
    let is_node = facts.kubernetes.kubelet_conf || facts.kubernetes.admin_conf;
    let is_own = marker
        .as_ref()
        .is_some_and(|marker| endpoint.is_empty() || marker.endpoint == endpoint);
    if is_own || !is_node {
        return Ok(());
    }
    let whose = marker.map_or("that this provider did not join it to".to_owned(), |marker| {
        format!("with endpoint {}", marker.endpoint)
    });
    Err(Failure::new("Host belongs to another cluster", format!("The host is a node of a cluster {whose}."))
        .at("host")
        .on(host.name())
        .advise("Nothing was changed. Check the host's address. If it is not needed there any more, run `kubeadm reset` on it yourself."))
}

fn ignored(settings: &NodeSettings) -> BTreeSet<String> {
    settings.kubeadm.ignore_preflight_errors.iter().cloned().collect()
}

/// The networks of the cluster that this master may found; who joins one does not know them.
fn networks(cluster: Option<&ClusterSpec>) -> Vec<(&'static str, IpNet)> {
    let named = |name, nets: &[IpNet]| nets.iter().map(|net| (name, *net)).collect::<Vec<_>>();
    cluster.map_or_else(Vec::new, |cluster| {
        [
            named("pod_subnet", &cluster.pod_subnet),
            named("service_subnet", &cluster.services()),
        ]
        .concat()
    })
}

/// Arguments that end the kubelet that is installed here. What depends on its version cannot be said before.
fn kubelet_arguments(facts: &Facts, settings: &NodeSettings) -> Vec<Problem> {
    let version = facts.kubelet_version.clone().map(Version::from);
    let kubelet = Kubelet {
        version: version.as_ref(),
        node_name: settings.name(),
        cri_socket: Some(&settings.kubeadm.cri_socket),
    };
    let found = settings
        .kubeadm
        .kubelet_extra_args
        .iter()
        .filter_map(|(name, value)| check_kubelet_argument(name, value, kubelet));
    found
        .filter(|finding| finding.is_error)
        .map(|finding| Problem {
            attribute: Some("kubelet_extra_args"),
            summary: finding.summary,
            detail: finding.detail,
            severity: Severity::Error,
            is_mendable: false,
        })
        .collect()
}

fn expectations<'a>(
    facts: &Facts,
    settings: &'a NodeSettings,
    cluster: Option<&'a ClusterSpec>,
    networks: &'a [(&'static str, IpNet)],
    ignored: &'a BTreeSet<String>,
) -> NodeExpectations<'a> {
    let kubelet_flag = |name: &str| {
        let config = cluster.and_then(|cluster| cluster.kubelet_config.as_ref());
        config
            .and_then(|config| config.get(name))
            .and_then(serde_json::Value::as_bool)
    };
    NodeExpectations {
        node_name: settings.name(),
        kubernetes_version: cluster.map(|cluster| cluster.kubernetes_version.as_ref()),
        ignored,
        // Without the cluster's own KubeletConfiguration at hand the kubelet's settings are not known to be wrong.
        fail_swap_on: cluster.is_some() && kubelet_flag("failSwapOn").unwrap_or(true),
        fail_cgroup_v1: if cluster.is_some() {
            kubelet_flag("failCgroupV1")
        } else {
            Some(false)
        },
        api_server_port: API_SERVER_PORT,
        cri_socket: &settings.kubeadm.cri_socket,
        etcd_folder: cluster.map(|cluster| cluster.etcd.data_dir.as_deref().unwrap_or(ETCD_FOLDER)),
        networks,
        is_node: facts.kubernetes.kubelet_conf,
        local_clock: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX)),
    }
}
