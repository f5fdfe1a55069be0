//! The graph-ordered example as root: a whole cluster, its refusals, its drift, its secrets, its end.
use std::time::Duration;

use acceptance::lab::address::NodeName;
use acceptance::lab::wait::wait_until;
use anyhow::{Context as _, Result};
use serde_json::json;

use crate::hosts::{Hosts, MASTERS, address};
use crate::recorder::Recorder;
use crate::running_cluster::{
    assert_no_join_credentials, assert_pod_resolves_service, assert_whole, kubectl,
};
use crate::secrets::{self, Secrets};
use crate::workspace::Workspace;
use crate::{bad_input, residue};

const HAPROXY: &str = "/etc/kubernetes/haproxy/haproxy.cfg";

/// Labels and taints that the example does not have.
const SETTINGS: &str = r#"
resource "ha_worker" "this" {
  labels = { tier = "edge" }
  taints = ["dedicated=edge:PreferNoSchedule"]
}
"#;

#[test]
fn one_apply_builds_a_cluster_and_one_destroy_removes_it() -> Result<()> {
    let Some(hosts) = Hosts::clean()? else {
        return Ok(());
    };
    let before = residue::files(&hosts)?;
    let mut workspace = Workspace::new(&hosts, "cluster", "ha-cluster")?;

    let recorder = Recorder::start(&hosts);
    workspace.save_plan(secrets::SAVED_PLAN)?;
    workspace.apply(&[secrets::SAVED_PLAN])?.expect(0)?;
    let recording = recorder.stop()?;
    assert_whole(&hosts)?;
    workspace.assert_no_changes()?;
    assert_no_join_credentials(&hosts)?;
    assert_pod_resolves_service(&hosts)?;

    settings_change_in_place(&hosts, &mut workspace)?;
    changes_by_hand_are_shown_and_repaired(&hosts, &mut workspace)?;
    a_version_changed_by_hand_is_what_runs(&hosts, &mut workspace)?;
    another_cluster_is_refused(&hosts)?;
    two_holders_of_the_floating_ip_are_seen(&hosts, &mut workspace)?;

    let secrets = Secrets::of(&hosts, &recording, MASTERS.len(), MASTERS.len())?;
    secrets.assert_none_in_arguments(&recording)?;
    secrets.assert_none_in_files_of(&mut workspace)?;
    secrets.assert_none_on(&hosts)?;

    workspace.destroy()?;
    residue::assert_none(&hosts, &before)
}

fn settings_change_in_place(hosts: &Hosts, workspace: &mut Workspace) -> Result<()> {
    workspace.overlay(SETTINGS)?;
    let text = workspace.apply(&[])?.expect(0)?.text();
    assert!(text.contains("0 added, 1 changed, 0 destroyed"), "{text}");
    assert_eq!(label(hosts)?, "edge");
    let taints = kubectl(hosts, "get node w1 -o jsonpath='{.spec.taints}'")?;
    assert!(taints.contains("PreferNoSchedule"), "{taints}");
    workspace.assert_no_changes()
}

