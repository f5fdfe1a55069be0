//! Drill: machines that still set themselves up when they are asked to become nodes.
use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    link::Lab,
    operations::{M1, Operation, new_run, symmetric_master},
    world::{Fault, FaultKind},
};
use crate::{
    lifecycle::{
        create::{check_master, create_master},
        engine::{Progress, Run},
        failure::{FailureKind, failure_of},
        lock::Locks,
    },
    preflight::Severity,
};

const OPERATIONS: [Operation; 5] = [
    Operation::CreateFirstMaster,
    Operation::CreateSecondMaster,
    Operation::JoinSecondMaster,
    Operation::CreateWorker,
    Operation::ApplyLoadbalancer,
];

async fn busy(operation: Operation, looks: usize) -> Lab {
    let lab = Lab::new(operation.world_before().await);
    lab.world()
        .machines
        .get_mut(operation.target())
        .unwrap()
        .setup_looks = looks;
    lab
}

/// The script that asks how far the set-up is.
const LOOK: &str = "look at the machine's set-up";

#[tokio::test(start_paused = true)]
async fn a_machine_that_sets_itself_up_is_waited_for() {
    for operation in OPERATIONS {
        let plain = busy(operation, 0).await;
        operation.run(&plain).await.unwrap();
        let lab = busy(operation, 5).await;
        let log = tempfile::NamedTempFile::new().unwrap();
        let progress = Arc::new(Progress::to_file(log.path()).unwrap());
        operation.run_logged(&lab, progress).await.unwrap();
        assert_eq!(lab.world().summary(), plain.world().summary(), "{operation:?}");
        let told = std::fs::read_to_string(log.path()).unwrap();
        let waits = told.lines().next().unwrap();
        assert!(waits.contains("cloud-init (stage modules-final)"), "{told}");
        assert!(waits.contains("apt-get (process 812)"), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_machine_may_start_anew_meanwhile() {
    for operation in OPERATIONS {
        let undisturbed = busy(operation, 3).await;
        operation.run(&undisturbed).await.unwrap();
        let log = undisturbed.world().log.clone();
        let is_look = |(_, title): &(String, &str)| *title == LOOK;
        let first = log.iter().position(is_look).unwrap();
        let last = log.iter().rposition(is_look).unwrap();
        // When cloud-init is done it may let the machine start anew, just before the facts are read again.
        assert_eq!(log[last + 1].1, "read facts", "{operation:?}");
        for (at, (_, title)) in log.iter().enumerate().take(last + 2).skip(first) {
            for kind in [FaultKind::CutBefore, FaultKind::CutAfter, FaultKind::GoesDown(20)] {
                let lab = busy(operation, 3).await;
                lab.world().fault = Some(Fault::new(at, kind.clone()));
                operation
                    .run(&lab)
                    .await
                    .unwrap_or_else(|failure| panic!("{operation:?} {at} {kind:?}: {failure}"));
                let hit = lab.world().fault.take().and_then(|fault| fault.hit);
                assert_eq!(hit, Some(*title), "{operation:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_it_is_said_who_was_at_work() {
    for operation in OPERATIONS {
        let lab = busy(operation, usize::MAX).await;
        let before = lab.world().summary();
        let begun = Instant::now();
        let failure = operation.run(&lab).await.unwrap_err();
        let took = begun.elapsed();
        assert_eq!(failure.summary, "Machine still sets itself up");
        assert_eq!(failure.host.as_deref(), Some(operation.target()));
        assert!(
            failure
                .detail
                .contains("apt-get (process 812), which holds /var/lib/dpkg/lock-frontend"),
            "{failure}"
        );
        assert!(failure.detail.contains("kubelet"), "{failure}");
        assert!((600..660).contains(&took.as_secs()), "{took:?}");
        assert_eq!(lab.world().summary(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn the_operations_own_time_ends_the_wait_too() {
    let lab = busy(Operation::CreateFirstMaster, usize::MAX).await;
    let run = Run {
        deadline: Instant::now() + Duration::from_secs(60),
        ..new_run(&lab, M1)
    };
    let failure = create_master(&run, &symmetric_master(&lab, M1), &Locks::default(), None)
        .await
        .unwrap_err();
    assert_eq!(
        (failure.summary, failure.kind),
        ("Machine still sets itself up", FailureKind::Permanent)
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_set_up_did_not_bring_is_told_all_at_once() {
    for operation in OPERATIONS {
        if operation == Operation::ApplyLoadbalancer {
            continue;
        }
        let lab = busy(operation, 2).await;
        lab.world()
            .machines
            .get_mut(operation.target())
            .unwrap()
            .lacks_kubeadm = true;
        let failure = operation.run(&lab).await.unwrap_err();
        assert_eq!(
            failure.summary, "Host does not meet the requirements",
            "{operation:?}"
        );
        assert_eq!(failure.host.as_deref(), Some(operation.target()));
        assert!(failure.detail.contains("kubeadm is not installed"), "{failure}");
        assert!(failure.detail.contains("knows no kubelet.service"), "{failure}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_only_warns() {
    let lab = busy(Operation::CreateFirstMaster, 1).await;
    let checked = check_master(&lab.host(M1), &symmetric_master(&lab, M1), None)
        .await
        .unwrap();
    assert!(failure_of(&checked.problems).is_none(), "{:?}", checked.problems);
    assert!(
        checked
            .problems
            .iter()
            .any(|problem| problem.severity == Severity::Warning)
    );
    let notice = checked.notices.first().unwrap();
    assert!(
        notice.detail.contains("looks again") && notice.detail.contains("kubeadm"),
        "{}",
        notice.detail
    );
    lab.world().machines.get_mut(M1).unwrap().setup_looks = 0;
    let checked = check_master(&lab.host(M1), &symmetric_master(&lab, M1), None)
        .await
        .unwrap();
    assert_eq!(checked.notices, []);
}
