//! A `kubeadm join` of a master while it runs: when it has changed etcd's membership, and when it has ended.
//!
//! kubeadm goes on for some seconds after the new member votes. Only until then nobody else may change membership.
use std::time::Duration;

use super::{
    detached::{KUBEADM_JOIN, look},
    failure::Failure,
    step::Run,
};
use crate::{command::Script, etcd, node::detached::Progress, remote::Host};

/// Between two looks; the look itself waits on the host for the command's end.
const LOOK: Duration = Duration::from_millis(300);

/// How far a join is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Joined {
    /// The new member votes and answers; kubeadm goes on.
    Votes,
    /// kubeadm does not run (any more).
    Ended(Progress),
}

/// Waits until the `kubeadm join` on the host leaves etcd's membership alone: it has ended, or the new member votes
/// and answers on its client port, which the next join asks.
///
/// For its own host's kubeadm a run waits to the end, also when it is cancelled: the state can hold what was made.
/// For another host's it gives up when it is cancelled or its time is over.
pub async fn await_vote(run: &Run, host: &Host) -> Result<Joined, Failure> {
    let is_own = host.name() == run.host.name();
    loop {
        let progress = look(host, KUBEADM_JOIN, LOOK).await?;
        if progress != Progress::Running {
            return Ok(Joined::Ended(progress));
        }
        if votes(host).await? {
            return Ok(Joined::Votes);
        }
        if !is_own && run.cancel.is_cancelled() {
            return Err(Failure::cancelled().on(host.name()));
        }
        if !is_own && run.remaining().is_zero() {
            let detail = "kubeadm join runs there, and etcd takes one new member at a time.";
            return Err(Failure::new("Another master's join takes too long", detail).on(host.name()));
        }
    }
}

/// Whether the host's own etcd member answers, has a leader and votes.
pub async fn votes(host: &Host) -> Result<bool, Failure> {
    let script = Script::new("etcd status", etcd::own_status_command());
    let output = host.run(&script).await?;
    let status = etcd::parse_status(&output.stdout);
    Ok(status
        .iter()
        .any(|member| member.is_healthy && !member.is_learner))
}
