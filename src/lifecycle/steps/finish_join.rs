//! Step: the `kubeadm join` whose etcd member votes already has ended.
use async_trait::async_trait;

use super::{
    super::{
        cluster_lock::ClusterLocks,
        detached::{self, KUBEADM_JOIN},
        failure::Failure,
        look::has_credentials,
        step::{Check, Run, Step},
    },
    KubeadmJoin,
};
use crate::{kube, node::detached::Progress};

/// Waits for kubeadm's end. Needs no lock: kubeadm leaves etcd's members alone by then, and the next master joins
/// meanwhile.
#[derive(Debug)]
pub struct FinishJoin {
    /// The join that was begun.
    pub join: KubeadmJoin,
    /// Taken again should the join have to be undone.
    pub locks: ClusterLocks,
}

#[async_trait]
impl Step for FinishJoin {
    fn title(&self) -> &'static str {
        "wait for kubeadm join to end"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        match detached::progress_of(&run.host, KUBEADM_JOIN).await? {
            Progress::Ended { status: 0, .. } => has_credentials(run, kube::KUBELET_CONF).await,
            _ => Ok(Check::Needed("kubeadm join has not ended well yet".into())),
        }
    }

    async fn perform(&self, run: &Run) -> Result<(), Failure> {
        self.join.await_end(run).await
    }

    /// The member that was added goes again.
    async fn undo(&self, run: &Run) -> Result<(), Failure> {
        let hosts = [run.host.clone(), self.join.via.clone()];
        let lock = self
            .locks
            .lock(run, &self.join.endpoint.to_string(), &hosts)
            .await?;
        lock.around(async |_| self.join.undo(run).await).await
    }

    fn finishes(&self) -> bool {
        true
    }
}
