//! Step: the cluster has no such Node any more.
use async_trait::async_trait;

use crate::{
    kube::delete_node_script,
    lifecycle::{
        cluster::{Cluster, node_of},
        engine::{Act, Check, Run, Step},
        failure::Failure,
    },
};

/// The Node object is deleted; after the reset, because a running kubelet would register again.
#[derive(Debug)]
pub(crate) struct DeleteNode {
    /// The cluster, through one of its masters.
    pub cluster: Cluster,
    /// The Node's name.
    pub name: String,
}

#[async_trait]
impl Step for DeleteNode {
    fn title(&self) -> &'static str {
        "delete the Node"
    }

    async fn check(&self, _run: &Run) -> Result<Check, Failure> {
        Ok(match node_of(&self.cluster.via().await, &self.name).await? {
            None => Check::Done,
            Some(_) => Check::Needed("the Node is there".into()),
        })
    }

    async fn perform(&self, act: Act<'_>) -> Result<(), Failure> {
        act.change(&self.cluster.via().await, &delete_node_script(&self.name))
            .await?;
        Ok(())
    }

    fn finishes(&self) -> bool {
        true
    }
}
