//! The provider is killed in the middle of a join: the next apply makes the cluster whole, with nothing typed on a host.
use std::time::Duration;

use acceptance::lab::wait::wait_until;
use anyhow::Result;

use crate::hosts::{self, Hosts};
use crate::residue;
use crate::running_cluster::{assert_no_join_credentials, assert_whole};
use crate::workspace::Workspace;

/// How long the first master and the start of the join may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(300);

#[test]
fn a_provider_killed_in_the_second_masters_join_is_followed_by_a_whole_cluster() -> Result<()> {
    let Some(hosts) = Hosts::clean()? else {
        return Ok(());
    };
    let before = residue::files(&hosts)?;
    let mut workspace = Workspace::new(&hosts, "interrupt", "ha-cluster")?;

    let mut apply = workspace.spawn(&["apply", "-input=false", "-no-color", "-auto-approve"])?;
    let mut second = None;
    wait_until(PATIENCE, || {
        second = joining_master(&workspace);
        second.is_some() || apply.is_over()
    });
    if apply.is_over() {
        apply.wait()?.expect(1)?;
        panic!("apply ended before the second master joined");
    }
    let second = second.expect("no second master began its join");
    let is_joining = || {
        hosts
            .on(second, "systemctl is-active --quiet ha-kubeadm-join.service")
            .is_ok()
    };
    assert!(
        wait_until(PATIENCE, is_joining),
        "kubeadm join does not run on {second}"
    );
    apply.kill_provider()?;
    let killed = apply.wait()?.expect(1)?;
    assert!(
        killed.text().contains("Plugin did not respond"),
        "{}",
        killed.text()
    );

    workspace.apply(&[])?.expect(0)?;
    assert_whole(&hosts)?;
    assert_no_join_credentials(&hosts)?;
    workspace.assert_no_changes()?;

    workspace.destroy()?;
    residue::assert_none(&hosts, &before)
}

/// The host of the first master that began `kubeadm join`.
fn joining_master(workspace: &Workspace) -> Option<&'static str> {
    let lines = workspace.progress();
    let join = lines.iter().find(|line| {
        let is_master = line["operation"]
            .as_str()
            .is_some_and(|text| text.starts_with("create ha_master"));
        is_master && line["step"] == "kubeadm join" && line["event"] == "started"
    })?;
    Some(hosts::at(join["host"].as_str()?))
}
