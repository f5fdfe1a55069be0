//! Drill: the cluster's lock does not wait for dead hosts again and again, and still excludes where a host has come back.
use std::{future::pending, time::Duration};

use tokio::time::{Instant, timeout};

use super::{
    link::Lab,
    operations::{ENDPOINT, M1, M2, M3, Operation, new_run},
};
use crate::{
    lifecycle::{engine::Run, lock::Locks},
    remote::Host,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// A cluster of three masters, of which the last is dead, and one process's hosts.
async fn with_a_dead_master() -> (Lab, Run, Vec<Host>) {
    let lab = Lab::new(Operation::RemoveMasterOfThree.world_before().await);
    lab.world().silence(M3);
    lab.world().connect_timeout = CONNECT_TIMEOUT;
    let run = new_run(&lab, M1);
    let hosts = [M1, M2, M3].map(|address| lab.host(address)).to_vec();
    (lab, run, hosts)
}

/// Locks and unlocks; how long the lock took, and whether it was on all hosts.
async fn lock(run: &Run, hosts: &[Host]) -> (Duration, bool) {
    let begin = Instant::now();
    let lock = Locks::default().lock(run, ENDPOINT, hosts).await.unwrap();
    let took = begin.elapsed();
    (took, lock.around(async |lock| lock.covers(hosts)).await)
}

#[tokio::test(start_paused = true)]
async fn a_dead_host_is_waited_for_once() {
    let (lab, run, hosts) = with_a_dead_master().await;
    assert_eq!(lock(&run, &hosts).await, (CONNECT_TIMEOUT, false));
    for _ in 0..3 {
        let (took, _) = lock(&run, &hosts).await;
        assert!(took <= Duration::from_secs(3), "{took:?}");
    }
    // What was silent a while ago may need its time.
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(lock(&run, &hosts).await, (CONNECT_TIMEOUT, false));

    lab.world().come_back(M3);
    let (took, is_on_all) = lock(&run, &hosts).await;
    assert!(took.is_zero() && is_on_all, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_host_that_has_come_back_excludes_as_any_other() {
    let (lab, run, hosts) = with_a_dead_master().await;
    lock(&run, &hosts).await;
    lab.world().come_back(M3);
    // Another process, from which only that host is reached.
    let other = Locks::default()
        .lock(&new_run(&lab, M3), ENDPOINT, &[lab.host(M3)])
        .await
        .unwrap();
    let begin = Instant::now();
    let held = Duration::from_secs(10);
    let ((), (_, is_on_all)) = tokio::join!(
        other.around(async |_| drop(timeout(held, pending::<()>()).await)),
        lock(&run, &hosts),
    );
    assert!(is_on_all && begin.elapsed() >= held, "{:?}", begin.elapsed());
}
