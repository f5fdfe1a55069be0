//! Drill: masters and workers leave while hosts are dead: what is refused, what is cleaned, and that a whole cluster can
//! always be destroyed.
use futures::future::join_all;

use super::{
    link::Lab,
    operations::{M1, M2, M3, MASTERS, Operation, W1, leaving, new_run, symmetric_master, worker},
    world::World,
};
use crate::lifecycle::{
    create::{create_master, create_worker},
    failure::{Failure, FailureKind},
    lock::Locks,
    notice::Notice,
    remove::{Departures, foresee_removal, remove_master, remove_worker},
    spec::{IfUnreachable, RemovalSpec},
};

/// A run of Terraform: one process.
#[derive(Default)]
struct Process {
    locks: Locks,
    departures: Departures,
}

impl Process {
    async fn remove(&self, lab: &Lab, master: &str) -> Result<Vec<Notice>, Failure> {
        self.remove_with(lab, master, IfUnreachable::CleanCluster).await
    }

    async fn remove_with(
        &self,
        lab: &Lab,
        master: &str,
        if_unreachable: IfUnreachable,
    ) -> Result<Vec<Notice>, Failure> {
        let leaving = RemovalSpec {
            if_unreachable,
            ..leaving(lab, &name(master), Some(master))
        };
        remove_master(&new_run(lab, master), &leaving, &self.locks, &self.departures).await
    }
}

fn name(master: &str) -> String {
    format!("m{}", &master[8..])
}

/// A cluster of three masters, of which these are dead.
async fn with_dead(dead: &[&str]) -> Lab {
    let lab = Lab::new(Operation::RemoveMasterOfThree.world_before().await);
    for master in dead {
        lab.world().silence(master);
    }
    lab
}

fn summaries(notices: &[Notice]) -> Vec<&'static str> {
    notices.iter().map(|notice| notice.summary).collect()
}

const CLEANED: &str = "Host not reached, cluster cleaned of it";
const RELEASED: &str = "Node left a cluster that could not take it out";

#[tokio::test(start_paused = true)]
async fn a_living_master_does_not_leave_a_dead_one_behind() {
    let lab = with_dead(&[M3]).await;
    let before = lab.world().summary();
    let refused = Process::default().remove(&lab, M2).await.unwrap_err();
    assert_eq!(refused.summary, "Removal would cost etcd its quorum");
    insta::assert_snapshot!(refused.detail);
    assert_eq!(lab.world().summary(), before);
}

#[tokio::test(start_paused = true)]
async fn the_only_living_master_does_not_leave_alone() {
    let lab = with_dead(&[M2, M3]).await;
    let before = lab.world().summary();
    let refused = Process::default().remove(&lab, M1).await.unwrap_err();
    assert_eq!(refused.summary, "Removal would cost etcd its quorum");
    assert_eq!(lab.world().summary(), before);
}

#[tokio::test(start_paused = true)]
async fn a_dead_master_leaves_and_what_is_left_is_told() {
    let lab = with_dead(&[M2]).await;
    let process = Process::default();
    let notices = process.remove(&lab, M2).await.unwrap();
    assert_eq!(summaries(&notices), [CLEANED]);
    insta::assert_snapshot!(notices[0].detail);
    {
        let world = lab.world();
        assert_eq!(world.clusters[0].members.len(), 2);
        assert!(!world.clusters[0].nodes.contains_key("m2"));
        assert_eq!(world.violations, Vec::<String>::new());
    }
    // It may leave now, and two healthy ones may become one.
    process.remove(&lab, M3).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn only_a_silent_host_counts_as_unreachable() {
    let lab = with_dead(&[]).await;
    lab.world().machines.get_mut(M2).unwrap().is_locked = true;
    let before = lab.world().summary();
    for policy in [
        IfUnreachable::CleanCluster,
        IfUnreachable::Forget,
        IfUnreachable::Fail,
    ] {
        let failure = Process::default()
            .remove_with(&lab, M2, policy)
            .await
            .unwrap_err();
        assert_eq!(failure.summary, "SSH key not accepted");
    }
    assert_eq!(lab.world().summary(), before);
}

#[tokio::test(start_paused = true)]
async fn fail_and_forget_change_nothing() {
    let lab = with_dead(&[M2]).await;
    let before = lab.world().summary();
    let failure = Process::default()
        .remove_with(&lab, M2, IfUnreachable::Fail)
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unreachable);
    assert!(failure.advice.contains("clean_cluster"), "{}", failure.advice);
    let notices = Process::default()
        .remove_with(&lab, M2, IfUnreachable::Forget)
        .await
        .unwrap();
    assert_eq!(summaries(&notices), ["Host not reached, node forgotten"]);
    assert!(
        notices[0]
            .detail
            .contains("the Node m2 and its etcd member at 10.0.0.12"),
        "{}",
        notices[0].detail
    );
    assert_eq!(lab.world().summary(), before);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_cleaned_where_nobody_answers() {
    let lab = with_dead(&MASTERS).await;
    let failure = Process::default().remove(&lab, M1).await.unwrap_err();
    assert_eq!(failure.summary, "Host not reached, and no master either");
    for master in MASTERS {
        let forgotten = Process::default()
            .remove_with(&lab, master, IfUnreachable::Forget)
            .await;
        assert_eq!(forgotten.unwrap().len(), 1);
    }
}

/// All sets of dead masters but the one of all.
fn deaths() -> Vec<Vec<&'static str>> {
    let all = (0..7_usize).map(|bits| {
        let dead = MASTERS
            .iter()
            .enumerate()
            .filter(|(index, _)| bits & (1 << index) != 0);
        dead.map(|(_, master)| *master).collect()
    });
    all.collect()
}

