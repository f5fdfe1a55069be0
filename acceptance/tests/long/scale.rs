//! One master becomes three, five, three and one again by changing the map of masters; the one that is left is none of
//! those that were first.
use std::time::Instant;

use acceptance::api_probe::ApiProbe;
use acceptance::lab::address::NodeName;
use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::hosts::{Hosts, addresses};
use crate::residue;
use crate::running_cluster::RunningCluster;
use crate::workspace::Workspace;

const ALL: [&str; 5] = ["m1", "m2", "m3", "m4", "m5"];
/// The masters after each apply.
const STAGES: [&[&str]; 5] = [&["m1"], &["m1", "m2", "m3"], &ALL, &["m2", "m4", "m5"], &["m5"]];

#[test]
fn one_three_five_three_one() -> Result<()> {
    let Some(hosts) = Hosts::clean_ones(&ALL)? else {
        return Ok(());
    };
    let before = residue::files(&hosts)?;
    let mut workspace = Workspace::new(&hosts, "scale", "ha-cluster-symmetric")?;
    workspace.set("workers", json!({}))?;

    for masters in STAGES {
        workspace.set("masters", addresses(masters))?;
        let start = Instant::now();
        let probe = ApiProbe::start()?;
        workspace.apply(&[])?.expect(0)?;
        let outage = probe.stop()?.context("the API never answered")?;
        println!(
            "masters {masters:?} after {:.1?}; the API was out for {:.1?} at most ({})",
            start.elapsed(),
            outage.longest(),
            outage.tell(start)
        );
        assert_masters(&hosts, masters)?;
        workspace.assert_no_changes()?;
    }
    let health = hosts.on("m5", "curl -sS --max-time 10 http://127.0.0.1:2381/health")?;
    assert!(health.contains(r#""health":"true""#), "{health}");

    workspace.destroy()?;
    residue::assert_none(&hosts, &before)
}

/// Exactly these are nodes and members, whoever of them is asked; the other machines have no trace of a cluster.
fn assert_masters(hosts: &Hosts, masters: &[&str]) -> Result<()> {
    let wanted: Vec<String> = masters.iter().map(|name| (*name).to_owned()).collect();
    for via in masters {
        RunningCluster { hosts, via }
            .assert_whole(&wanted, &[])
            .with_context(|| format!("asked on {via}"))?;
    }
    let via = masters.first().copied().unwrap_or_default();
    RunningCluster { hosts, via }.assert_no_join_credentials()?;
    residue::assert_at_rest(hosts)?;
    let is_other = |name: &&NodeName| !wanted.contains(&name.to_string());
    let others: Vec<NodeName> = hosts.names.iter().filter(is_other).copied().collect();
    let traces = residue::traces_on(hosts, &others)?;
    ensure!(traces.is_empty(), "not clean: {traces:#?}");
    Ok(())
}
