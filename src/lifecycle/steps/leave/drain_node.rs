//! Step: the Node has no pods any more, as far as they can be moved.
use std::time::Duration;

use async_trait::async_trait;

use crate::{
    kube::{Kubelet, drain_script},
    kubeadm::Version,
    lifecycle::{
        cluster::{Cluster, kubeadm_version, node_of},
        engine::{Act, Check, Run, Step},
        failure::{Failure, FailureKind},
        host::read_facts,
    },
    remote::Host,
};

/// Moves the pods away, as far as disruption budgets allow within the limit.
#[derive(Debug)]
pub(crate) struct DrainNode {
    /// The cluster, through one of its masters.
    pub cluster: Cluster,
    /// The Node's name.
    pub name: String,
    /// How long evictions may take.
    pub limit: Duration,
    /// Whether nobody can log in on the host: it may be dead, and then its pods never end.
    pub is_unreachable: bool,
}

impl DrainNode {
    async fn is_ready(&self) -> Result<bool, Failure> {
        Ok(node_of(&self.cluster.via().await, &self.name)
            .await?
            .is_some_and(|node| node.is_ready))
    }

    /// kubectl comes with kubeadm, in the same version.
    async fn kubectl(via: &Host) -> Result<Version, Failure> {
        kubeadm_version(&read_facts(via).await?).ok_or_else(|| {
            let detail = "There is no working kubeadm in PATH.";
            Failure::new("kubeadm is missing on the host", detail).on(via.name())
        })
    }

    async fn drain(&self, act: Act<'_>, kubelet: Kubelet) -> Result<(), Failure> {
        let via = self.cluster.via().await;
        let kubectl = Self::kubectl(&via).await?;
        let script = drain_script(&self.name, self.limit, &kubectl, kubelet);
        act.change(&via, &script).await.map_err(|error| {
            let failure = Failure::from(error);
            match failure.kind {
                FailureKind::Permanent => Failure { summary: "Cannot drain the Node", ..failure }
                    .advise("A PodDisruptionBudget may forbid evictions; raise timeouts.delete, or make room for the pods elsewhere."),
                _ => failure,
            }
        })?;
        Ok(())
    }
}

#[async_trait]
impl Step for DrainNode {
    fn title(&self) -> &'static str {
        "drain the Node"
    }

    async fn check(&self, _run: &Run) -> Result<Check, Failure> {
        Ok(match node_of(&self.cluster.via().await, &self.name).await? {
            None => Check::Done,
            // A cordoned Node may still have pods; draining again costs little, but only the first look asks for it.
            Some(node) if node.unschedulable && node.annotations.contains_key(DRAINED) => Check::Done,
            Some(_) => Check::Needed("the Node may have pods".into()),
        })
    }

    async fn perform(&self, act: Act<'_>) -> Result<(), Failure> {
        let mut kubelet = match self.is_unreachable {
            false => Kubelet::Alive,
            true if self.is_ready().await? => Kubelet::MayBeDead,
            true => Kubelet::Dead,
        };
        let mut drained = self.drain(act, kubelet).await;
        // The Node of a host that just died stays Ready for 40 s.
        if drained.is_err() && kubelet == Kubelet::MayBeDead && !self.is_ready().await? {
            kubelet = Kubelet::Dead;
            drained = self.drain(act, kubelet).await;
        }
        drained?;
        let patch = crate::kube::NodePatch {
            annotations: [(DRAINED.to_owned(), Some("true".to_owned()))].into(),
            ..Default::default()
        };
        act.change(
            &self.cluster.via().await,
            &crate::kube::patch_node_script(&self.name, &patch),
        )
        .await?;
        Ok(())
    }
}

/// Set on a Node that was drained for its removal.
pub(crate) const DRAINED: &str = "kube-ha.io/drained";
