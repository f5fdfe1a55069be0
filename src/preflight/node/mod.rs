//! Masters and workers: what kubeadm checks too, said earlier and with the attribute that helps.
use std::collections::BTreeSet;

use ipnet::IpNet;
use semver::Version;

use super::{
    Checks, Problem, check_clock, check_folders, check_kubelet, check_rights, etcd_folder::check_etcd_folder,
    networks::check_networks, runtime::check_runtime,
};
use crate::{
    kubeadm::{
        CONTROLLER_MANAGER_PORT, ETCD_CLIENT_PORT, ETCD_PEER_PORT, KUBELET_PORT, SCHEDULER_PORT,
        validate_node_name,
    },
    node::Facts,
};

/// What a master or worker is going to be.
#[derive(Clone, Debug)]
pub struct NodeExpectations<'a> {
    /// The Node's name, or none for the host's own.
    pub node_name: Option<&'a str>,
    /// The version of the cluster where it is known.
    pub kubernetes_version: Option<&'a Version>,
    /// Names of kubeadm's checks as in `ignore_preflight_errors`; `all` stands for each.
    pub ignored: &'a BTreeSet<String>,
    /// The kubelet's `failSwapOn`; true unless told.
    pub fail_swap_on: bool,
    /// The kubelet's `failCgroupV1`; true since 1.35 unless told.
    pub fail_cgroup_v1: Option<bool>,
    /// The API server's port on a master.
    pub api_server_port: u16,
    /// The cluster's networks for pods and Services with their attributes, where they are known.
    pub networks: &'a [(&'static str, IpNet)],
    /// Whether the host is a node already, so that its ports are its own.
    pub is_node: bool,
    /// The runtime's socket that kubeadm is told.
    pub cri_socket: &'a str,
    /// The folder for etcd's data where it is known.
    pub etcd_folder: Option<&'a str>,
    /// This machine's clock in Unix seconds.
    pub local_clock: i64,
}

/// What keeps a host from becoming a master.
pub fn check_master(facts: &Facts, expected: &NodeExpectations<'_>) -> Vec<Problem> {
    if let Some(problem) = check_rights(facts) {
        return vec![problem];
    }
    let mut checks = Checks::new(expected.ignored);
    let resources =
        "kubeadm asks for 2 processors and 1700 MB of memory on a master. Give the machine more, or add";
    if facts.cpus < MASTER_CPUS {
        let detail = format!(
            "{} has {} processor. {resources} \"NumCPU\" to ignore_preflight_errors.",
            facts.hostname, facts.cpus
        );
        checks.ignorable("NumCPU", "Too few processors for a master", detail);
    }
    if facts.memory_mib < MASTER_MEMORY_MIB {
        let detail = format!(
            "{} has {} MiB of memory. {resources} \"Mem\" to ignore_preflight_errors.",
            facts.hostname, facts.memory_mib
        );
        checks.ignorable("Mem", "Too little memory for a master", detail);
    }
    checks.mendable(facts, |checks| check_master_programs(facts, checks));
    if !expected.is_node {
        check_etcd_folder(facts, expected.etcd_folder, &mut checks);
    }
    let mut ports = vec![expected.api_server_port];
    ports.extend(MASTER_PORTS);
    check_node(facts, expected, &ports, &mut checks);
    checks.problems
}

fn check_master_programs(facts: &Facts, checks: &mut Checks) {
    for (program, reason) in [
        ("kubectl", "nodes are drained and read"),
        ("curl", "the API server and etcd are asked"),
    ] {
        if !facts.has_program(program) {
            checks.error(
                None,
                "A program is missing",
                format!(
                    "{} has no {program}, with which {reason} there. Install it.",
                    facts.hostname
                ),
            );
        }
    }
}

/// What keeps a host from becoming a worker.
pub fn check_worker(facts: &Facts, expected: &NodeExpectations<'_>) -> Vec<Problem> {
    if let Some(problem) = check_rights(facts) {
        return vec![problem];
    }
    let mut checks = Checks::new(expected.ignored);
    if facts.memory_mib < WORKER_MEMORY_MIB {
        let detail = format!(
            "{} has {} MiB of memory: little is left for pods.",
            facts.hostname, facts.memory_mib
        );
        checks.warning("Little memory for a worker", detail);
    }
    check_node(facts, expected, &[KUBELET_PORT], &mut checks);
    checks.problems
}

const MASTER_CPUS: u32 = 2;
const MASTER_MEMORY_MIB: u64 = 1700;
const WORKER_MEMORY_MIB: u64 = 900;
/// What a master needs besides the API server's.
const MASTER_PORTS: [u16; 5] = [
    ETCD_CLIENT_PORT,
    ETCD_PEER_PORT,
    KUBELET_PORT,
    CONTROLLER_MANAGER_PORT,
    SCHEDULER_PORT,
];

