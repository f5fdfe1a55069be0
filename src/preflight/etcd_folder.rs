//! What lies in the folder for etcd's data.
use std::collections::BTreeSet;

use super::{Checks, Problem, Severity};
use crate::node::Facts;

/// kubeadm wants etcd's folder empty. What an earlier member left there is a leftover, said elsewhere.
pub(super) fn check_etcd_folder(facts: &Facts, wanted: Option<&str>, checks: &mut Checks) {
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

/// `etcd.data_dir` is for the master that initialises a cluster; one that joins takes the folder that the cluster has.
fn etcd_folder_advice(facts: &Facts, is_init: bool, check: &str) -> String {
    let is_root = facts.etcd.names.iter().any(|name| name == "lost+found");
    match (is_root, is_init) {
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
