//! Drill: a master leaves while another has just joined. The new member votes for a while before it answers.
use super::{
    link::Lab,
    operations::{M1, M2, M3, leaving, new_run, symmetric_master},
    two_runs::let_others_run,
    world::World,
};
use crate::lifecycle::{
    create::create_master,
    failure::Failure,
    lock::Locks,
    remove::{Departures, remove_master},
};

async fn create(lab: &Lab, address: &str, locks: &Locks) -> Result<(), Failure> {
    let run = new_run(lab, address);
    create_master(&run, &symmetric_master(lab, address), locks, None)
        .await
        .map(drop)
}

async fn two_masters() -> World {
    let lab = Lab::new(
        super::operations::Operation::CreateSecondMaster
            .world_before()
            .await,
    );
    create(&lab, M2, &Locks::default()).await.unwrap();
    lab.world().log.clear();
    lab.world().clone()
}

/// Joins the third master; the second begins to leave after so many scripts of that, if there are so many.
async fn join_and_leave(before: &World, after: usize, is_one_process: bool) -> Result<(), String> {
    let lab = Lab::new(before.clone());
    lab.world().silent_looks = 50;
    let (join_locks, departures) = (Locks::default(), Departures::default());
    let leave_locks = if is_one_process {
        join_locks.clone()
    } else {
        Locks::default()
    };
    let leave = async {
        let_others_run(&lab, after).await;
        let run = new_run(&lab, M2);
        remove_master(&run, &leaving(&lab, "m2", Some(M2)), &leave_locks, &departures)
            .await
            .map(drop)
    };
    let (joined, left) = tokio::join!(create(&lab, M3, &join_locks), leave);
    let told = |failure: Failure| format!("{failure}\n{}", failure.detail);
    joined.map_err(|failure| format!("the join: {}", told(failure)))?;
    left.map_err(|failure| format!("the removal: {}", told(failure)))?;
    let world = lab.world();
    let members: Vec<&str> = world.clusters[0]
        .members
        .iter()
        .map(|member| member.address.as_str())
        .collect();
    if members != [M1, M3] || !world.violations.is_empty() || world.is_locked() {
        return Err(format!("{members:?} {:?}", world.violations));
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_member_that_has_just_begun_to_vote_is_not_taken_for_dead() {
    let before = two_masters().await;
    let alone = Lab::new(before.clone());
    create(&alone, M3, &Locks::default()).await.unwrap();
    let scripts = alone.world().log.len();
    assert!(scripts > 30, "a join has {scripts} scripts");
    let mut wrong = Vec::new();
    for is_one_process in [true, false] {
        for after in 0..scripts {
            if let Err(why) = join_and_leave(&before, after, is_one_process).await {
                wrong.push(format!("after {after}, one process: {is_one_process}: {why}"));
            }
        }
    }
    println!("{scripts} beginnings");
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        2 * scripts,
        wrong.join("\n")
    );
}
