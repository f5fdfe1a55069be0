//! Tests: what is wrong with a host that is to be a node.
use super::*;
use crate::{node::runtime::Runtimes, preflight::Severity};

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
