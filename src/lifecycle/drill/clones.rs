//! Drill: machines cloned from one image, which have one machine ID.
use super::{
    link::Lab,
    operations::{M1, M2, M3, MASTERS, Operation, empty_world, join, leaving, new_run, symmetric_master},
    tell,
    world::{Fault, FaultKind, World},
};
use crate::lifecycle::{
    create::create_master,
    lock::Locks,
    remove::{Departures, remove_master},
    spec::MasterSpec,
};

fn cloned(mut world: World) -> World {
    for machine in world.machines.values_mut() {
        machine.identity = "golden-image".to_owned();
    }
    for node in world
        .clusters
        .iter_mut()
        .flat_map(|cluster| cluster.nodes.values_mut())
    {
        node.machine_id = "golden-image".to_owned();
    }
    world
}

async fn create(lab: &Lab, address: &str, spec: &MasterSpec) {
    create_master(&new_run(lab, address), spec, &Locks::default(), None)
        .await
        .unwrap_or_else(|failure| panic!("{address}: {failure}"));
}

fn assert_one_cluster(lab: &Lab, members: usize) {
    let world = lab.world();
    assert_eq!(world.clusters.len(), 1);
    assert_eq!(world.clusters[0].members.len(), members);
    assert_eq!(world.violations, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_cluster_of_clones_is_made() {
    let lab = Lab::new(cloned(empty_world()));
    for master in MASTERS {
        create(&lab, master, &symmetric_master(&lab, master)).await;
    }
    assert_one_cluster(&lab, 3);
}

/// The half that a cut join leaves has the cluster's CA, and the machine ID of the master that it joins through.
#[tokio::test(start_paused = true)]
async fn a_clone_whose_join_was_cut_finds_the_cluster_again() {
    for ordered in [false, true] {
        let lab = Lab::new(cloned(empty_world()));
        create(&lab, M1, &symmetric_master(&lab, M1)).await;
        let mut spec = symmetric_master(&lab, M2);
        if ordered {
            spec.cluster = None;
            spec.join = Some(join(&lab));
        }
        lab.world().kubeadm_fails = 1;
        let before = lab.world().clone();
        // Whichever script is the last one of the killed run.
        for at in 0.. {
            let lab = Lab::new(before.clone());
            lab.world().fault = Some(Fault::new(at, FaultKind::KillAfter));
            let spec = MasterSpec {
                peers: symmetric_master(&lab, M2).peers,
                join: ordered.then(|| join(&lab)),
                ..spec.clone()
            };
            let run = new_run(&lab, M2);
            let _ = create_master(&run, &spec, &Locks::default(), None).await;
            if lab.world().fault.take().and_then(|fault| fault.hit).is_none() {
                break;
            }
            lab.world().owners_are_gone();
            lab.world().let_time_pass();
            lab.world().kubeadm_fails = 0;
            create(&lab, M2, &spec).await;
            assert_one_cluster(&lab, 2);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_clone_that_was_taken_out_while_it_was_down_is_joined_anew() {
    let lab = Lab::new(cloned(empty_world()));
    for master in MASTERS {
        create(&lab, master, &symmetric_master(&lab, master)).await;
    }
    lab.world().silence(M3);
    let (locks, departures) = (Locks::default(), Departures::default());
    remove_master(
        &new_run(&lab, M3),
        &leaving(&lab, "m3", Some(M3)),
        &locks,
        &departures,
    )
    .await
    .unwrap();
    assert_one_cluster(&lab, 2);
    lab.world().come_back(M3);
    create(&lab, M3, &symmetric_master(&lab, M3)).await;
    assert_one_cluster(&lab, 3);
    assert!(lab.world().clusters[0].nodes["m3"].labels.contains_key("tier"));
}

/// Two clones that kept their host name too.
#[tokio::test(start_paused = true)]
async fn a_clone_does_not_take_the_node_of_another() {
    let lab = Lab::new(cloned(empty_world()));
    lab.world().machines.get_mut(M2).unwrap().name = "m1".to_owned();
    create(&lab, M1, &symmetric_master(&lab, M1)).await;
    let run = new_run(&lab, M2);
    let failure = create_master(&run, &symmetric_master(&lab, M2), &Locks::default(), None)
        .await
        .unwrap_err();
    assert_eq!(failure.summary, "Duplicate node name");
    assert_one_cluster(&lab, 1);
}

#[tokio::test(start_paused = true)]
async fn every_operation_on_clones_ends_as_on_others() {
    let mut total = 0;
    for operation in Operation::ALL {
        let before = operation.world_before().await;
        let plain = Lab::new(before.clone());
        operation.run(&plain).await.unwrap();
        let wanted = plain.world().summary();
        for at in 0.. {
            let lab = Lab::new(cloned(before.clone()));
            lab.world().fault = Some(Fault::new(at, FaultKind::KillAfter));
            let _ = operation.run(&lab).await;
            let is_over = lab.world().fault.take().and_then(|fault| fault.hit).is_none();
            lab.world().owners_are_gone();
            lab.world().let_time_pass();
            operation
                .run(&lab)
                .await
                .unwrap_or_else(|failure| panic!("{operation:?}, killed after {at}: {failure}"));
            assert_eq!(lab.world().summary(), wanted, "{operation:?}, killed after {at}");
            assert_eq!(
                lab.world().violations,
                Vec::<String>::new(),
                "{operation:?}, {at}"
            );
            if is_over {
                break;
            }
            total += 1;
        }
    }
    tell(&format!("{total} kills on machines with one machine ID"));
    assert!(total > 500, "only {total} kills");
}
