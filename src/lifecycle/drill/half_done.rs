//! Drill: kubeadm itself fails half-done, hosts lose power under it, and what it leaves is cleaned by the next run.
use tokio_util::sync::CancellationToken;

use super::{
    detached::end_reset,
    link::Lab,
    operations::{
        M1, M2, M3, Operation, W1, empty_world, leaving, loadbalancer, new_run, symmetric_master, worker,
    },
    tell,
    world::{Fault, FaultKind, World},
};
use crate::lifecycle::{
    create::{create_master, create_worker},
    loadbalancer::{apply_loadbalancer, remove_loadbalancer},
    lock::Locks,
    remove::{Departures, remove_master, remove_worker},
    spec::IfUnreachable,
};

const CREATES: [Operation; 4] = [
    Operation::CreateFirstMaster,
    Operation::CreateSecondMaster,
    Operation::JoinSecondMaster,
    Operation::CreateWorker,
];

async fn undisturbed(operation: Operation, before: &World) -> String {
    let lab = Lab::new(before.clone());
    operation.run(&lab).await.unwrap();
    lab.world().summary()
}

#[tokio::test(start_paused = true)]
async fn a_failed_kubeadm_leaves_nothing_and_the_next_run_converges() {
    for operation in CREATES {
        let before = operation.world_before().await;
        let lab = Lab::new(before.clone());
        lab.world().kubeadm_fails = 1;
        let failure = operation.run(&lab).await.unwrap_err();
        assert!(
            failure.summary.starts_with("kubeadm "),
            "{operation:?}: {failure}"
        );
        assert!(
            failure.detail.contains("addon/kube-proxy"),
            "{operation:?}: {failure}"
        );
        assert_eq!(failure.host.as_deref(), Some(operation.target()));
        let mut cleaned = lab.world().clone();
        // Images that were pulled may stay, keepalived ends with its kubelet.
        cleaned.settle_vip();
        assert_eq!(
            cleaned.summary(),
            before.summary(),
            "{operation:?} left something"
        );
        operation.run(&lab).await.unwrap();
        let wanted = undisturbed(operation, &before).await;
        assert_eq!(lab.world().summary(), wanted, "{operation:?}");
        assert_eq!(lab.world().violations, Vec::<String>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_has_the_kubelets_last_words() {
    for operation in CREATES {
        let lab = Lab::new(operation.world_before().await);
        lab.world().kubeadm_fails = 1;
        lab.world()
            .machines
            .get_mut(operation.target())
            .unwrap()
            .kubelet_log = "ActiveState=activating\nSubState=auto-restart\nNRestarts=3\n\n\
             E1125 09:41:00.1 1 run.go:72] \"command failed\" err=\"failed to parse kubelet flag: unknown flag: --network-plugin\"\n"
            .to_owned();
        let failure = operation.run(&lab).await.unwrap_err();
        assert!(
            failure.detail.contains("unknown flag: --network-plugin"),
            "{failure}"
        );
        assert_eq!(failure.attribute, Some("kubelet_extra_args"), "{operation:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_join_that_fails_after_the_vote_takes_its_member_back() {
    for operation in [Operation::CreateSecondMaster, Operation::JoinSecondMaster] {
        let before = operation.world_before().await;
        let lab = Lab::new(before.clone());
        lab.world().kubeadm_fails = 1;
        lab.world().kubeadm_fails_late = true;
        let failure = operation.run(&lab).await.unwrap_err();
        assert_eq!(failure.summary, "kubeadm join failed");
        assert_eq!(failure.step, Some("wait for kubeadm join to end"));
        let mut cleaned = lab.world().clone();
        cleaned.settle_vip();
        assert_eq!(cleaned.summary(), before.summary());
        operation.run(&lab).await.unwrap();
        let wanted = undisturbed(operation, &before).await;
        assert_eq!(lab.world().summary(), wanted);
    }
}

/// What happens on the target while the provider is away.
#[derive(Clone, Copy, Debug)]
enum Meanwhile {
    KubeadmFails,
    HostLosesPower,
}

#[tokio::test(start_paused = true)]
async fn converges_when_kubeadm_fails_or_power_is_cut_while_the_provider_is_dead() {
    let mut wrong = Vec::new();
    let mut total = 0;
    for operation in Operation::ALL {
        let before = operation.world_before().await;
        let wanted = undisturbed(operation, &before).await;
        for meanwhile in [Meanwhile::KubeadmFails, Meanwhile::HostLosesPower] {
            for at in 0.. {
                let lab = Lab::new(before.clone());
                lab.world().kubeadm_fails = usize::from(matches!(meanwhile, Meanwhile::KubeadmFails));
                lab.world().fault = Some(Fault::new(at, FaultKind::KillAfter));
                let _ = operation.run_until(&lab, CancellationToken::new()).await;
                let Some(title) = lab.world().fault.take().and_then(|fault| fault.hit) else {
                    break;
                };
                total += 1;
                match meanwhile {
                    Meanwhile::KubeadmFails => lab.world().let_time_pass(),
                    Meanwhile::HostLosesPower => lab.world().lose_power(operation.target()),
                }
                lab.world().kubeadm_fails = 0;
                let next = operation.run(&lab).await;
                let world = lab.world();
                let same = world.summary() == wanted;
                if next.is_err() || !same || !world.violations.is_empty() {
                    let failure = next.err().map(|failure| failure.to_string());
                    wrong.push(format!(
                        "{operation:?}, {meanwhile:?} after script {at} ({title}): {failure:?}, same: {same}, {:?}",
                        world.violations
                    ));
                }
            }
        }
    }
    tell(&format!(
        "{total} times kubeadm fails or power is cut while the provider is dead"
    ));
    assert!(total > 1000, "only {total} times");
    assert!(
        wrong.is_empty(),
        "{} of {total} went wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[tokio::test(start_paused = true)]
async fn a_member_that_reset_forgot_is_removed() {
    let before = Operation::RemoveMasterOfThree.world_before().await;
    let lab = Lab::new(before.clone());
    lab.world().reset_keeps_member = true;
    Operation::RemoveMasterOfThree.run(&lab).await.unwrap();
    let wanted = undisturbed(Operation::RemoveMasterOfThree, &before).await;
    assert_eq!(lab.world().summary(), wanted);
    assert_eq!(lab.world().violations, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_member_that_reset_forgot_costs_two_masters_no_quorum() {
    let lab = Lab::new(Operation::CreateSecondMaster.world_before().await);
    Operation::CreateSecondMaster.run(&lab).await.unwrap();
    lab.world().reset_keeps_member = true;
    let leaving = leaving(&lab, "m2", Some(M2));
    remove_master(
        &new_run(&lab, M2),
        &leaving,
        &Locks::default(),
        &Departures::default(),
    )
    .await
    .unwrap();
    assert_eq!(lab.world().violations, Vec::<String>::new());
    assert_eq!(lab.world().clusters[0].members.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_orphan_member_of_a_reinstalled_host_is_removed_before_it_joins() {
    let lab = Lab::new(Operation::RemoveMasterOfThree.world_before().await);
    {
        let mut world = lab.world();
        let fresh = super::world::Machine::new("m3", M3);
        world.machines.insert(
            M3.to_owned(),
            super::world::Machine {
                identity: "new".to_owned(),
                ..fresh
            },
        );
        world.clusters[0].nodes.remove("m3");
    }
    create_master(
        &new_run(&lab, M3),
        &symmetric_master(&lab, M3),
        &Locks::default(),
        None,
    )
    .await
    .unwrap();
    let world = lab.world();
    assert_eq!(world.clusters.len(), 1);
    assert_eq!(world.clusters[0].members.len(), 3);
    assert!(world.clusters[0].members.iter().all(|member| !member.is_learner));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_a_person_reset_is_made_again() {
    for operation in CREATES {
        let before = operation.world_before().await;
        let lab = Lab::new(before.clone());
        operation.run(&lab).await.unwrap();
        let scripts = lab.world().log.len();
        // Also in the middle of the create: a good result lies there, and what it stands for is gone.
        for at in 0..=scripts {
            let lab = Lab::new(before.clone());
            lab.world().fault = Some(Fault::new(at, FaultKind::KillAfter));
            let _ = operation.run(&lab).await;
            lab.world().fault = None;
            lab.world().let_time_pass();
            end_reset(&mut lab.world(), operation.target());
            operation
                .run(&lab)
                .await
                .unwrap_or_else(|failure| panic!("{operation:?} {at}: {failure}"));
            let world = lab.world();
            let cluster = world.machines[operation.target()].cluster;
            assert!(
                cluster.is_some(),
                "{operation:?} after script {at}: the host is no node"
            );
            let nodes = &world.clusters[cluster.unwrap()].nodes;
            assert!(
                nodes.contains_key(&world.machines[operation.target()].name),
                "{operation:?} {at}"
            );
            assert_eq!(world.violations, Vec::<String>::new(), "{operation:?} {at}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_whole_life_leaves_nothing_and_can_be_lived_again() {
    let lab = Lab::new(empty_world());
    let empty = lab.world().summary();
    let mut alive = Vec::new();
    for _life in 0..2 {
        let locks = Locks::default();
        for master in [M1, M2, M3] {
            apply_loadbalancer(&new_run(&lab, master), &loadbalancer(master), &[], None)
                .await
                .unwrap();
        }
        for master in [M1, M2, M3] {
            create_master(
                &new_run(&lab, master),
                &symmetric_master(&lab, master),
                &locks,
                None,
            )
            .await
            .unwrap();
        }
        lab.world().forget_dead_clusters();
        create_worker(&new_run(&lab, W1), &worker(&lab), &Locks::default(), None)
            .await
            .unwrap();
        alive.push(lab.world().summary());
        remove_worker(&new_run(&lab, W1), &leaving(&lab, "w1", None), &Locks::default())
            .await
            .unwrap();
        for (name, master) in [("m1", M1), ("m3", M3), ("m2", M2)] {
            let leaving = leaving(&lab, name, Some(master));
            remove_master(&new_run(&lab, master), &leaving, &locks, &Departures::default())
                .await
                .unwrap();
        }
        for master in [M1, M2, M3] {
            remove_loadbalancer(&new_run(&lab, master), IfUnreachable::default(), "")
                .await
                .unwrap();
        }
        assert_eq!(lab.world().summary(), empty);
        assert_eq!(lab.world().violations, Vec::<String>::new());
    }
    assert_eq!(alive[0], alive[1]);
}
