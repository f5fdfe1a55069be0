//! Waits for a machine that still sets itself up: cloud-init, a package manager, its first start.
use std::time::Duration;

use tokio::time::Instant;

use super::{
    answers::answers_of,
    facts::{reach, read_facts_with},
};
use crate::{
    lifecycle::{
        engine::{Condition, Run, wait_at_most},
        failure::{Failure, FailureKind, failure_of},
        notice::Notice,
    },
    node::{
        Facts, Query,
        setup::{self, Setup},
    },
    preflight::{Problem, Severity},
};

/// How long a machine may take, unless the operation's own time is shorter.
const LIMIT: Duration = Duration::from_secs(600);

/// Waits as long as cloud-init runs, or as long as anything is at work that may yet mend what is wrong; then looks again.
/// The machine may start anew meanwhile. A machine that has come to rest costs nothing.
pub(crate) async fn await_setup(
    run: &Run,
    mut facts: Facts,
    problems: impl Fn(&Facts) -> Vec<Problem>,
) -> Result<Facts, Failure> {
    let end = Instant::now() + LIMIT.min(run.remaining());
    while must_wait(&facts, &problems(&facts)) {
        let account = facts.setup.account();
        run.progress.waits_for(run.subject(), &account);
        let limit = end.saturating_duration_since(Instant::now());
        facts = wait_at_most(run, limit, || Box::pin(look(run, end, &facts)))
            .await
            .map_err(|failure| failure.on(run.host.name()))?
            .map_err(|seen| still_at_work(run, &seen, &problems(&facts)))?;
    }
    Ok(facts)
}

fn must_wait(facts: &Facts, problems: &[Problem]) -> bool {
    let is_mendable = |problem: &Problem| problem.is_mendable && problem.severity == Severity::Error;
    facts.setup.runs_cloud_init() || (facts.setup.is_under_way() && problems.iter().any(is_mendable))
}

/// One look. A machine that goes down meanwhile, as cloud-init lets it at its end, is waited for.
async fn look(run: &Run, end: Instant, before: &Facts) -> Result<Condition<Facts>, Failure> {
    match look_once(run, before).await {
        Err(failure) if starts_anew(&failure) => {
            reach(run, end.saturating_duration_since(Instant::now())).await?;
            Ok(Condition::NotYet("the machine, which starts anew".into()))
        }
        seen => seen,
    }
}

fn starts_anew(failure: &Failure) -> bool {
    failure.may_pass_after_boot || failure.kind == FailureKind::Interrupted
}

/// It takes two seconds on the host: what it does there would slow down what is waited for.
async fn look_once(run: &Run, before: &Facts) -> Result<Condition<Facts>, Failure> {
    let script =
        setup::sections(Query::new().section("pause", "sleep 2")).script("look at the machine's set-up");
    let stdout = run.host.look_ok(&script).await?;
    let seen = Setup::parse(&answers_of(&run.host, &stdout, &[])?);
    // Whether the rest is worth a wait is seen when cloud-init has done what it does.
    if seen.runs_cloud_init() || (seen.is_under_way() && !before.setup.runs_cloud_init()) {
        return Ok(Condition::NotYet(seen.account()));
    }
    let facts = read_facts_with(&run.host, &before.etcd.path).await?;
    Ok(Condition::Met(facts))
}

/// What was seen last, and what the machine lacked.
fn still_at_work(run: &Run, seen: &str, problems: &[Problem]) -> Failure {
    let missing = failure_of(problems).map_or_else(String::new, |missing| {
        format!("\n\nWhat it lacked when the wait began:\n{}", missing.detail)
    });
    let detail = format!("Waited for: the machine has set itself up. Seen at the end: {seen}{missing}");
    Failure::new("Machine still sets itself up", detail)
        .at("host")
        .on(run.host.name())
        .advise("Nothing was changed. Look there for what keeps it (`cloud-init status --long`, `systemctl list-jobs`). If the machine is only slow, apply again: the wait goes on.")
}

/// What a plan says of a machine that lacks something and still sets itself up.
pub(crate) fn setup_notice(facts: &Facts, problems: &[Problem]) -> Option<Notice> {
    let lacking: Vec<&str> = problems
        .iter()
        .filter(|problem| problem.is_mendable && problem.severity == Severity::Warning)
        .map(|problem| problem.detail.as_str())
        .collect();
    if !facts.setup.is_under_way() || lacking.is_empty() {
        return None;
    }
    Some(Notice {
        summary: "Machine still sets itself up",
        detail: format!(
            "{} is not ready yet: {}.\n\nAt work there: {}. The apply waits for it and looks again.",
            facts.hostname,
            lacking.join(" "),
            facts.setup.account()
        )
        .replace("..", "."),
    })
}