fn changes_by_hand_are_shown_and_repaired(hosts: &Hosts, workspace: &mut Workspace) -> Result<()> {
    let wanted = hosts.on("m2", &format!("cat {HAPROXY}"))?;
    kubectl(hosts, "label node w1 tier=by-hand --overwrite")?;
    hosts.on("m2", &format!("echo '# by hand, on m2' >>{HAPROXY}"))?;

    let text = workspace.plan()?.expect(2)?.text();
    assert!(text.contains("0 to add, 2 to change, 0 to destroy"), "{text}");
    assert!(
        has_line(&text, &["~", "tier", r#""by-hand" -> "edge""#]),
        "{text}"
    );
    assert!(has_line(&text, &["-", "# by hand, on m2"]), "{text}");
    assert!(
        !has_line(&text, &["-", "frontend"]),
        "the lines that are right are no difference: {text}"
    );

    workspace.apply(&[])?.expect(0)?;
    assert_eq!(label(hosts)?, "edge");
    assert_eq!(hosts.on("m2", &format!("cat {HAPROXY}"))?, wanted);
    workspace.assert_no_changes()
}

/// What `kubeadm upgrade apply` leaves at its end, done by hand.
fn a_version_changed_by_hand_is_what_runs(hosts: &Hosts, workspace: &mut Workspace) -> Result<()> {
    let yaml = kubectl(hosts, "-n kube-system get configmap kubeadm-config -o yaml")?;
    let version = yaml
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("kubernetesVersion: v"));
    let version = version.context("kubeadm-config has no kubernetesVersion")?;
    let (minor, _patch) = version.rsplit_once('.').context("version")?;
    let newer = format!("{minor}.99");
    let upgrade = |from: &str, to: &str| {
        kubectl(
            hosts,
            &format!(
                "-n kube-system get configmap kubeadm-config -o yaml \
                 | sed 's/kubernetesVersion: v{from}/kubernetesVersion: v{to}/' \
                 | KUBECONFIG=/etc/kubernetes/admin.conf kubectl replace -f -"
            ),
        )
    };
    upgrade(version, &newer)?;
    let errors = workspace.refused()?;
    let error = bad_input::find(
        &errors,
        "Cluster runs another Kubernetes version",
        "ha_master.first",
    );
    assert!(error.detail.contains(&newer), "{error:?}");

    workspace.set("kubernetes_version", json!(newer))?;
    let text = workspace.apply(&[])?.expect(0)?.text();
    assert!(text.contains("0 added, 1 changed, 0 destroyed"), "{text}");
    workspace.assert_no_changes()?;

    upgrade(&newer, version)?;
    workspace.set("kubernetes_version", json!(version))?;
    workspace.apply(&[])?.expect(0)?;
    workspace.assert_no_changes()
}

/// Masters that do not hear each other's VRRP all take the address.
fn two_holders_of_the_floating_ip_are_seen(hosts: &Hosts, workspace: &mut Workspace) -> Result<()> {
    let masters: Vec<NodeName> = MASTERS.iter().map(|name| name.parse()).collect::<Result<_>>()?;
    let firewall = |action: &str| hosts.on_each(&masters, &format!("iptables {action} INPUT -p 112 -j DROP"));
    firewall("-I")?;
    let holders = || {
        let all = hosts.on_each(&masters, "ip -o addr show to 10.88.0.100");
        all.is_ok_and(|all| all.iter().filter(|(_, text)| !text.is_empty()).count() > 1)
    };
    let are_two = wait_until(Duration::from_secs(30), holders);
    let plan = workspace.plan();
    firewall("-D")?;
    assert!(are_two, "one master alone has the floating IP");
    let text = plan?.expect(0)?.text();
    assert!(
        text.contains("Warning: The floating IP is on several hosts"),
        "{text}"
    );
    assert!(text.contains("IP protocol 112"), "{text}");
    assert!(
        wait_until(Duration::from_secs(30), || !holders()),
        "two masters keep the floating IP"
    );
    workspace.assert_no_changes()
}

fn another_cluster_is_refused(hosts: &Hosts) -> Result<()> {
    let before = content(hosts)?;
    let mut other = Workspace::new(hosts, "cluster-other", "ha-cluster")?;
    other.set("cluster_name", json!("other"))?;
    let errors = other.refused()?;
    let error = bad_input::find(&errors, "Host belongs to another cluster", "ha_master.first");
    assert!(error.code.starts_with("host "), "{error:?}");
    for word in [address("m1").as_str(), "\"lab\"", "\"other\""] {
        assert!(error.detail.contains(word), "{word}: {error:?}");
    }
    assert_eq!(content(hosts)?, before, "hosts were changed");
    Ok(())
}

/// Names and contents of what the provider and kubeadm keep on each host.
fn content(hosts: &Hosts) -> Result<Vec<(NodeName, String)>> {
    hosts.on_all(
        "find /etc/kubernetes /var/lib/terraform-provider-ha -type f -exec sha256sum {} + | sort -k 2",
    )
}

fn label(hosts: &Hosts) -> Result<String> {
    kubectl(hosts, "get node w1 -o jsonpath='{.metadata.labels.tier}'")
}

/// Whether a line has all of these parts, the first at its start.
fn has_line(text: &str, parts: &[&str]) -> bool {
    text.lines()
        .any(|line| line.trim_start().starts_with(parts[0]) && parts.iter().all(|part| line.contains(part)))
}
