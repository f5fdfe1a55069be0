//! What stands in the way of a host becoming what it shall be, found before anything is changed.
use std::collections::BTreeSet;

use super::Facts;

mod loadbalancer;
mod networks;
mod node;

pub use loadbalancer::{LoadbalancerExpectations, check_loadbalancer, vip_is_taken};
pub use node::{NodeExpectations, check_master, check_worker};

/// One thing that is wrong, with its cause and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The attribute to change, where one helps, without the block that it stands in (`kubernetes_version` and
    /// `kubelet_config` belong to `cluster`).
    pub attribute: Option<&'static str>,
    /// What is wrong, without values.
    pub summary: &'static str,
    /// Cause and remedy in sentences.
    pub detail: String,
    /// Whether it stops the work.
    pub severity: Severity,
}

/// How bad a [`Problem`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It may go well.
    Warning,
    /// It cannot go well.
    Error,
}

/// What an earlier cluster left on a host that shall not belong to one yet.
pub fn check_leftovers(facts: &Facts) -> Vec<Problem> {
    let mut checks = Checks::default();
    let files = &facts.kubernetes;
    let left = [
        (files.admin_conf, "/etc/kubernetes/admin.conf"),
        (files.kubelet_conf, "/etc/kubernetes/kubelet.conf"),
        (files.etcd_manifest, "/etc/kubernetes/manifests/etcd.yaml"),
        (
            files.api_server_manifest,
            "/etc/kubernetes/manifests/kube-apiserver.yaml",
        ),
        (files.ca_certificate, "/etc/kubernetes/pki/ca.crt"),
        (files.etcd_data, "/var/lib/etcd/member"),
    ];
    let left: Vec<&str> = left
        .into_iter()
        .filter_map(|(there, path)| there.then_some(path))
        .collect();
    if !left.is_empty() {
        let detail = format!(
            "{} has {}. It is or was part of a cluster, which is never reset unasked. Run `kubeadm reset` there if nothing of it is needed.",
            facts.hostname,
            left.join(", ")
        );
        checks.error(Some("host"), "The host holds another cluster", detail);
    }
    checks.problems
}

const CLOCK_WARNING_SECONDS: u64 = 2;
const CLOCK_ERROR_SECONDS: u64 = 30;

#[derive(Debug, Default)]
struct Checks {
    ignored: BTreeSet<String>,
    problems: Vec<Problem>,
}

impl Checks {
    fn new(ignored: &BTreeSet<String>) -> Self {
        let ignored = ignored.iter().map(|name| name.to_lowercase()).collect();
        Self {
            ignored,
            problems: Vec::new(),
        }
    }

    fn push(
        &mut self,
        attribute: Option<&'static str>,
        summary: &'static str,
        detail: String,
        severity: Severity,
    ) {
        self.problems.push(Problem {
            attribute,
            summary,
            detail,
            severity,
        });
    }

    fn error(&mut self, attribute: Option<&'static str>, summary: &'static str, detail: String) {
        self.push(attribute, summary, detail, Severity::Error);
    }

    fn warning(&mut self, summary: &'static str, detail: String) {
        self.push(None, summary, detail, Severity::Warning);
    }

    /// An error of a check that kubeadm knows by `name`, unless the user ignores that.
    fn ignorable(&mut self, name: &str, summary: &'static str, detail: String) {
        if !self.is_ignored(name) {
            self.error(Some("ignore_preflight_errors"), summary, detail);
        }
    }

    fn is_ignored(&self, name: &str) -> bool {
        self.ignored.contains("all") || self.ignored.contains(&name.to_lowercase())
    }
}

fn check_kubelet(facts: &Facts, checks: &mut Checks) {
    if !facts.systemd {
        let detail = format!(
            "{} is not run by systemd, which starts the kubelet and outlives a cut connection.",
            facts.hostname
        );
        checks.error(Some("host"), "The host does not run systemd", detail);
    }
    if !facts.kubelet_unit {
        let detail = format!(
            "systemd on {} knows no kubelet.service. Install the packages kubelet and kubeadm.",
            facts.hostname
        );
        checks.error(Some("host"), "The kubelet's unit is missing", detail);
    }
}

fn check_clock(facts: &Facts, local_clock: i64, checks: &mut Checks) {
    let skew = facts.clock.abs_diff(local_clock);
    let detail = format!(
        "The clock of {} differs by {skew} s from this machine's. Run a time service on both.",
        facts.hostname
    );
    if skew > CLOCK_ERROR_SECONDS {
        let detail = detail
            + " Certificates would not be valid yet, and etcd's and Kubernetes' leases would end early.";
        checks.error(Some("host"), "The host's clock is wrong", detail);
    } else if skew > CLOCK_WARNING_SECONDS {
        checks.warning("The host's clock is off", detail);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_are_named() {
        let mut facts = Facts::example();
        assert_eq!(check_leftovers(&facts), []);
        (facts.kubernetes.admin_conf, facts.kubernetes.etcd_data) = (true, true);
        let problems = check_leftovers(&facts);
        let detail = &problems.first().unwrap().detail;
        assert!(
            detail.starts_with("m1 has /etc/kubernetes/admin.conf, /var/lib/etcd/member. "),
            "{detail}"
        );
    }
}
