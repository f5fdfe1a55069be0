//! Drill: firewalls between the hosts. What is closed is named before anything is changed; once it is open, the next
//! apply goes on.
use super::{
    answer_network::VRRP,
    link::Lab,
    operations::{M1, M2, M3, Operation, W1, hosts, joining_master, loadbalancer, new_run},
};
use crate::lifecycle::{
    create::check_master,
    failure::{Failure, failure_of},
    loadbalancer::apply_loadbalancer,
    network::prove_floating_ip,
};

/// What the operation says of a port that is closed on one host, after which it was opened again.
async fn closed(operation: Operation, to: &str, port: u16) -> Failure {
    let lab = Lab::new(operation.world_before().await);
    let before = lab.world().summary();
    lab.world().closed.insert((to.to_owned(), port));
    let failure = operation.run(&lab).await.unwrap_err();
    assert_eq!(lab.world().writes, [], "{operation:?} {port}");
    assert_eq!(lab.world().summary(), before, "{operation:?} {port}");
    lab.world().closed.clear();
    operation.run(&lab).await.unwrap();
    failure
}

#[tokio::test]
async fn each_port_is_named_in_both_directions() {
    for operation in [
        Operation::CreateFirstMaster,
        Operation::CreateSecondMaster,
        Operation::JoinSecondMaster,
    ] {
        let other = if operation.target() == M1 { M2 } else { M1 };
        for (to, from) in [(other, operation.target()), (operation.target(), other)] {
            for (port, purpose) in [
                (6443, "the API server"),
                (2379, "etcd's clients"),
                (2380, "etcd's peers"),
                (10250, "the kubelet, for logs and exec"),
            ] {
                let failure = closed(operation, to, port).await;
                let line =
                    format!("{from} does not reach {to} on {port}/tcp ({purpose}): no answer within 4 s.\n");
                assert!(
                    failure.detail.contains(&line),
                    "{operation:?}: {}",
                    failure.detail
                );
                assert_eq!(failure.attribute, Some("host"));
            }
        }
    }
}

#[tokio::test]
async fn a_file_system_for_etcd_is_named_to_who_joins() {
    let lab = Lab::new(Operation::JoinSecondMaster.world_before().await);
    let before = lab.world().summary();
    let found = "/var/lib/etcd/lost+found".to_owned();
    let change = |lab: &Lab, is_there: bool| {
        let mut world = lab.world();
        let files = &mut world.machines.get_mut(M2).unwrap().files;
        if is_there {
            files.insert(found.clone(), String::new());
        } else {
            files.remove(&found);
        }
    };
    change(&lab, true);
    let checked = check_master(&lab.host(M2), &joining_master(&lab), None)
        .await
        .unwrap();
    assert!(
        failure_of(&checked.problems).is_none(),
        "the cluster's folder may be another"
    );
    let told = &checked.notices.first().unwrap().detail;
    assert!(
        told.contains("has lost+found") && told.contains("DirAvailable--var-lib-etcd"),
        "{told}"
    );
    lab.world().log.clear();
    let failure = Operation::JoinSecondMaster.run(&lab).await.unwrap_err();
    assert_eq!(failure.summary, "The folder for etcd is not empty");
    assert!(failure.detail.contains("has lost+found"), "{failure}");
    assert_eq!(failure.host.as_deref(), Some(M2));
    let ran: Vec<_> = lab.world().log.drain(..).map(|(_, title)| title).collect();
    assert!(!ran.contains(&"start detached command"), "{ran:?}");
    change(&lab, false);
    assert_eq!(lab.world().summary(), before, "nothing was changed");
    Operation::JoinSecondMaster.run(&lab).await.unwrap();
}

#[tokio::test]
async fn a_worker_and_its_cluster_reach_each_other() {
    let endpoint = closed(Operation::CreateWorker, "10.0.0.100", 8443).await;
    assert!(
        endpoint.detail.contains(&format!(
            "{W1} does not reach 10.0.0.100 on 8443/tcp (the API server's endpoint)"
        )),
        "{}",
        endpoint.detail
    );
    let kubelet = closed(Operation::CreateWorker, W1, 10250).await;
    assert!(
        kubelet
            .detail
            .contains(&format!("does not reach {W1} on 10250/tcp")),
        "{}",
        kubelet.detail
    );
}

