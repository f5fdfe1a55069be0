//! A cluster whose state is lost is imported: into the configuration that made it, and into one that Terraform writes.
use std::fs;

use anyhow::{Result, ensure};

use crate::hosts::Hosts;
use crate::residue;
use crate::running_cluster::assert_whole;
use crate::workspace::Workspace;

/// Takes in every resource of the example.
const IMPORTS: &str = r#"
import {
  for_each = var.masters
  to       = ha_loadbalancer.api[each.key]
  id       = each.value
}

import {
  to = ha_master.first
  id = var.masters["m1"]
}

import {
  for_each = { for name, address in var.masters : name => address if name != "m1" }
  to       = ha_master.others[each.key]
  id       = each.value
}

import {
  for_each = var.workers
  to       = ha_worker.this[each.key]
  id       = each.value
}
"#;

/// A configuration without resources.
const EMPTY: [(&str, &str); 2] = [
    (
        "versions.tf",
        include_str!("../../examples/ha-cluster/versions.tf"),
    ),
    (
        "main.tf",
        r#"
variable "ssh_private_key_file" {}
variable "ssh_known_hosts_file" {}
variable "progress_log" {}

provider "ha" {
  progress_log = var.progress_log

  ssh {
    private_key_file = var.ssh_private_key_file
    known_hosts_file = var.ssh_known_hosts_file
  }
}

import {
  to = ha_loadbalancer.m2
  id = "10.88.0.12"
}

import {
  to = ha_master.m2
  id = "root@10.88.0.12:22"
}

import {
  to = ha_worker.w1
  id = "10.88.0.21"
}
"#,
    ),
];

/// What changes if anything on the hosts is written or started anew.
const LIVES: &str = "cd /etc/kubernetes && sha256sum manifests/* haproxy/* keepalived/* 2>/dev/null; \
     for name in haproxy keepalived kube-apiserver etcd kubelet; do \
     for process in $(pgrep -x $name); do stat -c '%n %Y' /proc/$process; done; done";

#[test]
fn a_cluster_whose_state_is_lost_is_imported() -> Result<()> {
    let Some(hosts) = Hosts::clean()? else {
        return Ok(());
    };
    let before = residue::files(&hosts)?;
    Workspace::new(&hosts, "import-made", "ha-cluster")?
        .apply(&[])?
        .expect(0)?;
    let lives = hosts.on_all(LIVES)?;

    let mut generated = Workspace::of_files(&hosts, "import-generated", &EMPTY)?;
    let out = [
        "plan",
        "-input=false",
        "-no-color",
        "-generate-config-out=generated.tf",
    ];
    generated.terraform(&out)?.expect(0)?;
    let text = generated.plan()?.expect(2)?.text();
    ensure!(
        text.contains("Plan: 3 to import, 0 to add, 0 to change, 0 to destroy"),
        "{text}"
    );
    generated.apply(&[])?.expect(0)?;
    generated.assert_no_changes()?;

    let mut workspace = Workspace::new(&hosts, "import", "ha-cluster")?;
    fs::write(workspace.folder.join("imports.tf"), IMPORTS)?;
    let text = workspace.plan()?.expect(2)?.text();
    ensure!(text.contains("7 to import, 0 to add"), "{text}");
    ensure!(text.contains("0 to destroy"), "{text}");
    workspace.apply(&[])?.expect(0)?;
    workspace.assert_no_changes()?;
    ensure!(
        hosts.on_all(LIVES)? == lives,
        "an import left something else running"
    );

    workspace
        .apply(&[r#"-replace=ha_master.others["m2"]"#])?
        .expect(0)?;
    assert_whole(&hosts)?;
    workspace.destroy()?;
    residue::assert_none(&hosts, &before)
}
