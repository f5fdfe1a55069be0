//! Drill: a removal that was begun and not ended is known for what it is, and goes on or is taken back.
use tokio_util::sync::CancellationToken;

use super::{
    link::Lab,
    operations::{M1, M2, Operation, new_run, symmetric_master, worker},
    world::{Fault, FaultKind, World},
};
use crate::{
    lifecycle::{
        create::{create_master, create_worker},
        failure::Failure,
        host::Marker,
        lock::Locks,
    },
    node::MARKER,
};

const REMOVALS: [Operation; 2] = [Operation::RemoveMasterOfThree, Operation::RemoveWorker];

fn node_name(removal: Operation) -> &'static str {
    match removal {
        Operation::RemoveWorker => "w1",
        _ => "m1",
    }
}

fn is_cordoned(world: &World, removal: Operation) -> bool {
    let node = world.clusters[0].nodes.get(node_name(removal));
    node.is_some_and(|node| node.unschedulable)
}

fn is_leaving(world: &World, removal: Operation) -> bool {
    let text = world.machines[removal.target()].files.get(MARKER);
    Marker::of_file(text.map(String::as_str))
        .unwrap()
        .is_some_and(|marker| marker.leaving().is_some())
}

async fn create(lab: &Lab, removal: Operation) -> Result<(), Failure> {
    let (run, locks) = (new_run(lab, removal.target()), Locks::default());
    match removal {
        Operation::RemoveWorker => create_worker(&run, &worker(lab), &locks, None).await.map(drop),
        _ => create_master(&run, &symmetric_master(lab, M1), &locks, None)
            .await
            .map(drop),
    }
}

/// Kills the removal after each script; what the world is then, and which script it was.
async fn killed(removal: Operation) -> Vec<(Lab, &'static str)> {
    let before = removal.world_before().await;
    let mut labs = Vec::new();
    for at in 0.. {
        let lab = Lab::new(before.clone());
        lab.world().fault = Some(Fault::new(at, FaultKind::KillAfter));
        let _ = removal.run(&lab).await;
        let Some(title) = lab.world().fault.take().and_then(|fault| fault.hit) else {
            break;
        };
        lab.world().owners_are_gone();
        labs.push((lab, title));
    }
    labs
}

#[tokio::test(start_paused = true)]
async fn a_node_that_a_killed_removal_cordoned_says_that_it_leaves() {
    for removal in REMOVALS {
        let mut cordoned = 0;
        for (lab, title) in killed(removal).await {
            let world = lab.world();
            if is_cordoned(&world, removal) {
                cordoned += 1;
                assert!(is_leaving(&world, removal), "{removal:?} killed after {title}");
            }
        }
        assert!(cordoned > 2, "{removal:?} was not drilled");
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_after_a_killed_removal_makes_the_node_what_it_was() {
    for removal in REMOVALS {
        let wanted = removal.world_before().await.summary();
        for (lab, title) in killed(removal).await {
            lab.world().let_time_pass();
            create(&lab, removal)
                .await
                .unwrap_or_else(|failure| panic!("{removal:?} killed after {title}: {failure}"));
            let world = lab.world();
            assert_eq!(world.summary(), wanted, "{removal:?} killed after {title}");
            assert_eq!(world.violations, Vec::<String>::new(), "{removal:?}, {title}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_drain_that_fails_leaves_the_node_as_it_was() {
    for removal in REMOVALS {
        for was_cordoned in [false, true] {
            let lab = Lab::new(removal.world_before().await);
            if let Some(node) = lab.world().clusters[0].nodes.get_mut(node_name(removal)) {
                node.unschedulable = was_cordoned;
            }
            let before = lab.world().summary();
            lab.world().budget_forbids = true;
            let failure = removal.run(&lab).await.unwrap_err();
            assert_eq!(failure.summary, "Cannot drain the Node");
            assert_eq!(lab.world().summary(), before, "{removal:?}, {was_cordoned}");
            // And when it is asked for again, it is drained again.
            lab.world().log.clear();
            removal.run(&lab).await.unwrap();
            assert!(lab.world().log.iter().any(|(_, title)| *title == "kubectl drain"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_drain_that_fails_after_a_killed_one_lets_pods_come_again() {
    for removal in REMOVALS {
        let before = removal.world_before().await.summary();
        let mut drained = 0;
        for (lab, title) in killed(removal).await {
            if title != "kubectl drain" {
                continue;
            }
            drained += 1;
            assert!(is_cordoned(&lab.world(), removal));
            lab.world().budget_forbids = true;
            removal.run(&lab).await.unwrap_err();
            assert_eq!(lab.world().summary(), before, "{removal:?}");
        }
        assert!(drained > 0, "{removal:?} was not killed after its drain");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_before_anything_is_lost_leaves_the_node_as_it_was() {
    let removal = Operation::RemoveMasterOfThree;
    let before = removal.world_before().await;
    let mut taken_back = 0;
    for at in 0.. {
        let (lab, cancel) = (Lab::new(before.clone()), CancellationToken::new());
        lab.world().fault = Some(Fault::new(at, FaultKind::Cancel(cancel.clone())));
        let stopped = removal.run_until(&lab, cancel).await;
        let Some(title) = lab.world().fault.take().and_then(|fault| fault.hit) else {
            break;
        };
        let world = lab.world();
        let is_lost = world.clusters[0].members.len() < 3;
        assert_eq!(stopped.is_ok(), is_lost, "stopped at {title}: {stopped:?}");
        if !is_lost {
            taken_back += usize::from(title == "kubectl drain" || title == "stop keepalived");
            assert_eq!(world.summary(), before.summary(), "stopped at {title}");
        }
    }
    assert_eq!(taken_back, 2);
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_is_refused_now_and_was_killed_before_is_taken_back() {
    let removal = Operation::RemoveMasterOfThree;
    let mut drained = 0;
    for (lab, title) in killed(removal).await {
        if title != "kubectl drain" {
            continue;
        }
        drained += 1;
        lab.world().silence(M2);
        let refused = removal.run(&lab).await.unwrap_err();
        assert_eq!(refused.summary, "Removal would cost etcd its quorum");
        let world = lab.world();
        assert!(!is_cordoned(&world, removal) && !is_leaving(&world, removal));
    }
    assert!(drained > 0, "nothing was killed after the drain");
}
