//! Every master is replaced, one after the other, the first too; whoever uses the API through the floating IP hardly
//! notices.
use std::time::{Duration, Instant};

use acceptance::api_probe::ApiProbe;
use anyhow::{Context as _, Result};

use crate::hosts::{Hosts, MASTERS};
use crate::residue;
use crate::running_cluster::{assert_no_join_credentials, assert_whole, kubectl};
use crate::workspace::Workspace;

/// How long the API may be out at most while a master leaves and comes again.
const LONGEST_OUTAGE: Duration = Duration::from_secs(3);

#[test]
fn each_master_is_replaced_and_the_api_stays() -> Result<()> {
    let Some(hosts) = Hosts::clean()? else {
        return Ok(());
    };
    let before = residue::files(&hosts)?;
    let mut workspace = Workspace::new(&hosts, "replace", "ha-cluster")?;
    workspace.apply(&[])?.expect(0)?;
    assert_whole(&hosts)?;

    let mut outages = Vec::new();
    for name in MASTERS {
        let resource = match name {
            "m1" => "ha_master.first".to_owned(),
            _ => format!("ha_master.others[\"{name}\"]"),
        };
        let uid = format!("get node {name} -o jsonpath='{{.metadata.uid}}'");
        let old = kubectl(&hosts, &uid)?;
        let start = Instant::now();
        let probe = ApiProbe::start()?;
        let text = workspace
            .apply(&[&format!("-replace={resource}")])?
            .expect(0)?
            .text();
        let outage = probe.stop()?.context("the API never answered")?;
        println!(
            "{resource} replaced in {:.1?}; the API was out for {:.1?} at most ({})",
            start.elapsed(),
            outage.longest(),
            outage.tell(start)
        );
        outages.push((name, outage.longest()));
        assert!(
            text.contains("1 added, ") && text.contains(" 1 destroyed"),
            "{text}"
        );
        assert_ne!(kubectl(&hosts, &uid)?, old, "{name} was not replaced");
        assert_whole(&hosts)?;
        assert_no_join_credentials(&hosts)?;
        residue::assert_at_rest(&hosts)?;
        workspace.assert_no_changes()?;
    }
    let too_long = |(_, outage): &&(&str, Duration)| *outage > LONGEST_OUTAGE;
    assert_eq!(outages.iter().find(too_long), None, "{outages:?}");

    workspace.destroy()?;
    residue::assert_none(&hosts, &before)
}
