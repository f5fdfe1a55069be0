//! Steps: `kubeadm reset`; and at the very end the host is as it was before it became a node.
use async_trait::async_trait;

use super::{
    super::{
        failure::{Failure, FailureKind},
        look::read_facts,
        marker::Marker,
        reset::{clean_host, reset_kubeadm},
        step::{Check, Run, Step},
    },
    admin_kubeconfig::remove_copy_script,
    leave::EtcdMemberIsGone,
};
use crate::node::facts::KubernetesFiles;

/// Removes kubeadm's files, etcd's data and the user's copy of `admin.conf`; the load balancer's files stay, and the note
/// that the host is a node.
#[derive(Debug)]
pub struct KubeadmReset {
    /// The runtime's socket.
    pub cri_socket: String,
    /// What is made sure of even where the reset fails: a member without its data would count for the quorum.
    pub verify: Option<EtcdMemberIsGone>,
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

    async fn perform(&self, run: &Run) -> Result<(), Failure> {
        let facts = read_facts(&run.host).await?;
        if let Some(user) = facts.user {
            run.host.run_ok(&remove_copy_script(&user)).await?;
        }
        let reset = reset_kubeadm(run, &self.cri_socket).await;
        if let (Err(failure), Some(verify)) = (&reset, &self.verify)
            && failure.kind == FailureKind::Permanent
        {
            verify.perform(run).await?;
        }
        reset?;
        if facts.kubernetes.marker.is_none() {
            // Without a note nobody would clean it later.
            clean_host(run).await?;
        }
        Ok(())
    }

    fn finishes(&self) -> bool {
        true
    }
}

/// Removes what `kubeadm reset` leaves, and the note that the host is a node. As long as that is there, a refresh knows
/// that somebody has to finish the removal; so this is its last step.
#[derive(Debug)]
pub struct CleanHost;

#[async_trait]
impl Step for CleanHost {
    fn title(&self) -> &'static str {
        "clean the host"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        let marker = Marker::read(&run.host).await?;
        Ok(marker.map_or(Check::Done, |_| {
            Check::Needed("the host is recorded as a node".into())
        }))
    }

    async fn perform(&self, run: &Run) -> Result<(), Failure> {
        clean_host(run).await
    }

    fn finishes(&self) -> bool {
        true
    }
}
