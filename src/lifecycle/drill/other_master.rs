//! Drill: the master that a cluster is changed through goes away in the middle; another one takes its place.
use super::{
    link::Lab,
    operations::{M1, MASTERS, Operation, W1, hosts, join, new_run, worker},
    tell,
    world::{Fault, FaultKind},
};
use crate::lifecycle::{
    create::create_worker,
    lock::Locks,
    spec::{Join, WorkerSpec},
};

/// A cluster of three masters.
async fn lab() -> Lab {
    Lab::new(Operation::RemoveMasterOfThree.world_before().await)
}

fn spec(lab: &Lab) -> WorkerSpec {
    WorkerSpec {
        join: Join {
            masters: hosts(lab, &MASTERS),
            ..join(lab)
        },
        ..worker(lab)
    }
}

async fn create(lab: &Lab) -> Result<(), String> {
    let made = create_worker(&new_run(lab, W1), &spec(lab), &Locks::default(), None).await;
    made.map(drop).map_err(|failure| failure.to_string())
}

#[tokio::test(start_paused = true)]
async fn a_join_goes_on_through_another_master_in_the_same_run() {
    let undisturbed = lab().await;
    create(&undisturbed).await.unwrap();
    let log = undisturbed.world().log.clone();
    let (mut deaths, mut wrong) = (0, Vec::new());
    for (number, (host, title)) in log.iter().enumerate() {
        if host != M1 {
            continue;
        }
        deaths += 1;
        let lab = lab().await;
        lab.world().fault = Some(Fault::new(number, FaultKind::Dies));
        let ended = create(&lab).await;
        let is_node = lab.world().clusters[0].nodes.contains_key("w1");
        let has_tokens = !lab.world().clusters[0].tokens.is_empty();
        if ended.is_err() || !is_node || has_tokens {
            wrong.push(format!(
                "{title}: {ended:?}, Node {is_node}, tokens left {has_tokens}"
            ));
        }
    }
    tell(&format!(
        "{deaths} deaths of the master that a worker joins through"
    ));
    assert!(deaths > 5, "the master was asked {deaths} times");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
