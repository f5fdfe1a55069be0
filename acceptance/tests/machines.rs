//! The guide "Machines and cluster in one apply", word for word: the lab's machines are made, replaced, added and
//! destroyed by the same configuration as the cluster.
use std::fs;
use std::path::Path;

use acceptance::lab::address::NodeName;
use acceptance::lab::{node, operations};
use acceptance::running_cluster::RunningCluster;
use anyhow::{Context as _, Result};
use serde_json::json;

use crate::hosts::{ALL, Hosts, MASTERS, address};
use crate::running_cluster::{assert_no_join_credentials, assert_whole};
use crate::workspace::Workspace;

const GUIDE: &str = "docs/guides/machines-and-cluster.md";

/// A machine of the lab instead of one of a cloud. It is booted in the background, so Terraform goes on before the
/// machine answers. Its address is unknown until it is made.
const MACHINES: &str = r#"
terraform {
  required_providers {
    ha = { source = "kube-ha/ha" }
  }
}

variable "lab" { type = string }
variable "addresses" { type = map(string) }
variable "masters" { type = set(string) }
variable "workers" { type = set(string) }
variable "vip" { type = string }
variable "keepalived_image" { type = string }
variable "ssh_private_key_file" { type = string }
variable "ssh_known_hosts_file" { type = string }
variable "progress_log" { type = string }

resource "terraform_data" "master" {
  for_each = var.masters
  input    = { name = each.key, address = var.addresses[each.key], lab = var.lab }

  provisioner "local-exec" {
    command = "setsid ${self.input.lab} up --nodes ${self.input.name} >>lab.log 2>&1 </dev/null &"
  }
  provisioner "local-exec" {
    when    = destroy
    command = "${self.input.lab} remove ${self.input.name} >>lab.log 2>&1"
  }
}

resource "terraform_data" "worker" {
  for_each = var.workers
  input    = { name = each.key, address = var.addresses[each.key], lab = var.lab }

  provisioner "local-exec" {
    command = "setsid ${self.input.lab} up --nodes ${self.input.name} >>lab.log 2>&1 </dev/null &"
  }
  provisioner "local-exec" {
    when    = destroy
    command = "${self.input.lab} remove ${self.input.name} >>lab.log 2>&1"
  }
}

locals {
  masters = { for name, machine in terraform_data.master : name => machine.output.address }
  workers = { for name, machine in terraform_data.worker : name => machine.output.address }
}
"#;

/// What the lab's machines need besides: its key, its images, and settings for cgroup v1.
const LAB: &str = r#"
provider "ha" {
  progress_log = var.progress_log
  ssh {
    user             = "ops"
    become           = true
    private_key_file = var.ssh_private_key_file
    known_hosts_file = var.ssh_known_hosts_file
  }
}

resource "ha_loadbalancer" "api" {
  haproxy {
    image = "docker.io/library/haproxy:lab"
  }
}

resource "ha_master" "this" {
  ignore_preflight_errors = ["SystemVerification"]
  cluster {
    name                   = "prod"
    kubernetes_version     = "1.37.2"
    control_plane_endpoint = ha_loadbalancer.api[each.key].endpoint
    pod_subnet             = "10.253.0.0/16"
    kubelet_config         = <<-EOT
      cgroupDriver: cgroupfs
      failSwapOn: false
      failCgroupV1: false
      imageGCHighThresholdPercent: 100
      evictionHard:
        imagefs.available: 0%
        nodefs.available: 0%
        nodefs.inodesFree: 0%
    EOT
    kube_proxy_config      = <<-EOT
      conntrack:
        maxPerCore: 0
    EOT
  }
}

resource "ha_worker" "this" {
  ignore_preflight_errors = ["SystemVerification"]
}
"#;

/// The guide's block of a section, with machines of the lab in place of the cloud's.
fn block_of_guide(section: &str) -> Result<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(GUIDE);
    let text = fs::read_to_string(path)?;
    let block = text
        .split_once(&format!("\n## {section}\n"))
        .and_then(|(_, rest)| rest.split_once("```terraform\n"))
        .and_then(|(_, rest)| rest.split_once("```"))
        .with_context(|| format!("{GUIDE} has no block in {section:?}"))?;
    Ok(block.0.replace("openstack_compute_instance_v2", "terraform_data"))
}

fn workspace(hosts: &Hosts) -> Result<Workspace> {
    let cluster = block_of_guide("Cluster")?;
    let mut workspace = Workspace::of_files(
        hosts,
        "machines",
        &[
            ("machines.tf", MACHINES),
            ("cluster.tf", &cluster),
            ("lab_override.tf", LAB),
        ],
    )?;
    let lab = env!("CARGO_BIN_EXE_lab");
    // Terraform runs in the lab's network; machines are made outside of it.
    let outside = format!("nsenter --target {} --mount --net -- {lab}", std::process::id());
    workspace.set("lab", json!(outside))?;
    let names = [&ALL[..], &["w2"]].concat();
    workspace.set("addresses", crate::hosts::addresses(&names))?;
    workspace.set("masters", json!(MASTERS))?;
    workspace.set("workers", json!(["w1"]))?;
    workspace.set("vip", json!("10.88.0.100"))?;
    workspace.set("keepalived_image", json!("docker.io/library/keepalived:lab"))?;
    Ok(workspace)
}

fn host_key(hosts: &Hosts, name: &str) -> Result<String> {
    hosts.on(name, "cat /etc/ssh/ssh_host_ed25519_key.pub")
}

fn has_power(name: &str) -> Result<bool> {
    Ok(node::is_running(name.parse::<NodeName>()?))
}

#[test]
fn machines_and_cluster_are_made_replaced_and_destroyed_by_one_configuration() -> Result<()> {
    let Some(hosts) = Hosts::clean()? else {
        return Ok(());
    };
    for name in ALL {
        operations::remove(&hosts.cache, name.parse()?)?;
    }
    let mut workspace = workspace(&hosts)?;

    let plan = workspace.plan()?.expect(2)?.text();
    assert!(plan.contains("11 to add, 0 to change, 0 to destroy"), "{plan}");
    workspace.apply(&[])?.expect(0)?;
    assert_whole(&hosts)?;
    assert_no_join_credentials(&hosts)?;
    workspace.assert_no_changes()?;

    let before = host_key(&hosts, "m2")?;
    workspace
        .apply(&["-replace=terraform_data.master[\"m2\"]"])?
        .expect(0)?;
    assert_ne!(host_key(&hosts, "m2")?, before, "the machine is the old one");
    assert_whole(&hosts)?;
    workspace.assert_no_changes()?;

    workspace.set("workers", json!(["w1", "w2"]))?;
    let added = workspace.apply(&[])?.expect(0)?.text();
    assert!(added.contains("2 added, 0 changed, 0 destroyed"), "{added}");
    let cluster = RunningCluster {
        hosts: &hosts,
        via: "m1",
    };
    cluster.assert_whole(&MASTERS.map(str::to_owned), &["w1".to_owned(), "w2".to_owned()])?;
    workspace.assert_no_changes()?;

    workspace.destroy()?;
    for name in ALL.into_iter().chain(["w2"]) {
        assert!(!has_power(name)?, "{name} ({}) is still there", address(name));
    }
    Ok(())
}
