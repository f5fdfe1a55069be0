//! Steps that take a node out of its cluster, seen from a master that stays.
use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use async_trait::async_trait;

use super::super::{
    failure::Failure,
    membership::{member_at, members, node_of, remove_member_at},
    step::{Check, Run, Step},
};
use crate::{
    command::Script,
    etcd,
    kube::{delete_node_script, drain_script},
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
        let members = members(run, &self.via).await?;
        let Some(victim) = member_at(&members, self.leaving).filter(|member| member.is_voter()) else {
            return Ok(Check::Done);
        };
        let urls: Vec<&str> = members
            .iter()
            .filter_map(|member| member.client_urls.first().map(String::as_str))
            .collect();
        let stdout = self
            .via
            .run_ok(&Script::new("etcd status", etcd::status_command(&urls)))
            .await?;
        let healthy: BTreeSet<u64> = etcd::parse_status(&stdout)
            .iter()
            .filter(|status| status.is_healthy)
            .filter_map(|status| status.id)
            .collect();
        let voters: BTreeSet<u64> = members
            .iter()
            .filter(|member| member.is_voter())
            .map(|member| member.id)
            .collect();
        let names = |ids: &BTreeSet<u64>| {
            members
                .iter()
                .filter(|member| ids.contains(&member.id))
                .map(|member| member.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        etcd::allow_removal(&voters, &healthy, victim.id)
            .map(|()| Check::Done)
            .map_err(|refusal| {
                let detail = format!(
                    "{refusal}. Voters: {}. Healthy: {}. To leave: {}.",
                    names(&voters),
                    names(&healthy),
                    victim.name
                );
                Failure::new("Removal would cost etcd its quorum", detail).advise(
                    "Bring the unhealthy masters back, or remove those first; their removal is allowed.",
                )
            })
    }

    async fn perform(&self, _run: &Run) -> Result<(), Failure> {
        Ok(())
    }
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
        self.via.run_ok(&drain_script(&self.name, self.limit, &self.kubectl)).await.map_err(|error| {
            let failure = Failure::from(error);
            match failure.kind {
                super::super::failure::FailureKind::Permanent => Failure { summary: "Cannot drain the Node", ..failure }
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
const DRAINED: &str = "kube-ha.io/drained";

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
