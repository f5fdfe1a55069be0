//! Masters and workers: what kubeadm checks too, said earlier and with the attribute that helps.
use std::collections::BTreeSet;

use ipnet::IpNet;
use semver::Version;

use super::{
    Checks, Problem, Severity, check_clock, check_folders, check_kubelet, check_rights,
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

/// kubeadm wants etcd's folder empty. What an earlier member left there is a leftover, said elsewhere.
fn check_etcd_folder(facts: &Facts, wanted: Option<&str>, checks: &mut Checks) {
    let folder = &facts.etcd;
    let check = format!("DirAvailable-{}", folder.path.replace('/', "-"));
    if folder.names.is_empty()
        || facts.kubernetes.etcd_data
        || checks.is_ignored(&check)
        || wanted.is_some_and(|wanted| wanted != folder.path)
    {
        return;
    }
    let why = etcd_folder_advice(facts, wanted.is_some(), &check);
    let detail = format!(
        "{} on {} has {}, and kubeadm refuses a folder for etcd that is not empty ({check}). {why}",
        folder.path,
        facts.hostname,
        folder.names.join(", ")
    );
    if wanted.is_some() {
        checks.error(Some("etcd.data_dir"), ETCD_FOLDER_NOT_EMPTY, detail);
    } else {
        // A master that joins takes the cluster's folder, which is not known here.
        checks.warning(ETCD_FOLDER_NOT_EMPTY, detail);
    }
}

/// Summary of what is in the way in etcd's folder.
pub const ETCD_FOLDER_NOT_EMPTY: &str = "The folder for etcd is not empty";

/// `etcd.data_dir` is for who founds a cluster; who joins one takes the folder that the cluster has.
fn etcd_folder_advice(facts: &Facts, founds: bool, check: &str) -> String {
    let is_root = facts.etcd.names.iter().any(|name| name == "lost+found");
    match (is_root, founds) {
        (true, true) => format!(
            "It is the root of a file system: let etcd.data_dir be a folder below it, such as {}/data.",
            facts.etcd.path.trim_end_matches('/')
        ),
        (true, false) => format!(
            "It is the root of a file system. If the cluster has etcd's data in this folder, mount the file system at a folder above it, or add \"{check}\" to ignore_preflight_errors."
        ),
        (false, true) => "Empty it there, or let etcd.data_dir be another folder.".to_owned(),
        (false, false) => "If the cluster has etcd's data in this folder, empty it there.".to_owned(),
    }
}

/// What keeps a host from joining a running cluster that has etcd's data in the folder that was looked at.
pub fn check_joining_etcd(facts: &Facts, ignored: &BTreeSet<String>) -> Vec<Problem> {
    let mut checks = Checks::new(ignored);
    check_etcd_folder(facts, None, &mut checks);
    for problem in &mut checks.problems {
        problem.severity = Severity::Error;
        problem.attribute = Some("host");
    }
    checks.problems
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
mod tests {
    use super::*;
    use crate::node::runtime::Runtimes;

    fn problems(change: impl FnOnce(&mut Facts), ignored: &[&str]) -> Vec<Problem> {
        let mut facts = Facts::example();
        change(&mut facts);
        let ignored = ignored.iter().map(|name| (*name).to_owned()).collect();
        check_master(&facts, &expectations(&ignored))
    }

    fn expectations(ignored: &BTreeSet<String>) -> NodeExpectations<'_> {
        static WANTED: Version = Version::new(1, 37, 2);
        NodeExpectations {
            node_name: None,
            kubernetes_version: Some(&WANTED),
            ignored,
            fail_swap_on: true,
            fail_cgroup_v1: None,
            api_server_port: 6443,
            networks: &[],
            is_node: false,
            cri_socket: "unix:///run/containerd/containerd.sock",
            etcd_folder: Some("/var/lib/etcd"),
            local_clock: 1_800_000_000,
        }
    }

    fn everything_wrong(facts: &mut Facts) {
        facts.hostname = "Master_1".to_owned();
        facts.machine_id.clear();
        (facts.cpus, facts.memory_mib) = (1, 512);
        (facts.swap, facts.ip_forward, facts.systemd, facts.kubelet_unit) = (true, false, false, false);
        facts.cgroup_version = 1;
        facts.kubeadm_version = None;
        facts.kubelet_version = Some(Version::new(1, 36, 3));
        facts.programs.clear();
        facts.runtimes = Runtimes {
            listening: Some(BTreeSet::new()),
            ..Runtimes::default()
        };
        facts.listening = [22, 2379, 6443].into();
        facts.clock += 31;
    }

    #[test]
    fn a_good_host_has_no_problem() {
        assert_eq!(problems(|_| {}, &[]), []);
        let none = BTreeSet::new();
        assert_eq!(check_worker(&Facts::example(), &expectations(&none)), []);
    }

    #[test]
    fn says_everything_at_once() {
        insta::assert_debug_snapshot!(problems(everything_wrong, &[]));
    }

    #[test]
    fn what_kubeadm_is_told_to_ignore_is_ignored() {
        let change = |facts: &mut Facts| {
            (facts.cpus, facts.cgroup_version) = (1, 2);
            facts.listening = [6443].into();
        };
        assert_eq!(problems(change, &["numcpu", "Port-6443"]), []);
        assert_eq!(problems(change, &["NumCPU"]).len(), 1);
        assert_eq!(problems(change, &["all"]), []);
    }

    #[test]
    fn no_ignored_check_hides_what_kubeadm_does_not_check() {
        let summaries: Vec<_> = problems(everything_wrong, &["all"])
            .iter()
            .map(|problem| problem.summary)
            .collect();
        assert!(
            summaries.contains(&"No container runtime is running"),
            "{summaries:?}"
        );
        assert!(summaries.contains(&"The host's clock is wrong"), "{summaries:?}");
    }

    #[test]
    fn cgroup_v1_needs_both_settings() {
        let mut facts = Facts::example();
        facts.cgroup_version = 1;
        let (none, verification) = (BTreeSet::new(), BTreeSet::from(["SystemVerification".to_owned()]));
        let count = |facts: &Facts, ignored, fail_cgroup_v1| {
            check_worker(
                facts,
                &NodeExpectations {
                    fail_cgroup_v1,
                    ..expectations(ignored)
                },
            )
            .len()
        };
        assert_eq!(count(&facts, &none, None), 2);
        assert_eq!(count(&facts, &none, Some(false)), 1);
        assert_eq!(count(&facts, &verification, Some(false)), 0);
        facts.kubelet_version = Some(Version::new(1, 37, 0));
        facts.kubeadm_version = Some(Version::new(1, 37, 2));
        let problems = check_worker(
            &facts,
            &NodeExpectations {
                fail_cgroup_v1: Some(false),
                ..expectations(&verification)
            },
        );
        assert_eq!(
            problems
                .iter()
                .map(|problem| problem.severity)
                .collect::<Vec<_>>(),
            [Severity::Warning]
        );
    }

    #[test]
    fn an_older_kubeadm_needs_crictl() {
        let old = |facts: &mut Facts| {
            facts.programs.remove("crictl");
            facts.kubeadm_version = Some(Version::new(1, 30, 4));
        };
        let needs = |problem: &Problem| problem.detail.contains("no crictl");
        assert!(problems(old, &[]).iter().any(needs));
        assert!(!problems(old, &["FileExisting-crictl"]).iter().any(needs));
        assert!(
            !problems(
                |facts| {
                    facts.programs.remove("crictl");
                },
                &[]
            )
            .iter()
            .any(needs)
        );
    }

    #[test]
    fn a_node_may_use_its_own_ports() {
        let mut facts = Facts::example();
        facts.listening = [2379, 6443, 10250].into();
        let none = BTreeSet::new();
        assert_eq!(
            check_master(
                &facts,
                &NodeExpectations {
                    is_node: true,
                    ..expectations(&none)
                }
            ),
            []
        );
        assert_eq!(check_master(&facts, &expectations(&none)).len(), 3);
    }
}
