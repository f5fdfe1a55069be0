//! Terraform at work on a round's operation while its fault strikes and is healed; and no run of it lasts for ever.
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use acceptance::hosts::Hosts;
use acceptance::lab::progress;
use acceptance::lab::wait::wait_until;
use acceptance::terraform::{Ended, Running};
use acceptance::workspace::Workspace;
use anyhow::Result;
use rustix::process::Signal;

use super::evidence::Diary;
use super::fault::Fault;
use super::plan::Round;

/// Longer than anything takes when nothing hinders it any more; then Terraform gets what a person would give: Ctrl-C.
const LIMIT: Duration = Duration::from_secs(300);
/// From Ctrl-C to the end.
const GRACE: Duration = Duration::from_secs(90);

/// The operation as it went.
pub(crate) struct Performed {
    pub(crate) first: Finished,
    /// From when until when the fault was there.
    pub(crate) struck: Option<(Instant, Instant)>,
}

/// A run of Terraform, ended by itself or because it took too long.
pub(crate) struct Finished {
    pub(crate) ended: Ended,
    is_stuck: bool,
}

/// Runs the operation, lets the fault strike at its moment and heals it when its time is over, or Terraform's.
pub(crate) fn run_under_fault(
    hosts: &Hosts,
    round: &Round,
    workspace: &mut Workspace,
    folder: &Path,
    diary: &mut Diary,
) -> Result<Performed> {
    let arguments = round.operation.arguments(round.start.as_ref());
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let second = match round.fault {
        Fault::TwoApplies => Some(workspace.copy_to(&folder.join("second"))?),
        _ => None,
    };
    progress::line(&format!(
        "round {}: {} under {} at {}",
        round.number, round.operation, round.fault, round.moment
    ));
    let start = Instant::now();
    let mut terraform = workspace.spawn(&arguments)?;
    let mut struck = None;
    wait_until(LIMIT, || {
        let has_come = round.moment.has_come(steps(workspace), start.elapsed());
        if has_come && !terraform.is_over() {
            struck = Some(Instant::now());
        }
        struck.is_some() || terraform.is_over()
    });
    let (mut other, mut missed) = (None, false);
    if struck.is_some() {
        if let Some(mut second) = second {
            other = Some(second.spawn(&arguments)?);
        }
        diary.note("the fault strikes")?;
        if let Err(error) = round.fault.strike(hosts, &mut terraform) {
            // E.g. the provider had just ended. What it did may be half done all the same, and is healed.
            diary.note(&format!("the fault did not strike: {error:#}"))?;
            missed = true;
        }
    }
    if let (Some(at), Some(lasts)) = (struck, round.fault.lasts()) {
        wait_until(lasts.saturating_sub(at.elapsed()), || terraform.is_over());
    }
    if struck.is_some() {
        round.fault.heal(hosts)?;
        diary.note("healed")?;
    }
    let until = Instant::now();
    let first = wait(terraform)?;
    if let Some(other) = other {
        let second = wait(other)?;
        diary.note(&format!(
            "the second apply: {second}\n{}",
            second.ended.last_lines()
        ))?;
    }
    diary.note(&first.ended.last_lines())?;
    Ok(Performed {
        first,
        struck: struck.filter(|_| !missed).map(|from| (from, until)),
    })
}

/// Waits for Terraform's end, and interrupts it if that takes too long.
pub(crate) fn wait(mut terraform: Running) -> Result<Finished> {
    let is_over = wait_until(LIMIT, || terraform.is_over());
    if !is_over {
        terraform.signal(Signal::INT)?;
        if !wait_until(GRACE, || terraform.is_over()) {
            terraform.signal(Signal::KILL)?;
        }
    }
    Ok(Finished {
        ended: terraform.wait()?,
        is_stuck: !is_over,
    })
}

/// Steps that have begun in this round.
fn steps(workspace: &Workspace) -> usize {
    let lines = workspace.progress();
    let started = lines
        .iter()
        .filter(|line| line.get("event").is_some_and(|event| event == "started"));
    started.count()
}

impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ended.code {
            Some(0) => f.write_str("ok"),
            Some(1) => f.write_str("failed"),
            Some(code) => write!(f, "exit {code}"),
            None => f.write_str("killed"),
        }?;
        f.write_str(if self.is_stuck { ", too long" } else { "" })
    }
}
