//! The symmetric example as a user with sudo, through a bastion: a whole cluster, and a master replaced in it.
use anyhow::Result;
use serde_json::json;

use crate::hosts::{Hosts, MASTERS, address};
use crate::recorder::Recorder;
use crate::residue;
use crate::running_cluster::{assert_no_join_credentials, assert_whole, kubectl};
use crate::secrets::{self, Secrets};
use crate::workspace::Workspace;

/// What `ha_loadbalancer` owns on a host.
const BALANCER: &str =
    "cd /etc/kubernetes && sha256sum haproxy/* keepalived/* manifests/haproxy.yaml manifests/keepalived.yaml";

#[test]
fn equal_masters_come_up_through_a_bastion_and_any_is_replaced() -> Result<()> {
    let Some(hosts) = Hosts::clean()? else {
        return Ok(());
    };
    let before = residue::files(&hosts)?;
    let mut workspace = Workspace::new(&hosts, "symmetric", "ha-cluster-symmetric")?;
    workspace.set("ssh_user", json!("ops"))?;
    workspace.set("ssh_bastion", json!(address("w1")))?;

    let recorder = Recorder::start(&hosts);
    workspace.save_plan(secrets::SAVED_PLAN)?;
    workspace.apply(&[secrets::SAVED_PLAN])?.expect(0)?;
    let recording = recorder.stop()?;
    assert_whole(&hosts)?;
    workspace.assert_no_changes()?;
    for name in MASTERS {
        assert!(
            hosts
                .on(
                    name,
                    "sudo -u ops -H kubectl --cache-dir=/dev/null get nodes -o name"
                )?
                .contains("node/w1"),
            "{name}"
        );
    }

    let uid = "get node m2 -o jsonpath='{.metadata.uid}'";
    let (old, balancer) = (kubectl(&hosts, uid)?, hosts.on("m2", BALANCER)?);
    let text = workspace
        .apply(&[r#"-replace=ha_master.this["m2"]"#])?
        .expect(0)?
        .text();
    assert!(text.contains("1 added, 0 changed, 1 destroyed"), "{text}");
    assert_ne!(kubectl(&hosts, uid)?, old, "m2 was not replaced");
    assert_eq!(hosts.on("m2", BALANCER)?, balancer);
    assert_whole(&hosts)?;
    workspace.assert_no_changes()?;
    assert_no_join_credentials(&hosts)?;

    let secrets = Secrets::of(&hosts, &recording, MASTERS.len(), MASTERS.len())?;
    secrets.assert_none_in_arguments(&recording)?;
    secrets.assert_none_in_files_of(&mut workspace)?;
    secrets.assert_none_on(&hosts)?;

    workspace.destroy()?;
    residue::assert_none(&hosts, &before)
}
