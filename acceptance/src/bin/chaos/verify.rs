//! Whether the machines are exactly what the configuration says: the cluster whole, the others clean, nothing left over.
use std::fs;
use std::path::Path;
use std::time::Duration;

use acceptance::hosts::Hosts;
use acceptance::lab::address::NodeName;
use acceptance::lab::wait::wait_until;
use acceptance::recorder::Recording;
use acceptance::residue;
use acceptance::running_cluster::{ENDPOINT, RunningCluster};
use acceptance::secrets::Secrets;
use acceptance::terraform;
use acceptance::workspace::Workspace;
use anyhow::{Context as _, Result, bail, ensure};

use super::shape::Shape;

/// The floating address settles within this time.
const SETTLES: Duration = Duration::from_secs(15);
/// A provider whose Terraform is gone ends by itself within this time.
const PROVIDER_ENDS: Duration = Duration::from_secs(20);

/// Prints what a finished operation must not leave on any host.
const LEFTOVERS: &str = "
systemctl list-units --no-legend --plain --state=active,activating,deactivating 'ha-*'
find /run/terraform-provider-ha -type f 2>/dev/null
true
";

/// Fails unless the cluster is exactly of this shape; without a shape, unless no machine has a trace of one.
pub(crate) fn assert_exact(hosts: &Hosts, shape: Option<&Shape>) -> Result<()> {
    let members = shape.map(Shape::nodes).unwrap_or_default();
    let others: Vec<NodeName> = hosts
        .names
        .iter()
        .filter(|name| !members.contains(name))
        .copied()
        .collect();
    let traces = residue::traces_on(hosts, &others)?;
    ensure!(
        traces.is_empty(),
        "hosts without a node are not clean: {traces:#?}"
    );
    let Some(shape) = shape else { return Ok(()) };
    for (name, lines) in hosts.on_each(&members, LEFTOVERS)? {
        ensure!(lines.is_empty(), "left over on {name}: {lines}");
    }
    let text = |names: &[NodeName]| -> Vec<String> { names.iter().map(ToString::to_string).collect() };
    let via = shape
        .masters
        .first()
        .context("a cluster without masters")?
        .to_string();
    let cluster = RunningCluster { hosts, via: &via };
    cluster.assert_whole(&text(&shape.masters), &text(&shape.workers))?;
    cluster.assert_no_join_credentials()?;
    let mut holders = Vec::new();
    let settled = wait_until(SETTLES, || {
        holders = holders_of_vip(hosts).unwrap_or_default();
        matches!(holders[..], [holder] if shape.balancers.contains(&holder))
    });
    ensure!(settled, "the floating address is on {holders:?}");
    Ok(())
}

fn holders_of_vip(hosts: &Hosts) -> Result<Vec<NodeName>> {
    let (vip, _) = ENDPOINT.split_once(':').unwrap_or_default();
    let script = format!("ip -o -4 addr show | grep -F ' {vip}/' || true");
    let answers = hosts.on_all(&script)?;
    let holds = |(name, lines): (NodeName, String)| (!lines.is_empty()).then_some(name);
    Ok(answers.into_iter().filter_map(holds).collect())
}

/// Fails if a provider that this workspace's Terraform started is still at work.
pub(crate) fn assert_no_provider(folder: &Path) -> Result<()> {
    let mut left = Vec::new();
    let gone = wait_until(PROVIDER_ENDS, || {
        left = terraform::providers().unwrap_or_default();
        left.retain(|provider| provider.program.starts_with(folder));
        left.is_empty()
    });
    ensure!(gone, "providers outlive their Terraform: {left:?}");
    Ok(())
}

/// Where secrets are looked for.
#[derive(Debug)]
pub(crate) struct Places<'a> {
    pub(crate) hosts: &'a Hosts,
    pub(crate) workspace: &'a Workspace,
    /// The round's logs, plans and second workspace.
    pub(crate) round: &'a Path,
    pub(crate) recording: &'a Recording,
    /// When the round began, as journalctl takes it.
    pub(crate) since: &'a str,
}

/// Fails if a secret is where none may be. What is known of secrets grows by those of this cluster.
pub(crate) fn assert_no_secrets(
    secrets: &mut Secrets,
    places: &Places<'_>,
    shape: Option<&Shape>,
) -> Result<()> {
    secrets.learn_from(places.recording);
    if let Some(shape) = shape {
        secrets.learn_on(places.hosts, &shape.nodes())?;
    }
    secrets.assert_none_in_folder(&places.workspace.folder)?;
    for folder in [places.round.to_owned(), places.round.join("second")] {
        if !folder.exists() {
            continue;
        }
        secrets.assert_none_in_folder(&folder)?;
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == "tfplan") {
                secrets.assert_none_in_archive(&path)?;
            }
        }
    }
    secrets.assert_none_in_lines(places.recording)?;
    secrets.assert_none_since(places.hosts, places.since)
}

/// Applies until a plan is empty; how many applies that took. More than `most` are a failure. `run` gives exit codes.
pub(crate) fn converge(
    workspace: &mut Workspace,
    is_destroyed: bool,
    most: usize,
    mut run: impl FnMut(&mut Workspace, &[&str]) -> Result<Option<i32>>,
) -> Result<usize> {
    let mode = is_destroyed.then_some("-destroy");
    let mut applies = 0;
    loop {
        let plan = workspace.logs.join(format!("{applies}.tfplan"));
        let out = format!("-out={}", plan.display());
        let mut arguments = vec!["plan", "-input=false", "-no-color", "-detailed-exitcode", &out];
        arguments.extend(mode);
        let code = run(workspace, &arguments)?;
        if code == Some(0) {
            return Ok(applies);
        }
        if applies == most {
            bail!("after {most} applies the plan is not empty ({code:?})");
        }
        let mut arguments = vec!["apply", "-input=false", "-no-color", "-auto-approve"];
        arguments.extend(mode);
        run(workspace, &arguments)?;
        applies += 1;
    }
}
