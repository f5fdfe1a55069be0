//! Two people apply at the same moment, each from a folder and a state of their own, to the same machines.
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};

use crate::hosts::Hosts;
use crate::residue;
use crate::running_cluster::{assert_no_join_credentials, assert_whole, kubectl};
use crate::workspace::Workspace;

const APPLY: [&str; 4] = ["apply", "-input=false", "-no-color", "-auto-approve"];
/// The one way in which an apply may fail because of the other.
const WAITED_IN_VAIN: &str = "Error: Somebody else is changing the ";

#[test]
fn two_applies_at_once_make_one_cluster() -> Result<()> {
    let Some(hosts) = Hosts::clean()? else {
        return Ok(());
    };
    let before = residue::files(&hosts)?;
    let example = "ha-cluster-symmetric";
    let mut both = [
        Workspace::new(&hosts, "two-applies-one", example)?,
        Workspace::new(&hosts, "two-applies-other", example)?,
    ];

    let since = format!("@{}", SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs());
    at_once(&mut both, [&[], &[]])?;
    assert_eq!(started(&hosts, "ha-kubeadm-init", &since)?, 1);
    assert_eq!(started(&hosts, "ha-kubeadm-join", &since)?, 3);
    assert_one_cluster(&hosts, &mut both)?;

    // Each replaces a master under the other's eyes.
    let uids = || kubectl(&hosts, "get nodes m2 m3 -o jsonpath='{.items[*].metadata.uid}'");
    let old = uids()?;
    at_once(
        &mut both,
        [
            &[r#"-replace=ha_master.this["m2"]"#],
            &[r#"-replace=ha_master.this["m3"]"#],
        ],
    )?;
    let new = uids()?;
    for uid in new.split_whitespace() {
        assert!(!old.contains(uid), "not replaced: {old} became {new}");
    }
    // What the other replaced has another etcd member now, which is an output of the example.
    for workspace in &mut both {
        let text = workspace.apply(&[])?.expect(0)?.text();
        assert!(text.contains("0 added, 0 changed, 0 destroyed"), "{text}");
    }
    assert_one_cluster(&hosts, &mut both)?;

    let [one, other] = &mut both;
    one.destroy()?;
    other.destroy()?;
    residue::assert_at_rest(&hosts)?;
    residue::assert_none(&hosts, &before)
}

/// Both apply; one that says that it waited for the other in vain does so again.
fn at_once(both: &mut [Workspace; 2], more: [&[&str]; 2]) -> Result<()> {
    let mut running = Vec::new();
    for (workspace, more) in both.iter_mut().zip(more) {
        running.push(workspace.spawn(&[&APPLY, more].concat())?);
    }
    for ((running, workspace), more) in running.into_iter().zip(both).zip(more) {
        let ended = running.wait()?;
        let waits = workspace
            .progress()
            .iter()
            .filter(|line| line["event"] == "waiting")
            .count();
        println!(
            "one of the two ended with {:?}, told of waiting {waits} times so far",
            ended.code
        );
        if ended.code == Some(1) && ended.text().contains(WAITED_IN_VAIN) {
            workspace.apply(more)?.expect(0)?;
        } else {
            ended.expect(0)?;
        }
    }
    Ok(())
}

/// How often a command of this name was started since then (as journalctl takes it), on all machines together.
fn started(hosts: &Hosts, unit: &str, since: &str) -> Result<usize> {
    let script = format!("journalctl --quiet --no-pager -o cat --since {since} -u {unit}.service");
    let journals = hosts.on_all(&script)?;
    let begin = format!("Started {unit}.service");
    let lines = journals.iter().flat_map(|(_, text)| text.lines());
    Ok(lines.filter(|line| line.starts_with(&begin)).count())
}

/// The cluster is whole, and what both states hold; nothing is locked.
fn assert_one_cluster(hosts: &Hosts, both: &mut [Workspace; 2]) -> Result<()> {
    assert_whole(hosts)?;
    assert_no_join_credentials(hosts)?;
    residue::assert_at_rest(hosts)?;
    for workspace in both {
        let state = workspace.nodes_in_state()?;
        ensure!(state == ["m1", "m2", "m3", "w1"], "a state holds {state:?}");
        workspace.assert_no_changes()?;
    }
    Ok(())
}
