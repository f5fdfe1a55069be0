//! Drill: a cluster is initialised on proof only. Situations and what comes of them, as tables.
//!
//! Long because: it has a case for each way, and the cases are read beside each other.
use super::{
    detached::end_reset,
    link::Lab,
    operations::{
        ENDPOINT, M1, M2, M3, Operation, W1, empty_world, join, joining_master, new_run, symmetric_master,
        worker,
    },
    world::{Fault, FaultKind, World},
};
use crate::lifecycle::{
    create::{Bootstrap, create_master, create_worker, decide_bootstrap},
    lock::Locks,
    spec::{Join, MasterSpec, WorkerSpec},
};

async fn initialised() -> World {
    Operation::CreateSecondMaster.world_before().await
}

/// The world as a killed init leaves it: `kubeadm init` was just begun on the first master.
async fn begun() -> World {
    let before = Operation::CreateFirstMaster.world_before().await;
    for at in 0.. {
        let lab = Lab::new(before.clone());
        lab.world().fault = Some(Fault::new(at, FaultKind::KillAfter));
        let _ = Operation::CreateFirstMaster.run(&lab).await;
        let world = lab.world().clone();
        if world.machines[M1].operations.contains_key("kubeadm-init") {
            return World { fault: None, ..world };
        }
    }
    unreachable!()
}

async fn way(address: &str, world: World, spec: impl Fn(&Lab) -> MasterSpec) -> String {
    let lab = Lab::new(world);
    let writes = lab.world().summary();
    let way = decide_bootstrap(&new_run(&lab, address), &spec(&lab)).await;
    // The look changes nothing, but what runs in the background goes on meanwhile.
    if lab
        .world()
        .machines
        .values()
        .all(|machine| machine.operations.is_empty())
    {
        assert_eq!(lab.world().summary(), writes);
    }
    match way {
        Ok(Bootstrap::Init(_)) => "init".to_owned(),
        Ok(Bootstrap::Join(through)) => format!("join through {}", through.cluster.via().await.name()),
        Ok(Bootstrap::Rejoin(through)) => format!("join anew through {}", through.cluster.via().await.name()),
        Ok(Bootstrap::Member) => "member".to_owned(),
        Ok(Bootstrap::After(initialiser)) => format!("after {}", initialiser.name()),
        Err(failure) => format!(
            "refused: {} ({})",
            failure.summary,
            failure.attribute.unwrap_or("-")
        ),
    }
}

fn changed(mut world: World, change: impl FnOnce(&mut World)) -> World {
    change(&mut world);
    world
}

