//! Drill: a node that was finished is not reset by steps that take it for one that was begun.
use super::{
    link::Lab,
    operations::{ENDPOINT, M1, M2, Operation, W1, new_run, symmetric_master},
};
use crate::{
    kubeadm::{Version, ca_cert_hash},
    lifecycle::{
        cluster::Cluster,
        engine::{Act, Step},
        host::read_facts,
        stages::{Held, Plan, Stage, run_plan},
        steps::join::{ControlPlane, FinishJoin, KubeadmInit, KubeadmJoin},
    },
};

/// A world in which `at` is a finished node, and the step that would join it.
async fn joined(operation: Operation, at: &str) -> (Lab, KubeadmJoin) {
    let lab = Lab::new(operation.world_before().await);
    operation.run(&lab).await.unwrap();
    let facts = read_facts(&lab.host(at)).await.unwrap();
    let ca_cert_pem = facts.kubernetes.ca_pem.clone().unwrap();
    assert!(ca_cert_hash(&ca_cert_pem).is_ok());
    let version: Version = "1.37.2".parse().unwrap();
    let node = symmetric_master(&lab, M1).node.node_spec(&facts, &lab.host(at));
    let control_plane = (at != W1).then(|| ControlPlane {
        advertise_address: at.parse().unwrap(),
        kubernetes_version: version.clone(),
    });
    let join = KubeadmJoin {
        kubeadm: version,
        cluster: Cluster::at(lab.host(M1)),
        endpoint: ENDPOINT.parse().unwrap(),
        ca_cert_pem,
        node,
        control_plane,
    };
    (lab, join)
}

/// Runs the step on the finished node, and undoes it; nothing changes.
async fn spares(lab: &Lab, at: &str, step: Box<dyn Step>) {
    let before = lab.world().summary();
    let run = new_run(lab, at);
    step.undo(Act::on(&run)).await.unwrap();
    assert_eq!(lab.world().summary(), before, "{} was undone", step.title());
    let plan = Plan::new([Stage::under_host_lock([Some(step)])]);
    let failed = run_plan(&run, &plan, Held::default()).await.unwrap_err();
    assert_eq!(lab.world().summary(), before, "{failed}");
    assert_eq!(lab.world().violations, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_finished_node_is_not_reset_by_a_join() {
    for (operation, at) in [(Operation::CreateSecondMaster, M2), (Operation::CreateWorker, W1)] {
        let (lab, join) = joined(operation, at).await;
        spares(&lab, at, Box::new(join.clone())).await;
        spares(&lab, at, Box::new(FinishJoin { join })).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_founder_is_not_reset_by_an_init() {
    let (lab, KubeadmJoin { kubeadm, node, .. }) = joined(Operation::CreateFirstMaster, M1).await;
    let cluster = symmetric_master(&lab, M1).cluster.unwrap();
    let init = KubeadmInit {
        kubeadm,
        cluster,
        node,
    };
    spares(&lab, M1, Box::new(init)).await;
}
