//! What stands in the way of a host becoming what it shall be, found before anything is changed.
use std::collections::BTreeSet;

use crate::node::{
    Facts,
    setup::{CloudInit, Setup},
};

mod etcd_folder;
#[cfg(test)]
mod host_tests;
mod loadbalancer;
mod networks;
mod node;
mod runtime;

pub use etcd_folder::{ETCD_FOLDER_NOT_EMPTY, check_joining_etcd};
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
    /// Whether the machine's own set-up (cloud-init, a package manager) may yet mend it.
    pub is_mendable: bool,
}

/// How bad a [`Problem`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It may go well.
    Warning,
    /// It cannot go well.
    Error,
}

/// At plan, of a machine that still sets itself up: what that may mend is no error yet. It is looked at again at apply.
pub fn bear_setup(problems: &mut [Problem], setup: &Setup) {
    if !setup.is_under_way() {
        return;
    }
    let mendable = problems
        .iter_mut()
        .filter(|problem| problem.is_mendable && problem.severity == Severity::Error);
    for problem in mendable {
        problem.severity = Severity::Warning;
    }
}

/// Without root's rights nothing else that was seen means anything.
fn check_rights(facts: &Facts) -> Option<Problem> {
    let uid = facts.effective_uid.filter(|uid| *uid != 0)?;
    let user = facts.user.as_ref().filter(|user| user.uid == uid);
    let name = user.map_or_else(|| format!("the user with id {uid}"), |user| user.name.clone());
    Some(Problem {
        attribute: Some("ssh.become"),
        summary: "The user is not root",
        detail: format!(
            "Scripts on {} run as {name}, who may neither install a cluster nor see all of what is there. Set become = true in the ssh block (sudo without a password), or connect as root.",
            facts.hostname
        ),
        severity: Severity::Error,
        is_mendable: false,
    })
}

fn check_folders(facts: &Facts, checks: &mut Checks) {
    if !facts.read_only.is_empty() {
        let detail = format!(
            "{} cannot be written to on {}: a read-only file system, or one that has failed (`dmesg` tells).",
            facts.read_only.join(", "),
            facts.hostname
        );
        checks.error(Some("host"), "A folder of the host is read-only", detail);
    }
    if facts.interfaces.is_empty() && !facts.has_program("ip") {
        let detail = format!(
            "{} has no ip, by which its addresses and routes are read. Install iproute2 (RHEL: iproute).",
            facts.hostname
        );
        checks.mendable(facts, |checks| {
            checks.error(Some("host"), "A program is missing", detail);
        });
    }
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
    ];
    let mut left: Vec<String> = left
        .into_iter()
        .filter(|(there, _)| *there)
        .map(|(_, path)| path.to_owned())
        .collect();
    left.extend(files.etcd_data.then(|| format!("{}/member", facts.etcd.path)));
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

/// What tries between hosts came to: a line for each way that is closed. `hint`: more that the user can do.
pub fn hosts_do_not_reach_each_other(lines: &[&str], hint: &str) -> Problem {
    let list = format!("- {}\n", lines.join("\n- "));
    let detail = format!(
        "{list}\nOpen this between the hosts: in their own firewalls (firewalld, ufw, nftables) and in the network (security groups, routers).{hint}"
    );
    Problem {
        attribute: Some("host"),
        summary: "Hosts do not reach each other",
        detail,
        severity: Severity::Error,
        is_mendable: false,
    }
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
            is_mendable: false,
        });
    }

    /// What `check` finds wrong may be mended yet by the machine's own set-up. Where that went wrong, it is said.
    fn mendable(&mut self, facts: &Facts, check: impl FnOnce(&mut Self)) {
        let before = self.problems.len();
        check(self);
        for problem in self.problems.iter_mut().skip(before) {
            problem.is_mendable = true;
            if facts.setup.cloud_init == CloudInit::Failed && problem.severity == Severity::Error {
                problem.detail +=
                    " cloud-init ended there with an error: `cloud-init status --long` shows it.";
            }
        }
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
    checks.mendable(facts, |checks| check_unit(facts, checks));
}

fn check_unit(facts: &Facts, checks: &mut Checks) {
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