fn assert_destroyed(world: &World, dead: &[&str]) {
    let living = world
        .machines
        .values()
        .filter(|machine| !dead.contains(&machine.address.as_str()));
    for machine in living {
        assert_eq!(machine.cluster, None, "{} with {dead:?}", machine.name);
        let left: Vec<&String> = machine
            .files
            .keys()
            .filter(|path| {
                !path.contains("haproxy")
                    && !path.contains("keepalived")
                    && !path.ends_with("loadbalancer.json")
            })
            .collect();
        assert_eq!(left, Vec::<&String>::new(), "{} with {dead:?}", machine.name);
    }
    assert_eq!(world.violations, Vec::<String>::new(), "{dead:?}");
}

#[tokio::test(start_paused = true)]
async fn a_whole_cluster_is_destroyed_at_once_whoever_is_dead() {
    for dead in deaths() {
        let lab = with_dead(&dead).await;
        let process = Process::default();
        let all = join_all(MASTERS.map(|master| process.remove(&lab, master))).await;
        for (master, result) in MASTERS.into_iter().zip(all) {
            let notices = result.unwrap_or_else(|failure| panic!("{master} with {dead:?}: {failure}"));
            assert_eq!(
                notices.is_empty(),
                !dead.contains(&master),
                "{master} with {dead:?}: {notices:?}"
            );
        }
        assert_destroyed(&lab.world(), &dead);
    }
}

