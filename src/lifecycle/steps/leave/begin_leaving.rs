//! Step: the host's note says that the node's removal was begun.
use async_trait::async_trait;

use super::drain_node::DRAINED;
use crate::lifecycle::{
    cluster::{Cluster, node_of},
    engine::{Act, Check, Run, Step},
    failure::Failure,
    host::{InProgress, Marker, Schedulability},
};

/// Before the Node is cordoned: a run that is killed after it would leave a node behind that takes no pods, and nothing
/// that asks for its end.
#[derive(Debug)]
pub(crate) struct BeginLeaving {
    /// The cluster, through one of its masters.
    pub cluster: Cluster,
    /// The Node's name.
    pub name: String,
}

#[async_trait]
impl Step for BeginLeaving {
    fn title(&self) -> &'static str {
        "note that the node leaves"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        let marker = Marker::read(&run.host).await?;
        let stays = marker.is_some_and(|marker| marker.is_member && marker.leaving().is_none());
        Ok(if stays {
            Check::Needed("the host's note does not say so yet".into())
        } else {
            Check::Done
        })
    }

    async fn perform(&self, act: Act<'_>) -> Result<(), Failure> {
        let run = &*act;
        let Some(marker) = Marker::read(&run.host).await? else {
            return Ok(());
        };
        let node = node_of(&self.cluster.via().await, &self.name).await?;
        let is_cordoned =
            node.is_some_and(|node| node.unschedulable && !node.annotations.contains_key(DRAINED));
        let before = if is_cordoned {
            Schedulability::Cordoned
        } else {
            Schedulability::Schedulable
        };
        let leaving = marker.with(Some(InProgress::Leave { before }));
        act.change(&run.host, &leaving.write_script()).await?;
        Ok(())
    }
}
