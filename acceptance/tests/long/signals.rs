//! Ctrl-C in the middle of kubeadm, once or twice: what runs on a host is finished or found again, and the next apply
//! goes on from there.
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use acceptance::lab::wait::wait_until;
use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;
use serde_json::Value;

use crate::hosts::{self, Hosts, addresses};
use crate::residue;
use crate::running_cluster::{RunningCluster, assert_no_join_credentials, assert_whole, kubectl};
use crate::workspace::Workspace;

const APPLY: [&str; 4] = ["apply", "-input=false", "-no-color", "-auto-approve"];
/// How long an apply may take to a moment, on a slow machine.
const PATIENCE: Duration = Duration::from_secs(300);
/// The longest of the steps, and the short ones after it, on a slow machine.
const STEP: Duration = Duration::from_secs(90);
/// From the last step's end to Terraform's, and from a signal to the provider.
const MOMENT: Duration = Duration::from_secs(5);

/// A command at work on a host.
#[derive(Clone, Copy, Debug)]
struct Work {
    /// How the progress log's operation begins, and its step.
    operation: &'static str,
    step: &'static str,
    unit: &'static str,
}

const INIT: Work = Work {
    operation: "create ha_master ",
    step: "kubeadm init",
    unit: "ha-kubeadm-init.service",
};
const MASTER_JOIN: Work = Work {
    operation: "create ha_master ",
    step: "kubeadm join",
    unit: "ha-kubeadm-join.service",
};
const WORKER_JOIN: Work = Work {
    operation: "create ha_worker ",
    ..MASTER_JOIN
};
const REMOVAL: Work = Work {
    operation: "delete ha_master ",
    step: "kubeadm reset",
    unit: "ha-kubeadm-reset.service",
};

/// How often the user presses Ctrl-C.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Times {
    Once,
    Twice,
}

#[test]
fn interrupted_once_it_ends_with_its_step_and_goes_on() -> Result<()> {
    play(Times::Once)
}

#[test]
fn interrupted_twice_it_ends_at_once_and_goes_on() -> Result<()> {
    play(Times::Twice)
}

fn play(times: Times) -> Result<()> {
    let Some(hosts) = Hosts::clean()? else {
        return Ok(());
    };
    let before = residue::files(&hosts)?;
    let mut workspace = Workspace::new(&hosts, &format!("signals-{times:?}"), "ha-cluster")?;

    for work in [INIT, MASTER_JOIN, WORKER_JOIN] {
        interrupt(&hosts, &mut workspace, work, times).with_context(|| format!("{work:?}"))?;
    }
    workspace.apply(&[])?.expect(0)?;
    assert_whole(&hosts)?;
    assert_no_join_credentials(&hosts)?;
    workspace.assert_no_changes()?;
    residue::assert_at_rest(&hosts)?;

    workspace.set("masters", addresses(&["m1", "m2"]))?;
    interrupt(&hosts, &mut workspace, REMOVAL, times).with_context(|| format!("{REMOVAL:?}"))?;
    workspace.apply(&[])?.expect(0)?;
    let cluster = RunningCluster {
        hosts: &hosts,
        via: "m1",
    };
    cluster.assert_whole(&["m1", "m2"].map(str::to_owned), &["w1".to_owned()])?;
    workspace.assert_no_changes()?;
    residue::assert_at_rest(&hosts)?;

    workspace.destroy()?;
    residue::assert_none(&hosts, &before)
}

/// Applies and interrupts Terraform while this work is under way, then looks at how it ended.
fn interrupt(hosts: &Hosts, workspace: &mut Workspace, work: Work, times: Times) -> Result<()> {
    let earlier = workspace.progress().len();
    let mut apply = workspace.spawn(&APPLY)?;
    let mut host = None;
    wait_until(PATIENCE, || {
        host = work.host(workspace.progress().get(earlier..).unwrap_or_default());
        host.is_some() || apply.is_over()
    });
    let Some(host) = host else {
        let ended = apply.wait()?;
        anyhow::bail!("not seen: {}", ended.last_lines());
    };
    let is_active = format!("systemctl is-active --quiet {}", work.unit);
    wait_until(PATIENCE, || hosts.on(host, &is_active).is_ok() || apply.is_over());
    ensure!(!apply.is_over(), "{} was over too soon", work.step);

    let (start, at) = (Instant::now(), now()?);
    apply.signal(Signal::INT)?;
    if times == Times::Twice {
        // Signals that come together are one.
        let is_seen = wait_until(PATIENCE, || {
            apply.has_said("Interrupt received.") || apply.is_over()
        });
        ensure!(is_seen, "Terraform does not see the signal");
        apply.signal(Signal::INT)?;
    }
    let ends = wait_until(STEP, || apply.is_over());
    let took = start.elapsed();
    ensure!(ends, "Terraform goes on for {took:.1?} after the signal");
    let ended = apply.wait()?;
    println!(
        "{} on {host}, interrupted {times:?}: Terraform ended after {took:.1?} with {:?}",
        work.step, ended.code
    );
    ensure!(ended.code.is_some(), "Terraform was killed");
    if times == Times::Twice {
        ensure!(
            took < MOMENT,
            "{took:.1?} after the second signal: {}",
            ended.text()
        );
        return Ok(());
    }

    let lines = workspace.progress();
    let lines = lines.get(earlier..).unwrap_or_default();
    let own = |line: &&Value| line["host"] == hosts::address(host) && line["step"] == work.step;
    let last = lines.iter().rfind(own).map(|line| line["event"].clone());
    ensure!(
        last == Some("done".into()),
        "the step that was under way: {last:?}"
    );
    let late = |line: &&Value| {
        let is_long = line["step"]
            .as_str()
            .is_some_and(|step| step.starts_with("kubeadm "));
        line["event"] == "started" && is_long && time(line) > at + MOMENT.as_secs_f64()
    };
    let late = lines.iter().find(late);
    ensure!(late.is_none(), "began after the signal: {late:?}");
    let idle = now()? - lines.iter().map(time).fold(at, f64::max);
    ensure!(
        idle < MOMENT.as_secs_f64(),
        "Terraform ended {idle:.1} s after the last step"
    );
    let names = kubectl(hosts, "get nodes -o jsonpath='{.items[*].metadata.name}'")?;
    let nodes: Vec<&str> = names.split_whitespace().collect();
    let state = workspace.nodes_in_state()?;
    ensure!(
        state == nodes,
        "the state holds {state:?}, the cluster has {nodes:?}"
    );
    Ok(())
}

impl Work {
    /// The host where it began.
    fn host(&self, lines: &[Value]) -> Option<&'static str> {
        let line = lines.iter().find(|line| {
            let operation = line["operation"].as_str().unwrap_or_default();
            operation.starts_with(self.operation) && line["step"] == self.step && line["event"] == "started"
        })?;
        Some(hosts::at(line["host"].as_str()?))
    }
}

fn now() -> Result<f64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64())
}

fn time(line: &Value) -> f64 {
    line["at"].as_f64().unwrap_or_default()
}
