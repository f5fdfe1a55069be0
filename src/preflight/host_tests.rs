//! Tests: hosts as people have them, and what is said of them.
use std::collections::BTreeSet;

use semver::Version;

use super::*;
use crate::node::{
    runtime::Runtimes,
    setup::{CloudInit, Setup},
    user::User,
};

fn of_master(facts: &Facts, cri_socket: &str, etcd_folder: Option<&str>) -> Vec<Problem> {
    let (wanted, ignored) = (Version::new(1, 37, 2), BTreeSet::new());
    check_master(
        facts,
        &NodeExpectations {
            node_name: None,
            kubernetes_version: Some(&wanted),
            ignored: &ignored,
            fail_swap_on: true,
            fail_cgroup_v1: None,
            api_server_port: 6443,
            networks: &[],
            is_node: false,
            cri_socket,
            etcd_folder,
            local_clock: 1_800_000_000,
        },
    )
}

const CONTAINERD: &str = "unix:///run/containerd/containerd.sock";

/// One line for each problem: severity, attribute, summary, detail.
fn told(problems: &[Problem]) -> String {
    let line = |problem: &Problem| {
        format!(
            "{:?} at {}: {}: {}\n",
            problem.severity,
            problem.attribute.unwrap_or("-"),
            problem.summary,
            problem.detail
        )
    };
    problems.iter().map(line).collect::<Vec<_>>().concat()
}

fn example(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = Facts::example();
    change(&mut facts);
    facts
}

fn runtimes(files: &[&str], listening: &[&str]) -> Runtimes {
    let owned = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect();
    Runtimes {
        files: owned(files),
        listening: Some(owned(listening)),
        ..Runtimes::default()
    }
}

/// What a host is called in the snapshot, and what is said of it.
type Row = (&'static str, Vec<Problem>);

fn runtime_rows() -> Vec<Row> {
    let crio = ["/run/crio/crio.sock"];
    vec![
        (
            "another runtime than cri_socket's",
            of_master(
                &example(|facts| facts.runtimes = runtimes(&crio, &crio)),
                CONTAINERD,
                None,
            ),
        ),
        (
            "a dead socket of the one, a live one of another",
            of_master(
                &example(|facts| {
                    facts.runtimes = runtimes(&["/run/containerd/containerd.sock"], &crio);
                }),
                CONTAINERD,
                None,
            ),
        ),
        (
            "two runtimes, one of which is used",
            of_master(
                &example(|facts| {
                    facts.runtimes =
                        runtimes(&crio, &["/run/containerd/containerd.sock", "/run/crio/crio.sock"]);
                }),
                "/var/run/crio/crio.sock",
                None,
            ),
        ),
        (
            "a dead socket",
            of_master(
                &example(|facts| facts.runtimes = runtimes(&crio, &[])),
                "unix:///run/crio/crio.sock",
                None,
            ),
        ),
        (
            "containerd without CRI",
            of_master(
                &example(|facts| facts.runtimes.is_cri_disabled = true),
                CONTAINERD,
                None,
            ),
        ),
    ]
}

fn etcd_rows() -> Vec<Row> {
    let etcd = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        example(|facts| facts.etcd.names = names)
    };
    vec![
        (
            "a disk of its own for etcd",
            of_master(&etcd(&["lost+found"]), CONTAINERD, Some("/var/lib/etcd")),
        ),
        (
            "the same for a master that joins",
            of_master(&etcd(&["lost+found"]), CONTAINERD, None),
        ),
        (
            "something else in it",
            of_master(&etcd(&["backup.db"]), CONTAINERD, Some("/var/lib/etcd")),
        ),
        (
            "etcd's data lie elsewhere",
            of_master(&etcd(&["lost+found"]), CONTAINERD, Some("/data/etcd")),
        ),
    ]
}

fn machine_rows() -> Vec<Row> {
    vec![
        (
            "a user who is not root",
            of_master(
                &example(|facts| {
                    facts.effective_uid = Some(1000);
                    facts.user = Some(User {
                        name: "ops".to_owned(),
                        uid: 1000,
                        gid: 1000,
                        home: "/home/ops".to_owned(),
                    });
                    facts.programs.clear();
                }),
                CONTAINERD,
                None,
            ),
        ),
        (
            "one without a name",
            of_master(
                &example(|facts| facts.effective_uid = Some(54321)),
                CONTAINERD,
                None,
            ),
        ),
        (
            "a read-only file system",
            of_master(
                &example(|facts| facts.read_only = vec!["/var/lib".to_owned()]),
                CONTAINERD,
                None,
            ),
        ),
        (
            "no program ip",
            of_master(
                &example(|facts| {
                    facts.programs.remove("ip");
                    facts.interfaces.clear();
                }),
                CONTAINERD,
                None,
            ),
        ),
        (
            "cloud-init went wrong",
            of_master(
                &example(|facts| {
                    facts.setup.cloud_init = CloudInit::Failed;
                    facts.programs.remove("curl");
                }),
                CONTAINERD,
                None,
            ),
        ),
    ]
}

#[test]
fn says_what_is_wrong_with_a_host() {
    let rows = [machine_rows(), runtime_rows(), etcd_rows()].concat();
    let rows = rows
        .iter()
        .map(|(row, problems)| format!("{row}\n{}\n", told(problems)));
    insta::assert_snapshot!(rows.collect::<Vec<_>>().concat());
}

#[test]
fn an_old_member_is_looked_for_where_etcds_data_lie() {
    let facts = example(|facts| {
        facts.etcd.path = "/data/etcd".to_owned();
        facts.etcd.names = vec!["member".to_owned()];
        facts.kubernetes.etcd_data = true;
    });
    assert!(
        check_leftovers(&facts)[0]
            .detail
            .contains("m1 has /data/etcd/member. ")
    );
    assert_eq!(of_master(&facts, CONTAINERD, Some("/data/etcd")), []);
}

#[test]
fn what_a_machine_lacks_while_it_sets_itself_up_is_a_warning_at_plan() {
    let facts = example(|facts| {
        facts.kubelet_unit = false;
        facts.swap = true;
        facts.cpus = 1;
        facts.setup = Setup {
            cloud_init: CloudInit::Running(None),
            at_work: Vec::new(),
        };
    });
    let mut problems = of_master(&facts, CONTAINERD, None);
    assert!(problems.iter().all(|problem| problem.severity == Severity::Error));
    bear_setup(&mut problems, &Setup::default());
    assert!(problems.iter().all(|problem| problem.severity == Severity::Error));
    bear_setup(&mut problems, &facts.setup);
    let errors: Vec<&str> = problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .map(|problem| problem.summary)
        .collect();
    assert_eq!(errors, ["Too few processors for a master"]);
}
