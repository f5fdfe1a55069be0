//! Hosts die, come back and are reinstalled: what is refused, what is cleaned, and that the cluster gets whole again.
use std::time::{Duration, Instant};

use acceptance::lab::operations;
use acceptance::lab::wait::wait_until;
use anyhow::{Context as _, Result};
use serde_json::json;

use crate::hosts::{Hosts, MASTERS, addresses};
use crate::running_cluster::{RunningCluster, assert_no_join_credentials, kubectl};
use crate::workspace::Workspace;

/// How long one try to connect takes that nobody answers, and what a busy machine may add to a plan.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const SLACK: Duration = Duration::from_secs(3);

/// As it lies on a disk that was wiped and installed anew; sshd keeps its key, as where the image brings it.
const REINSTALL: &str = "
systemctl stop kubelet
for task in $(ctr -n k8s.io task ls -q); do ctr -n k8s.io task rm -f $task; done >/dev/null 2>&1
grep -o '/var/lib/kubelet/[^ ]*' /proc/mounts | sort -r | xargs -r umount -l
rm -rf /etc/kubernetes /var/lib/etcd /var/lib/kubelet /var/lib/terraform-provider-ha /root/.kube
ip -o -4 addr show | grep -o '10.88.0.100/[0-9]*' | xargs -r -I VIP ip addr del VIP dev eth0
rm /etc/machine-id && systemd-machine-id-setup >/dev/null 2>&1
true";

fn cluster_of_masters(hosts: &Hosts, name: &str) -> Result<Workspace> {
    let mut workspace = Workspace::new(hosts, name, "ha-cluster-symmetric")?;
    workspace.set("workers", json!({}))?;
    workspace.apply(&[])?.expect(0)?;
    assert_members(hosts, &MASTERS)?;
    Ok(workspace)
}

fn assert_members(hosts: &Hosts, masters: &[&str]) -> Result<()> {
    assert_eq!(RunningCluster { hosts, via: "m1" }.voters()?, masters);
    let nodes = kubectl(hosts, "get nodes -o jsonpath='{.items[*].metadata.name}'")?;
    assert_eq!(nodes, masters.join(" "));
    Ok(())
}

#[test]
fn a_dead_master_leaves_and_comes_back() -> Result<()> {
    let Some(hosts) = Hosts::clean()? else {
        return Ok(());
    };
    let mut workspace = cluster_of_masters(&hosts, "dead-master")?;
    let begin = Instant::now();
    workspace.assert_no_changes()?;
    let usual = begin.elapsed();

    operations::kill(&hosts.cache, "m3".parse()?)?;
    let begin = Instant::now();
    let text = workspace.plan()?.expect(0)?.text();
    let with_dead = begin.elapsed();
    println!("a plan takes {usual:.1?}, with one dead host {with_dead:.1?}");
    assert!(with_dead < usual + CONNECT_TIMEOUT + SLACK, "{with_dead:?}");
    assert_eq!(text.matches("Host not reached, state kept").count(), 1, "{text}");

    // A living master does not leave a dead one behind: said at plan, refused at apply.
    let destroy = ["destroy", "-input=false", "-no-color", "-auto-approve"];
    let living = [&destroy[..], &[r#"-target=ha_master.this["m2"]"#]].concat();
    let text = workspace.terraform(&living)?.expect(1)?.text();
    assert!(
        text.contains("Warning: Removal would cost etcd its quorum"),
        "{text}"
    );
    assert!(
        text.contains("Error: Removal would cost etcd its quorum"),
        "{text}"
    );
    let words = text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace("│ ", "");
    for said in [
        "1 of the 2 voters that stay are healthy, 2 are needed",
        "Not healthy: m3.",
        "To leave: m2.",
    ] {
        assert!(words.contains(said), "{said}: {text}");
    }
    assert_members(&hosts, &MASTERS)?;

    // Changing the argument touches no host.
    workspace.overlay("resource \"ha_master\" \"this\" {\n  if_unreachable = \"clean_cluster\"\n}\n")?;
    let text = workspace.apply(&[])?.expect(0)?.text();
    assert!(text.contains("0 added, 3 changed, 0 destroyed"), "{text}");
    workspace.overlay("")?;
    workspace.apply(&[])?.expect(0)?;

    let dead = [&destroy[..], &[r#"-target=ha_master.this["m3"]"#]].concat();
    let text = workspace.terraform(&dead)?.expect(0)?.text();
    assert!(
        text.contains("Warning: Host not reached, cluster cleaned of it"),
        "{text}"
    );
    assert_members(&hosts, &["m1", "m2"])?;
    workspace.set("masters", addresses(&["m1", "m2"]))?;
    let text = workspace.apply(&[])?.expect(0)?.text();
    assert!(
        text.contains("Warning: Host not reached, load balancer left there"),
        "{text}"
    );
    workspace.assert_no_changes()?;

    // Its etcd is no member any more. Its keepalived, which the others do not list now, takes the floating IP too.
    operations::start(&hosts.cache, "m3".parse()?)?;
    let holds_vip = || hosts.on("m3", "ip -4 -o addr | grep -q 10.88.0.100/").is_ok();
    assert!(
        wait_until(Duration::from_secs(60), holds_vip),
        "m3's static pods do not come back"
    );
    workspace.set("masters", addresses(&MASTERS))?;
    let text = workspace.apply(&[])?.expect(0)?.text();
    assert!(
        text.contains("Warning: Host is no longer a control-plane node"),
        "{text}"
    );
    assert_members(&hosts, &MASTERS)?;
    assert_no_join_credentials(&hosts)?;
    workspace.assert_no_changes()
}

#[test]
fn a_reinstalled_master_is_joined_again_and_a_cluster_with_a_dead_master_is_destroyed() -> Result<()> {
    let Some(hosts) = Hosts::clean()? else {
        return Ok(());
    };
    let mut workspace = cluster_of_masters(&hosts, "reinstalled-master")?;
    let uid = "get node m2 -o jsonpath='{.metadata.uid}'";
    let old = kubectl(&hosts, uid)?;
    hosts.on("m2", REINSTALL)?;
    let text = workspace.apply(&[])?.expect(0)?.text();
    assert!(text.contains("2 added, 0 changed, 0 destroyed"), "{text}");
    assert_ne!(kubectl(&hosts, uid)?, old, "m2 has its old Node");
    assert_members(&hosts, &MASTERS)?;
    workspace.assert_no_changes()?;

    operations::kill(&hosts.cache, "m1".parse()?)?;
    operations::kill(&hosts.cache, "m3".parse()?)?;
    let text = workspace.plan()?.expect(0)?.text();
    assert_eq!(
        text.matches("Warning: etcd has lost its quorum").count(),
        1,
        "{text}"
    );
    assert!(text.contains("Answering: m2."), "{text}");
    operations::start(&hosts.cache, "m3".parse()?)?;

    // While etcd gets its quorum back.
    let text = workspace
        .terraform(&["destroy", "-input=false", "-no-color", "-auto-approve"])?
        .expect(0)?
        .text();
    assert!(text.contains("Host not reached"), "{text}");
    assert_eq!(workspace.terraform(&["state", "list"])?.expect(0)?.stdout, "");
    for name in ["m2", "m3"] {
        let left = hosts.on(
            name,
            "find /etc/kubernetes /var/lib/etcd /var/lib/kubelet -type f 2>/dev/null; true",
        )?;
        assert_eq!(left, "", "{name}");
    }
    operations::start(&hosts.cache, "m1".parse()?).context("m1 does not boot")
}