#[tokio::test(start_paused = true)]
async fn a_whole_cluster_is_destroyed_in_order_whoever_is_dead() {
    for dead in deaths() {
        for first in MASTERS {
            let lab = with_dead(&dead).await;
            let process = Process::default();
            let others = MASTERS.into_iter().filter(|master| *master != first);
            for result in join_all(others.map(|master| process.remove(&lab, master))).await {
                result.unwrap_or_else(|failure| panic!("{first} is first, with {dead:?}: {failure}"));
            }
            process
                .remove(&lab, first)
                .await
                .unwrap_or_else(|failure| panic!("{first} is first, with {dead:?}: {failure}"));
            let mut world = lab.world();
            // What its quorum was lost to was asked for.
            world.violations.clear();
            assert_destroyed(&world, &dead);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_living_master_knows_in_a_later_run_who_was_destroyed_before() {
    let lab = with_dead(&[M2, M3]).await;
    for master in [M2, M3] {
        let notices = Process::default().remove(&lab, master).await.unwrap();
        assert_eq!(summaries(&notices), [RELEASED]);
    }
    let notices = Process::default().remove(&lab, M1).await.unwrap();
    assert_eq!(summaries(&notices), [""; 0]);
    assert_destroyed(&lab.world(), &[M2, M3]);
}

#[tokio::test(start_paused = true)]
async fn who_is_told_to_stay_holds_the_others() {
    let lab = with_dead(&[M3]).await;
    let process = Process::default();
    let (first, second, third) = tokio::join!(
        process.remove(&lab, M1),
        process.remove(&lab, M2),
        process.remove_with(&lab, M3, IfUnreachable::Fail)
    );
    assert_eq!(third.unwrap_err().kind, FailureKind::Unreachable);
    for refused in [first, second] {
        assert_eq!(refused.unwrap_err().summary, "Removal would cost etcd its quorum");
    }
    assert_eq!(lab.world().clusters[0].members.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_member_is_verified_also_when_the_reset_fails() {
    let lab = with_dead(&[]).await;
    lab.world().reset_fails = 1;
    let failure = Process::default().remove(&lab, M2).await.unwrap_err();
    assert_eq!(failure.summary, "kubeadm reset failed");
    let looks: Vec<&str> = lab.world().log.iter().map(|(_, title)| *title).collect();
    let reset = looks
        .iter()
        .rposition(|title| title.contains("detached"))
        .unwrap();
    assert!(looks[reset..].contains(&"etcd member list"), "{looks:?}");
    assert_eq!(lab.world().clusters[0].members.len(), 2);
    Process::default().remove(&lab, M2).await.unwrap();
    assert!(!lab.world().clusters[0].nodes.contains_key("m2"));
}

#[tokio::test(start_paused = true)]
async fn a_worker_leaves_a_cluster_that_lost_its_quorum() {
    let lab = Lab::new(Operation::RemoveMasterOfThree.world_before().await);
    create_worker(&new_run(&lab, W1), &worker(&lab), &Locks::default(), None)
        .await
        .unwrap();
    lab.world().silence(M2);
    lab.world().silence(M3);
    let notices = remove_worker(&new_run(&lab, W1), &leaving(&lab, "w1", None), &Locks::default())
        .await
        .unwrap();
    assert_eq!(summaries(&notices), [RELEASED]);
    assert_eq!(lab.world().machines[W1].cluster, None);
}

#[tokio::test(start_paused = true)]
async fn a_worker_does_not_leave_masters_that_nobody_reached() {
    let lab = Lab::new(Operation::RemoveMasterOfThree.world_before().await);
    create_worker(&new_run(&lab, W1), &worker(&lab), &Locks::default(), None)
        .await
        .unwrap();
    for master in MASTERS {
        lab.world().silence(master);
    }
    let own = leaving(&lab, "w1", None);
    let failure = remove_worker(&new_run(&lab, W1), &own, &Locks::default())
        .await
        .unwrap_err();
    assert_eq!(
        failure.summary,
        "No master answers that could let this node leave"
    );
    let forgets = RemovalSpec {
        if_unreachable: IfUnreachable::Forget,
        ..own
    };
    let notices = remove_worker(&new_run(&lab, W1), &forgets, &Locks::default())
        .await
        .unwrap();
    assert_eq!(summaries(&notices), ["Worker reset without its cluster"]);
    assert_eq!(lab.world().machines[W1].cluster, None);
}

#[tokio::test(start_paused = true)]
async fn a_master_comes_back_from_the_dead_and_is_joined_anew() {
    let lab = with_dead(&[M2]).await;
    Process::default().remove(&lab, M2).await.unwrap();
    lab.world().come_back(M2);
    let locks = Locks::default();
    create_master(&new_run(&lab, M2), &symmetric_master(&lab, M2), &locks, None)
        .await
        .unwrap();
    let world = lab.world();
    assert_eq!(world.clusters.len(), 1);
    assert_eq!(world.clusters[0].members.len(), 3);
    assert!(world.clusters[0].nodes["m2"].labels.contains_key("tier"));
    assert_eq!(world.violations, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_plan_foresees_what_apply_would_refuse() {
    let own = |lab: &Lab| leaving(lab, "m2", Some(M2));
    let lab = with_dead(&[]).await;
    assert_eq!(foresee_removal(&own(&lab)).await, None);
    let lab = with_dead(&[M2]).await;
    assert_eq!(foresee_removal(&own(&lab)).await, None);
    let lab = with_dead(&[M3]).await;
    let before = lab.world().summary();
    let warning = foresee_removal(&own(&lab)).await.unwrap();
    assert!(
        warning.detail.contains("Voters: m1, m2, m3. Healthy: m1, m2."),
        "{}",
        warning.detail
    );
    assert_eq!(lab.world().summary(), before);
}
