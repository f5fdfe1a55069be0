//! Steps that take a node out of its cluster, seen from a master that stays.
use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use async_trait::async_trait;

use super::super::{
    failure::{Failure, FailureKind},
    membership::{Health, health, member_at, members, node_of, remove_member_at},
    step::{Check, Run, Step},
};
use crate::{
    etcd,
    kube::{Kubelet, delete_node_script, drain_script},
    kubeadm::Version,
    remote::Host,
};

/// Refuses to go on where the remaining members could not decide anything.
#[derive(Debug)]
pub struct GuardQuorum {
    /// The master that is asked.
    pub via: Host,
    /// Address of the member that is to leave.
    pub leaving: IpAddr,
}

#[async_trait]
impl Step for GuardQuorum {
    fn title(&self) -> &'static str {
        "check that etcd keeps its quorum"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        let health = health(run, &self.via).await?;
        let Some(victim) = member_at(&health.members, self.leaving).filter(|member| member.is_voter()) else {
            return Ok(Check::Done);
        };
        etcd::allow_removal(&health.voters(), &health.healthy, victim.id)
            .map(|()| Check::Done)
            .map_err(|refusal| removal_refused(&refusal, &health, &victim.name))
    }

    async fn perform(&self, _run: &Run) -> Result<(), Failure> {
        Ok(())
    }
}

/// The failure for a removal that would cost etcd its quorum, with names and numbers.
pub fn removal_refused(refusal: &etcd::Refusal, health: &Health, leaving: &str) -> Failure {
    let voters = health.voters();
    let silent: BTreeSet<u64> = voters.difference(&health.healthy).copied().collect();
    let detail = format!(
        "{refusal}. Voters: {}. Healthy: {}. Not healthy: {}. To leave: {leaving}.",
        health.names(&voters),
        health.names(&health.healthy),
        health.names(&silent),
    );
    Failure::new("Removal would cost etcd its quorum", detail).advise(
        "Bring the unhealthy masters back, or destroy those first: their removal is allowed. A destroy of the whole cluster is not stopped by this.",
    )
}

/// Moves the pods away, as far as disruption budgets allow within the limit.
#[derive(Debug)]
pub struct DrainNode {
    /// The master that drains.
    pub via: Host,
    /// The Node's name.
    pub name: String,
    /// How long evictions may take.
    pub limit: Duration,
    /// kubectl's version on that master.
    pub kubectl: Version,
    /// Whether nobody can log in on the host: it may be dead, and then its pods never end.
    pub is_unreachable: bool,
}

impl DrainNode {
    async fn is_ready(&self) -> Result<bool, Failure> {
        Ok(node_of(&self.via, &self.name)
            .await?
            .is_some_and(|node| node.is_ready))
    }

    async fn drain(&self, kubelet: Kubelet) -> Result<(), Failure> {
        let script = drain_script(&self.name, self.limit, &self.kubectl, kubelet);
        self.via.run_ok(&script).await?;
        Ok(())
    }
}

#[async_trait]
impl Step for DrainNode {
    fn title(&self) -> &'static str {
        "drain the Node"
    }

    async fn check(&self, _run: &Run) -> Result<Check, Failure> {
        Ok(match node_of(&self.via, &self.name).await? {
            None => Check::Done,
            // A cordoned Node may still have pods; draining again costs little, but only the first look asks for it.
            Some(node) if node.unschedulable && node.annotations.contains_key(DRAINED) => Check::Done,
            Some(_) => Check::Needed("the Node may have pods".into()),
        })
    }

    async fn perform(&self, _run: &Run) -> Result<(), Failure> {
        let mut kubelet = match self.is_unreachable {
            false => Kubelet::Alive,
            true if self.is_ready().await? => Kubelet::MayBeDead,
            true => Kubelet::Dead,
        };
        let mut drained = self.drain(kubelet).await;
        // The Node of a host that just died stays Ready for 40 s.
        if drained.is_err() && kubelet == Kubelet::MayBeDead && !self.is_ready().await? {
            kubelet = Kubelet::Dead;
            drained = self.drain(kubelet).await;
        }
        drained.map_err(|failure| {
            match failure.kind {
                FailureKind::Permanent => Failure { summary: "Cannot drain the Node", ..failure }
                    .advise("A PodDisruptionBudget may forbid evictions; raise timeouts.delete, or make room for the pods elsewhere."),
                _ => failure,
            }
        })?;
        let patch = crate::kube::NodePatch {
            annotations: [(DRAINED.to_owned(), Some("true".to_owned()))].into(),
            ..Default::default()
        };
        self.via
            .run_ok(&crate::kube::patch_node_script(&self.name, &patch))
            .await?;
        Ok(())
    }
}

/// Set on a Node that was drained for its removal.
pub(super) const DRAINED: &str = "kube-ha.io/drained";

/// The member leaves etcd while it still runs, so that a majority stays at every moment.
#[derive(Debug)]
pub struct RemoveEtcdMember {
    /// The master that is asked.
    pub via: Host,
    /// The member's address.
    pub address: IpAddr,
}

#[async_trait]
impl Step for RemoveEtcdMember {
    fn title(&self) -> &'static str {
        "remove the etcd member"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        is_gone(run, &self.via, self.address).await
    }

    async fn perform(&self, run: &Run) -> Result<(), Failure> {
        remove_member_at(run, &self.via, self.address).await
    }
}

async fn is_gone(run: &Run, via: &Host, address: IpAddr) -> Result<Check, Failure> {
    Ok(match member_at(&members(run, via).await?, address) {
        None => Check::Done,
        Some(member) => Check::Needed(format!("etcd still lists member {:x}", member.id)),
    })
}

/// The member is off etcd's list, as a master that stays sees it, whatever `kubeadm reset` said.
#[derive(Debug)]
pub struct EtcdMemberIsGone {
    /// The master that is asked.
    pub via: Host,
    /// The member's address.
    pub address: IpAddr,
}

#[async_trait]
impl Step for EtcdMemberIsGone {
    fn title(&self) -> &'static str {
        "verify that the etcd member is gone"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        is_gone(run, &self.via, self.address).await
    }

    async fn perform(&self, run: &Run) -> Result<(), Failure> {
        remove_member_at(run, &self.via, self.address).await
    }

    fn finishes(&self) -> bool {
        true
    }
}

/// The Node object is deleted; after the reset, because a running kubelet would register again.
#[derive(Debug)]
pub struct DeleteNode {
    /// The master that deletes.
    pub via: Host,
    /// The Node's name.
    pub name: String,
}

#[async_trait]
impl Step for DeleteNode {
    fn title(&self) -> &'static str {
        "delete the Node"
    }

    async fn check(&self, _run: &Run) -> Result<Check, Failure> {
        Ok(match node_of(&self.via, &self.name).await? {
            None => Check::Done,
            Some(_) => Check::Needed("the Node is there".into()),
        })
    }

    async fn perform(&self, _run: &Run) -> Result<(), Failure> {
        self.via.run_ok(&delete_node_script(&self.name)).await?;
        Ok(())
    }

    fn finishes(&self) -> bool {
        true
    }
}
