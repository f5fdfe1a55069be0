//! Step: `kubeadm reset`, and the host is as it was before it became a node.
use async_trait::async_trait;

use super::{
    super::{
        failure::{Failure, FailureKind},
        look::read_facts,
        reset::reset_host,
        step::{Check, Run, Step},
    },
    admin_kubeconfig::remove_copy_script,
    leave::EtcdMemberIsGone,
};

/// Removes kubeadm's files, etcd's data and the user's copy of `admin.conf`; the load balancer's files stay.
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
        let facts = read_facts(&run.host).await?;
        Ok(if facts.kubernetes.is_empty() {
            Check::Done
        } else {
            Check::Needed("the host has a node's files".into())
        })
    }

    async fn perform(&self, run: &Run) -> Result<(), Failure> {
        if let Some(user) = read_facts(&run.host).await?.user {
            run.host.run_ok(&remove_copy_script(&user)).await?;
        }
        let reset = reset_host(run, &self.cri_socket).await;
        if let (Err(failure), Some(verify)) = (&reset, &self.verify)
            && failure.kind == FailureKind::Permanent
        {
            verify.perform(run).await?;
        }
        reset
    }

    fn finishes(&self) -> bool {
        true
    }
}
