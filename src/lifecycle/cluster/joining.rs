//! A `kubeadm join` of a master while it runs: when it has changed etcd's membership, and when it has ended.
//!
//! kubeadm goes on for some seconds after the new member votes. Only until then nobody else may change membership.
use std::time::Duration;

use super::handle::Cluster;
use crate::{
    command::Look,
    etcd::{self, Member},
    lifecycle::{
        engine::Run,
        failure::Failure,
        host::{KUBEADM_JOIN, look},
    },
    node::detached::Progress,
    remote::Host,
};

/// Between two looks; the look itself waits on the host for the command's end.
const LOOK: Duration = Duration::from_millis(300);
/// The same at a join of another run, of which only the end matters.
const LONG_LOOK: Duration = Duration::from_secs(5);

/// How far a join is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Joined {
    /// The new member votes; kubeadm goes on.
    Votes,
    /// kubeadm does not run (any more).
    Ended(Progress),
}

/// Waits until the `kubeadm join` on the run's host leaves etcd's membership alone: it has ended, or the new one is a
/// member by the list that a master gives. Waits to the end also when the run is cancelled: the state can
/// hold what was made.
///
/// The new member's own answer is not waited for: etcd may take 7 s for its first one, if the proposal by which it
/// publishes itself is lost while it applies the leader's snapshot (`ReqTimeout` in etcd's server/config).
pub(crate) async fn await_vote(
    run: &Run,
    cluster: &Cluster,
    is_member: impl Fn(&[Member]) -> bool,
) -> Result<Joined, Failure> {
    loop {
        let progress = look(&run.host, KUBEADM_JOIN, LOOK).await?;
        if progress != Progress::Running {
            return Ok(Joined::Ended(progress));
        }
        // Who does not say says no: a cluster of two has no quorum until the second one votes.
        let script = Look::new("etcd member list", etcd::member_list_command());
        if let Ok(output) = cluster.via().await.look(&script).await
            && etcd::parse_member_list(&output.stdout).is_ok_and(|members| is_member(&members))
        {
            return Ok(Joined::Votes);
        }
    }
}

/// Waits until no `kubeadm join` runs on another host, unless the run is cancelled or its time is over.
pub(crate) async fn await_other(run: &Run, host: &Host) -> Result<(), Failure> {
    while look(host, KUBEADM_JOIN, LONG_LOOK).await? == Progress::Running {
        if run.cancel.is_cancelled() {
            return Err(Failure::cancelled().on(host.name()));
        }
        if run.remaining().is_zero() {
            let detail = "kubeadm join runs there, and etcd takes one new member at a time.";
            return Err(Failure::new("Another master's join takes too long", detail).on(host.name()));
        }
    }
    Ok(())
}
