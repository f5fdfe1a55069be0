//! Drill: two runs of one operation, each in a process of its own, the second beginning after any script of the first.
use std::time::Duration;

use super::{link::Lab, operations::Operation, world::World};

const OPERATIONS: [Operation; 7] = [
    Operation::CreateFirstMaster,
    Operation::CreateSecondMaster,
    Operation::JoinSecondMaster,
    Operation::CreateWorker,
    Operation::RemoveMasterOfThree,
    Operation::RemoveLastMaster,
    Operation::RemoveWorker,
];

/// Turns without a script after which the first run waits for time to pass.
const IDLE: usize = 20;

#[tokio::test(start_paused = true)]
async fn two_that_do_the_same_do_it_once() {
    let mut wrong = Vec::new();
    for operation in OPERATIONS {
        let before = operation.world_before().await;
        let alone = Lab::new(before.clone());
        operation.run(&alone).await.unwrap();
        let scripts = alone.world().log.len();
        assert!(scripts > 5, "{operation:?} has {scripts} scripts");
        for after in 0..scripts {
            if let Err(why) = Box::pin(two(operation, &before, after, &alone)).await {
                wrong.push(format!("{operation:?}, the second after script {after}: {why}"));
            }
        }
        println!("{operation:?}: {scripts} beginnings");
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Waits until others have run so many scripts.
pub(super) async fn let_others_run(lab: &Lab, scripts: usize) {
    let mut idle = 0;
    let mut seen = 0;
    while seen < scripts {
        let now = lab.world().log.len();
        idle = if now == seen { idle + 1 } else { 0 };
        seen = now;
        if idle < IDLE {
            tokio::task::yield_now().await;
            continue;
        }
        // Time is paused: it goes on when nothing else can.
        let moment = Duration::from_millis(1);
        let _ = tokio::time::timeout(moment, std::future::pending::<()>()).await;
    }
}

async fn two(operation: Operation, before: &World, after: usize, alone: &Lab) -> Result<(), String> {
    let lab = Lab::new(before.clone());
    let second = async {
        let_others_run(&lab, after).await;
        operation.run(&lab).await
    };
    let (first, second) = tokio::join!(operation.run(&lab), second);
    first.map_err(|failure| format!("the first: {failure}"))?;
    second.map_err(|failure| format!("the second: {failure}"))?;
    let world = lab.world();
    if !world.violations.is_empty() {
        return Err(world.violations.join(", "));
    }
    if world.is_locked() {
        return Err("locked".to_owned());
    }
    let begun = |world: &World| {
        let is_begin = |(_, title): &&(String, &str)| *title == "write marker";
        world.log.iter().filter(is_begin).count()
    };
    if begun(&world) != begun(&alone.world()) {
        return Err("kubeadm was begun twice".to_owned());
    }
    if world.summary() != alone.world().summary() {
        return Err(format!(
            "{}\ninstead of\n{}",
            world.summary(),
            alone.world().summary()
        ));
    }
    Ok(())
}