fn check_node(facts: &Facts, expected: &NodeExpectations<'_>, ports: &[u16], checks: &mut Checks) {
    check_name(facts, expected, checks);
    check_folders(facts, checks);
    check_kubelet(facts, checks);
    checks.mendable(facts, |checks| {
        check_versions(facts, expected.kubernetes_version, checks);
        check_runtime(facts, expected.cri_socket, checks);
        check_programs(facts, checks);
        check_kernel(facts, expected, checks);
    });
    check_networks(facts, expected.networks, checks);
    if !expected.is_node {
        for port in ports.iter().filter(|port| facts.listening.contains(port)) {
            let detail = format!(
                "Something on {} listens on port {port} already, which this node needs. Stop it there.",
                facts.hostname
            );
            checks.ignorable(&format!("Port-{port}"), "A port of Kubernetes is taken", detail);
        }
    }
    if facts.machine_id.is_empty() {
        let detail = format!(
            "{} has no /etc/machine-id, by which a node is told from another. Run `systemd-machine-id-setup` there.",
            facts.hostname
        );
        checks.warning("The host has no machine id", detail);
    }
    check_clock(facts, expected.local_clock, checks);
}

fn check_name(facts: &Facts, expected: &NodeExpectations<'_>, checks: &mut Checks) {
    let name = expected
        .node_name
        .map_or_else(|| facts.hostname.to_lowercase(), str::to_owned);
    if let Err(problem) = validate_node_name(&name) {
        checks.error(
            Some("node_name"),
            "The node's name is not valid",
            format!("{problem}. Set node_name or rename the host."),
        );
    }
}

fn check_versions(facts: &Facts, wanted: Option<&Version>, checks: &mut Checks) {
    let installed = [
        ("kubeadm", &facts.kubeadm_version, "KubernetesVersion"),
        ("kubelet", &facts.kubelet_version, "KubeletVersion"),
    ];
    for (program, version, name) in installed {
        let Some(version) = version else {
            let detail = format!(
                "{program} is not installed on {}, or does not tell its version.",
                facts.hostname
            );
            checks.error(Some("host"), "A program of Kubernetes is missing", detail);
            continue;
        };
        let Some(wanted) = wanted.or(facts.kubeadm_version.as_ref()) else {
            continue;
        };
        let detail = format!(
            "{} has {program} {version}, the cluster's version is {wanted}. Install {program} {wanted} there or change kubernetes_version.",
            facts.hostname
        );
        if (version.major, version.minor) == (wanted.major, wanted.minor) {
            if version.patch != wanted.patch {
                checks.warning("A program of Kubernetes has another patch version", detail);
            }
        } else if !checks.is_ignored(name) {
            checks.error(
                Some("kubernetes_version"),
                "A program of Kubernetes has another version",
                detail,
            );
        }
    }
}

/// What each kubeadm cannot do without, by the minor version from which it no longer asks.
fn check_programs(facts: &Facts, checks: &mut Checks) {
    let minor = facts
        .kubeadm_version
        .as_ref()
        .map_or(u64::MAX, |version| version.minor);
    let needed = [
        ("mount", u64::MAX),
        ("cp", u64::MAX),
        ("crictl", 32),
        ("conntrack", 32),
        ("ip", 33),
        ("iptables", 33),
        ("nsenter", 33),
    ];
    for (program, _) in needed
        .iter()
        .filter(|(program, until)| minor < *until && !facts.has_program(program))
    {
        let detail = format!(
            "{} has no {program}, which its kubeadm needs. Install it.",
            facts.hostname
        );
        checks.ignorable(&format!("FileExisting-{program}"), "A program is missing", detail);
    }
}

fn check_kernel(facts: &Facts, expected: &NodeExpectations<'_>, checks: &mut Checks) {
    if facts.swap && expected.fail_swap_on && !checks.is_ignored("Swap") {
        let detail = format!(
            "{} swaps, and the kubelet then ends at start. Turn swap off (`swapoff -a` and /etc/fstab) or set failSwapOn: false in kubelet_config.",
            facts.hostname
        );
        checks.error(Some("kubelet_config"), "Swap is on", detail);
    }
    if !facts.ip_forward {
        let detail = format!(
            "net.ipv4.ip_forward is 0 on {}: pods would reach no other node. Set it to 1 in /etc/sysctl.d.",
            facts.hostname
        );
        checks.ignorable(
            "FileContent--proc-sys-net-ipv4-ip_forward",
            "The host does not forward packets",
            detail,
        );
    }
    let is_strict = facts
        .kubelet_version
        .as_ref()
        .is_some_and(|version| (version.major, version.minor) >= (1, 35));
    if facts.cgroup_version == 1 && is_strict {
        if expected.fail_cgroup_v1 != Some(false) {
            let detail = format!(
                "{} uses cgroup v1, and a kubelet of 1.35 or later then ends at start. Boot it with cgroup v2 or set failCgroupV1: false in kubelet_config.",
                facts.hostname
            );
            checks.error(Some("kubelet_config"), "The host uses cgroup v1", detail);
        }
        let detail = format!(
            "{} uses cgroup v1, which kubeadm's check refuses. Boot it with cgroup v2 or add \"SystemVerification\" to ignore_preflight_errors.",
            facts.hostname
        );
        checks.ignorable("SystemVerification", "kubeadm refuses cgroup v1", detail);
    }
}

#[cfg(test)]
mod tests;
