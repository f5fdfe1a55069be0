//! Drill: every operation is cut, killed, failed and cancelled at every script, and repeated; it must converge.
use tokio_util::sync::CancellationToken;

use super::{
    link::Lab,
    operations::Operation,
    tell,
    world::{Fault, FaultKind, World},
};

/// What a kind of fault is called, and how to make one.
type Kind = (&'static str, fn() -> FaultKind);

const KINDS: [Kind; 6] = [
    ("link cut before", || FaultKind::CutBefore),
    ("link cut after", || FaultKind::CutAfter),
    ("killed before", || FaultKind::KillBefore),
    ("killed after", || FaultKind::KillAfter),
    ("status 1", || FaultKind::Status1),
    ("cancelled", || FaultKind::Cancel(CancellationToken::new())),
];

/// What one operation's drill came to.
#[derive(Default)]
struct Tally {
    scripts: usize,
    faults: usize,
    wrong: Vec<String>,
}

#[tokio::test(start_paused = true)]
async fn repeats_without_change() {
    for operation in Operation::ALL {
        let lab = Lab::new(operation.world_before().await);
        operation
            .run(&lab)
            .await
            .unwrap_or_else(|failure| panic!("{operation:?}: {failure}"));
        let after = lab.world().summary();
        assert!(!lab.world().log.is_empty(), "{operation:?}");
        lab.world().writes.clear();
        operation
            .run(&lab)
            .await
            .unwrap_or_else(|failure| panic!("{operation:?} again: {failure}"));
        assert_eq!(lab.world().summary(), after, "{operation:?}");
        assert_eq!(lab.world().writes, [], "{operation:?} writes when it is repeated");
    }
}

#[test]
fn converges_after_a_fault_at_each_script() {
    let mut wrong = Vec::new();
    let mut total = 0;
    let tallies = std::thread::scope(|scope| {
        let threads =
            Operation::ALL.map(|operation| (operation, scope.spawn(move || drill_alone(operation))));
        threads.map(|(operation, thread)| (operation, thread.join().unwrap()))
    });
    for (operation, tally) in tallies {
        tell(&format!(
            "{operation:?}: {} scripts, {} faults",
            tally.scripts, tally.faults
        ));
        assert!(tally.scripts > 1, "{operation:?} was not drilled");
        total += tally.faults;
        wrong.extend(tally.wrong);
    }
    tell(&format!("{total} faults at scripts of all operations"));
    // A drill of half the scripts would find half of what is wrong.
    assert!(total > 7000, "only {total} faults");
    assert!(
        wrong.is_empty(),
        "{} of {total} went wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// In a runtime of its own, so that operations are drilled side by side.
fn drill_alone(operation: Operation) -> Tally {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.unwrap().block_on(drill(operation))
}

async fn drill(operation: Operation) -> Tally {
    let before = operation.world_before().await;
    let lab = Lab::new(before.clone());
    operation
        .run(&lab)
        .await
        .unwrap_or_else(|failure| panic!("{operation:?}: {failure}"));
    let undisturbed = lab.world().summary();
    let mut tally = Tally::default();
    for (name, kind) in KINDS {
        for at in 0.. {
            let mut is_over = true;
            // What runs in the background either goes on beside the next run, or has ended before it.
            for time_passes in [false, true] {
                let Some(result) = one(operation, &before, &undisturbed, at, kind(), time_passes).await
                else {
                    continue;
                };
                is_over = false;
                tally.faults += 1;
                tally.scripts = tally.scripts.max(at + 1);
                if let Err((title, why)) = result {
                    tally.wrong.push(format!(
                        "{operation:?}, {name} script {at} ({title}), time passes: {time_passes}: {why}"
                    ));
                }
            }
            if is_over {
                break;
            }
        }
    }
    tally
}

/// One fault and the run after it; none if the operation has fewer scripts than that.
async fn one(
    operation: Operation,
    before: &World,
    undisturbed: &str,
    at: usize,
    kind: FaultKind,
    time_passes: bool,
) -> Option<Result<(), (&'static str, String)>> {
    let cancel = match &kind {
        FaultKind::Cancel(token) => token.clone(),
        _ => CancellationToken::new(),
    };
    let lab = Lab::new(before.clone());
    lab.world().fault = Some(Fault::new(at, kind));
    // It may end well all the same: a look that failed is taken again where a host may still boot.
    let disturbed = operation.run_until(&lab, cancel).await;
    let fault = lab.world().fault.take()?;
    let title = fault.hit?;
    if matches!(fault.kind, FaultKind::KillBefore | FaultKind::KillAfter) {
        lab.world().owners_are_gone();
    }
    if time_passes {
        lab.world().let_time_pass();
    }
    let next = operation.run(&lab).await;
    let world = lab.world();
    let first = disturbed
        .err()
        .map(|failure| format!("{} / {}", failure.summary, failure.detail));
    let told = |why: String| {
        Some(Err((
            title,
            format!("{why}\n  the disturbed run said: {first:?}"),
        )))
    };
    if let Err(failure) = next {
        return told(format!("the next run failed: {} ({:?})", failure, failure.step));
    }
    if !world.violations.is_empty() {
        return told(world.violations.join("; "));
    }
    if world.is_locked() {
        return told("a host is locked still".to_owned());
    }
    let after = world.summary();
    if after != undisturbed {
        return told(format!("the world differs: {}", difference(&after, undisturbed)));
    }
    Some(Ok(()))
}

fn difference(after: &str, undisturbed: &str) -> String {
    let missing = undisturbed
        .lines()
        .filter(|line| !after.lines().any(|other| other == *line))
        .map(|line| format!("-{line}"));
    let added = after
        .lines()
        .filter(|line| !undisturbed.lines().any(|other| other == *line))
        .map(|line| format!("+{line}"));
    missing.chain(added).collect::<Vec<_>>().join(" | ")
}
