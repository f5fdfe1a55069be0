//! Step: the `kubeadm join` whose etcd member votes already has ended.
use async_trait::async_trait;

use super::kubeadm_join::KubeadmJoin;
use crate::{
    kube,
    lifecycle::{
        engine::{Act, Check, Run, Step},
        failure::Failure,
        host::{KUBEADM_JOIN, detached, has_credentials},
    },
    node::detached::Progress,
};

/// Waits for kubeadm's end. Needs no lock: kubeadm leaves etcd's members alone by then, and the next master joins
/// meanwhile.
#[derive(Debug)]
pub(crate) struct FinishJoin {
    /// The join that was begun.
    pub join: KubeadmJoin,
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

    async fn perform(&self, act: Act<'_>) -> Result<(), Failure> {
        let run = &*act;
        self.join.await_end(run).await
    }

    /// The member that was added goes again.
    async fn undo(&self, act: Act<'_>) -> Result<(), Failure> {
        self.join.undo(act).await
    }

    fn undo_changes_membership(&self) -> bool {
        true
    }

    fn finishes(&self) -> bool {
        true
    }
}