#[tokio::test]
async fn a_port_that_is_closed_on_purpose_can_be_left_out() {
    let lab = Lab::new(Operation::CreateWorker.world_before().await);
    lab.world().closed.insert((W1.to_owned(), 10250));
    let mut spec = super::operations::worker(&lab);
    spec.node.kubeadm.ignore_preflight_errors = vec!["Reach-10250".to_owned(), "Swap".to_owned()];
    crate::lifecycle::create_worker(
        &new_run(&lab, W1),
        &spec,
        &crate::lifecycle::Locks::default(),
        None,
    )
    .await
    .unwrap();
}

#[tokio::test]
async fn vrrp_that_does_not_pass_is_named_before_keepalived_runs() {
    let lab = Lab::new(Operation::ApplyLoadbalancer.world_before().await);
    lab.world().closed.insert((M2.to_owned(), VRRP));
    let others = hosts(&lab, &[M2, M3]);
    let failure = apply_loadbalancer(&new_run(&lab, M1), &loadbalancer(M1), &others, None)
        .await
        .unwrap_err();
    let line = format!("VRRP (IP protocol 112) of {M1} does not reach {M2}: no answer within 4 s.");
    assert!(failure.detail.contains(&line), "{}", failure.detail);
    assert!(
        !failure.detail.contains(&format!("of {M2} does not reach")),
        "{}",
        failure.detail
    );
    lab.world().closed.clear();
    apply_loadbalancer(&new_run(&lab, M1), &loadbalancer(M1), &others, None)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_member_that_is_down_says_nothing_of_the_ports_between() {
    let lab = Lab::new(Operation::ApplyLoadbalancer.world_before().await);
    lab.world().closed.extend([
        (M2.to_owned(), 6443),
        (M2.to_owned(), 8443),
        (M2.to_owned(), VRRP),
    ]);
    lab.world().silence(M2);
    let others = hosts(&lab, &[M2, M3]);
    apply_loadbalancer(&new_run(&lab, M1), &loadbalancer(M1), &others, None)
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_second_holder_of_the_floating_ip_is_told_beside_the_master_that_was_made() {
    let lab = Lab::new(Operation::CreateSecondMaster.world_before().await);
    Operation::CreateSecondMaster.run(&lab).await.unwrap();
    let (run, others) = (new_run(&lab, M2), hosts(&lab, &[M1, M2, M3]));
    assert_eq!(prove_floating_ip(&run, &others).await, None);
    lab.world().machines.get_mut(M3).unwrap().has_vip_too = true;
    let told = prove_floating_ip(&run, &others).await.unwrap();
    assert_eq!(told.summary, "The floating IP is on several hosts");
    for has_it in [M1, M3] {
        assert!(
            told.detail.contains(&format!("- {has_it}: has it")),
            "{}",
            told.detail
        );
    }
    // Somebody stops the run: there is no time for a proof.
    run.cancel.cancel();
    assert_eq!(prove_floating_ip(&run, &others).await, None);
}

#[tokio::test]
async fn a_join_that_fails_says_which_port_is_closed_by_then() {
    let lab = Lab::new(Operation::JoinSecondMaster.world_before().await);
    lab.world().closed.insert((M1.to_owned(), 2380));
    lab.world().kubeadm_fails = 1;
    let run = new_run(&lab, M2);
    let spec = super::operations::joining_master(&lab);
    // The plan of this very apply has looked, before the port was closed.
    let looked = crate::lifecycle::host::read_facts(&run.host).await.unwrap();
    let failure =
        crate::lifecycle::create_master(&run, &spec, &crate::lifecycle::Locks::default(), Some(looked))
            .await
            .unwrap_err();
    assert_eq!(failure.step, Some("kubeadm join"));
    assert!(
        failure
            .detail
            .contains(&format!("{M2} does not reach {M1} on 2380/tcp")),
        "{}",
        failure.detail
    );
}