#[tokio::test(start_paused = true)]
async fn the_way_follows_from_what_is_seen() {
    let m1 = |lab: &Lab| symmetric_master(lab, M1);
    let m2 = |lab: &Lab| symmetric_master(lab, M2);
    let silent = |world: &mut World, at: &str| world.machines.get_mut(at).unwrap().silent = true;
    let renamed = |world: &mut World| "stage".clone_into(&mut world.clusters[0].name);
    let moved = |world: &mut World| "x:1".clone_into(&mut world.clusters[0].endpoint);
    let mut table = Vec::new();
    let mut row = |situation: &str, way: String| table.push(format!("{situation:55} {way}"));

    row("nothing anywhere", way(M1, empty_world(), m1).await);
    row(
        "a peer is silent",
        way(M1, changed(empty_world(), |world| silent(world, M3)), m1).await,
    );
    row("a cluster on a peer", way(M2, initialised().await, m2).await);
    row(
        "a cluster on a peer, another peer is silent",
        way(M2, changed(initialised().await, |world| silent(world, M3)), m2).await,
    );
    row("the cluster is here", way(M1, initialised().await, m1).await);
    row(
        "with join, through what it names",
        way(M2, initialised().await, joining_master).await,
    );
    row(
        "with join, and no cluster",
        way(M2, empty_world(), joining_master).await,
    );
    let lone = |lab: &Lab| MasterSpec {
        peers: vec![lab.host(M3)],
        ..symmetric_master(lab, M2)
    };
    row(
        "the endpoint answers, no peer has a cluster",
        way(M2, initialised().await, lone).await,
    );
    row(
        "a peer's cluster has another name",
        way(M2, changed(initialised().await, renamed), m2).await,
    );
    row(
        "a peer's cluster has another endpoint",
        way(M2, changed(initialised().await, moved), m2).await,
    );
    row(
        "the host's cluster has another name",
        way(M1, changed(initialised().await, renamed), m1).await,
    );
    row(
        "the host's cluster has another endpoint",
        way(M1, changed(initialised().await, moved), m1).await,
    );
    row(
        "with join, the CA is another",
        way(M2, initialised().await, |lab| {
            let mut spec = joining_master(lab);
            if let Some(join) = &mut spec.join {
                join.ca_cert_hash = "sha256:0".to_owned();
            }
            spec
        })
        .await,
    );
    row(
        "a peer's cluster is down",
        way(
            M2,
            changed(initialised().await, |world| {
                world
                    .machines
                    .get_mut(M1)
                    .unwrap()
                    .remove("/etc/kubernetes/manifests/etcd.yaml");
            }),
            m2,
        )
        .await,
    );
    insta::assert_snapshot!(table.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn the_way_of_a_host_that_was_taken_out_while_it_was_down() {
    let m2 = |lab: &Lab| symmetric_master(lab, M2);
    let stale = Operation::RejoinStaleMaster.world_before().await;
    let found = way(M2, stale.clone(), m2).await;
    assert!(found.starts_with("join anew through "), "{found}");
    // Nobody is there to say so: it may be a master still.
    let alone = changed(stale, |world| {
        world.silence(M1);
        world.silence(M3);
    });
    assert_eq!(way(M2, alone, m2).await, "member");
}

#[tokio::test(start_paused = true)]
async fn the_way_goes_on_from_a_founding_that_was_begun() {
    let m1 = |lab: &Lab| symmetric_master(lab, M1);
    let m2 = |lab: &Lab| symmetric_master(lab, M2);
    let mut table = Vec::new();
    let mut row = |situation: &str, way: String| table.push(format!("{situation:55} {way}"));

    row("init runs here", way(M1, begun().await, m1).await);
    row(
        "init ended well here",
        way(M1, changed(begun().await, World::let_time_pass), m1).await,
    );
    row(
        "init failed here, its API server answers",
        way(
            M1,
            changed(begun().await, |world| {
                world.kubeadm_fails = 1;
                world.let_time_pass();
            }),
            m1,
        )
        .await,
    );
    row(
        "the host lost power under init",
        way(M1, changed(begun().await, |world| world.lose_power(M1)), m1).await,
    );
    row("init runs on a peer", way(M2, begun().await, m2).await);
    row(
        "init failed on a peer, its API server answers",
        way(
            M2,
            changed(begun().await, |world| {
                world.kubeadm_fails = 1;
                world.let_time_pass();
            }),
            m2,
        )
        .await,
    );
    row(
        "a peer lost power under init",
        way(M2, changed(begun().await, |world| world.lose_power(M1)), m2).await,
    );
    row(
        "two clusters under one name",
        way(M1, two_clusters().await, m1).await,
    );
    insta::assert_snapshot!(table.join("\n"));
}

/// Two masters, each initialised without a look at the other.
async fn two_clusters() -> World {
    let lab = Lab::new(empty_world());
    for address in [M1, M2] {
        lab.world()
            .machines
            .values_mut()
            .for_each(|machine| machine.silent = machine.address != address);
        let spec = MasterSpec {
            peers: Vec::new(),
            ..symmetric_master(&lab, address)
        };
        create_master(&new_run(&lab, address), &spec, &Locks::default(), None)
            .await
            .unwrap();
    }
    let mut world = lab.world().clone();
    world
        .machines
        .values_mut()
        .for_each(|machine| machine.silent = false);
    world
}

#[tokio::test(start_paused = true)]
async fn a_corrected_endpoint_waits_for_a_reset_and_no_more() {
    let lab = Lab::new(changed(begun().await, World::let_time_pass));
    let corrected = || {
        let mut spec = symmetric_master(&lab, M1);
        if let Some(cluster) = &mut spec.cluster {
            cluster.control_plane_endpoint = "10.0.0.200:8443".parse().ok();
        }
        spec
    };
    let refused = create_master(&new_run(&lab, M1), &corrected(), &Locks::default(), None).await;
    assert_eq!(refused.unwrap_err().summary, "Host belongs to another cluster");
    end_reset(&mut lab.world(), M1);
    create_master(&new_run(&lab, M1), &corrected(), &Locks::default(), None)
        .await
        .unwrap();
    let world = lab.world();
    assert_eq!(
        world.clusters[world.machines[M1].cluster.unwrap()].endpoint,
        "10.0.0.200:8443"
    );
}

#[tokio::test(start_paused = true)]
async fn a_master_that_is_down_delays_nobody() {
    let mut world = Operation::RemoveMasterOfThree.world_before().await;
    world.machines.get_mut(M2).unwrap().silent = true;
    let lab = Lab::new(world);
    let masters = vec![lab.host(M2), lab.host(M1)];
    let spec = WorkerSpec {
        join: Join {
            masters,
            ..join(&lab)
        },
        ..worker(&lab)
    };
    let begin = tokio::time::Instant::now();
    create_worker(&new_run(&lab, W1), &spec, &Locks::default(), None)
        .await
        .unwrap();
    assert!(
        begin.elapsed() < std::time::Duration::from_secs(60),
        "{:?}",
        begin.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_learner_of_a_dead_host_is_removed_before_the_next_join() {
    let before = Operation::JoinSecondMaster.world_before().await;
    let mut tried = 0;
    for at in 0.. {
        let lab = Lab::new(before.clone());
        lab.world().fault = Some(Fault::new(at, FaultKind::KillAfter));
        let _ = Operation::JoinSecondMaster.run(&lab).await;
        let is_over = lab.world().fault.take().is_none_or(|fault| fault.hit.is_none());
        if is_over {
            break;
        }
        let is_learner = lab.world().clusters[0]
            .members
            .iter()
            .any(|member| member.is_learner);
        if !is_learner {
            continue;
        }
        tried += 1;
        lab.world().silence(M2);
        let (run, locks) = (new_run(&lab, M3), Locks::default());
        create_master(&run, &symmetric_master(&lab, M3), &locks, None)
            .await
            .unwrap();
        let world = lab.world();
        let members = world.clusters[0].members.iter();
        let members: Vec<&str> = members.map(|member| member.address.as_str()).collect();
        assert_eq!(members, [M1, M3]);
        assert_eq!(world.violations, Vec::<String>::new());
    }
    assert!(tried > 0);
}

/// Creates three masters, each with these locks.
async fn create_at_once(lab: &Lab, masters: [&str; 3], locks: &dyn Fn() -> Locks) {
    let create = async |address: &str| {
        let run = new_run(lab, address);
        create_master(&run, &symmetric_master(lab, address), &locks(), None).await
    };
    for result in futures::future::join_all(masters.map(create)).await {
        result.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn who_comes_first_after_a_failed_init_lets_its_master_pass() {
    let lab = Lab::new(changed(begun().await, |world| {
        world.kubeadm_fails = 1;
        world.let_time_pass();
    }));
    let locks = Locks::default();
    create_at_once(&lab, [M2, M3, M1], &|| locks.clone()).await;
    let mut world = lab.world();
    world.forget_dead_clusters();
    assert_eq!(world.clusters.len(), 1);
    assert_eq!(world.clusters[0].members.len(), 3);
    assert_eq!(world.violations, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn creates_at_once_found_one_cluster() {
    for is_one_process in [true, false] {
        let lab = Lab::new(empty_world());
        let shared = Locks::default();
        let locks = || {
            if is_one_process {
                shared.clone()
            } else {
                Locks::default()
            }
        };
        create_at_once(&lab, [M3, M1, M2], &locks).await;
        let world = lab.world();
        assert_eq!(world.clusters.len(), 1);
        assert_eq!(world.clusters[0].members.len(), 3);
        assert_eq!(world.violations, Vec::<String>::new());
        assert!(!world.is_locked());
    }
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_joins_twice_at_once_joins_once() {
    let lab = Lab::new(initialised().await);
    let spec = worker(&lab);
    let (one, other) = (new_run(&lab, W1), new_run(&lab, W1));
    let (one_process, other_process) = (Locks::default(), Locks::default());
    let (first, second) = tokio::join!(
        create_worker(&one, &spec, &one_process, None),
        create_worker(&other, &spec, &other_process, None),
    );
    assert_eq!(first.unwrap().node_name, second.unwrap().node_name);
    let world = lab.world();
    let joins = world
        .log
        .iter()
        .filter(|(at, title)| at == W1 && *title == "start detached command");
    assert_eq!(joins.count(), 1);
    assert_eq!(world.violations, Vec::<String>::new());
    assert!(!world.is_locked());
}

#[tokio::test(start_paused = true)]
async fn a_node_of_somebody_else_is_refused_and_not_touched() {
    let mut world = initialised().await;
    world.clusters[0].endpoint = ENDPOINT.to_owned();
    for address in [M2, W1] {
        let files = &mut world.machines.get_mut(address).unwrap().files;
        files.insert("/etc/kubernetes/kubelet.conf".to_owned(), "theirs".to_owned());
        files.insert("/etc/kubernetes/pki/ca.crt".to_owned(), "theirs".to_owned());
        files.insert("/var/lib/kubelet/config.yaml".to_owned(), "theirs".to_owned());
    }
    let lab = Lab::new(world);
    let before = lab.world().summary();
    let master = create_master(
        &new_run(&lab, M2),
        &symmetric_master(&lab, M2),
        &Locks::default(),
        None,
    )
    .await;
    let node = create_worker(&new_run(&lab, W1), &worker(&lab), &Locks::default(), None).await;
    for refused in [master, node] {
        assert_eq!(refused.unwrap_err().summary, "Host belongs to another cluster");
    }
    assert_eq!(lab.world().summary(), before);
}
