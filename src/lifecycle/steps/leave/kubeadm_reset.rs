//! Step: `kubeadm reset`.
use async_trait::async_trait;

use super::verify_etcd_member_gone::VerifyEtcdMemberGone;
use crate::{
    lifecycle::{
        engine::{Act, Check, Run, Step},
        failure::{Failure, FailureKind},
        host::{clean_host, read_facts, remove_copy_script, reset_kubeadm},
    },
    node::facts::KubernetesFiles,
};

/// Removes kubeadm's files, etcd's data and the user's copy of `admin.conf`; the load balancer's files stay, and the note
/// that the host is a node.
#[derive(Debug)]
pub(crate) struct KubeadmReset {
    /// The runtime's socket.
    pub cri_socket: String,
    /// What is made sure of even where the reset fails: a member without its data would count for the quorum.
    pub verify: Option<VerifyEtcdMemberGone>,
}

#[async_trait]
impl Step for KubeadmReset {
    fn title(&self) -> &'static str {
        "kubeadm reset"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        let files = KubernetesFiles {
            marker: None,
            ..read_facts(&run.host).await?.kubernetes
        };
        Ok(if files.is_empty() {
            Check::Done
        } else {
            Check::Needed("the host has a node's files".into())
        })
    }

    async fn perform(&self, act: Act<'_>) -> Result<(), Failure> {
        let run = &*act;
        let facts = read_facts(&run.host).await?;
        if let Some(user) = facts.user {
            act.change(&run.host, &remove_copy_script(&user)).await?;
        }
        let reset = reset_kubeadm(act, &self.cri_socket).await;
        if let (Err(failure), Some(verify)) = (&reset, &self.verify)
            && failure.kind == FailureKind::Permanent
        {
            verify.perform(act).await?;
        }
        reset?;
        if facts.kubernetes.marker.is_none() {
            // Without a note nobody would clean it later.
            clean_host(act).await?;
        }
        Ok(())
    }

    fn finishes(&self) -> bool {
        true
    }
}
