//! Step: a removal that was begun is taken back, as long as nothing of the node is lost.
use std::net::IpAddr;

use async_trait::async_trait;

use super::drain_node::DRAINED;
use crate::{
    command::Script,
    etcd::member_at,
    keepalived,
    kube::{self, NodePatch, patch_node_script},
    lifecycle::{
        cluster::{Cluster, members, node_of},
        engine::{Act, Check, Run, Step},
        failure::Failure,
        host::{Marker, Schedulability, has_credentials},
    },
    node::DIRECTORY,
    remote::Host,
};

/// The node of a removal that was begun is wanted again, and nothing of it is lost.
#[derive(Debug)]
pub(crate) struct StayInCluster {
    /// The cluster, through one of its masters.
    pub cluster: Cluster,
    /// The Node's name.
    pub name: String,
    /// Address of its etcd member; none for a worker.
    pub member: Option<IpAddr>,
}

impl StayInCluster {
    /// Only a node that is whole stays: an earlier run may have got further.
    async fn is_whole(&self, run: &Run) -> Result<bool, Failure> {
        if has_credentials(run, kube::KUBELET_CONF).await? != Check::Done {
            return Ok(false);
        }
        Ok(match self.member {
            Some(address) => member_at(&members(run, &self.cluster.via().await).await?, address).is_some(),
            None => true,
        })
    }
}

#[async_trait]
impl Step for StayInCluster {
    fn title(&self) -> &'static str {
        "take the removal back"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        let marker = Marker::read(&run.host).await?;
        Ok(match marker.and_then(|marker| marker.leaving()) {
            None => Check::Done,
            Some(_) => Check::Needed("the host's note says that the node leaves".into()),
        })
    }

    async fn perform(&self, act: Act<'_>) -> Result<(), Failure> {
        let run = &*act;
        if self.is_whole(run).await? {
            take_back(act, &self.cluster.via().await, &self.name).await
        } else {
            Ok(())
        }
    }

    fn finishes(&self) -> bool {
        true
    }
}

/// What [`super::BeginLeaving`] and the steps up to the member's removal did is undone. The note goes last, so that a run that is
/// cut here is known for what it is.
async fn take_back(act: Act<'_>, via: &Host, name: &str) -> Result<(), Failure> {
    let Some(marker) = Marker::read(&act.host).await? else {
        return Ok(());
    };
    let Some(before) = marker.leaving() else {
        return Ok(());
    };
    let (aside, manifest) = (format!("{DIRECTORY}/manifests"), keepalived::MANIFEST_PATH);
    // One that was written anew meanwhile is the better one.
    let body = format!(
        "set -e\n[ ! -e {aside}/keepalived.yaml ] || mv -n {aside}/keepalived.yaml {manifest}\n\
         rm -f {aside}/keepalived.yaml\nrmdir {aside} 2>/dev/null || true"
    );
    act.change(&act.host, &Script::new("start keepalived", body))
        .await?;
    if node_of(via, name).await?.is_some() {
        let patch = NodePatch {
            annotations: [(DRAINED.to_owned(), None)].into(),
            uncordon: before == Schedulability::Schedulable,
            ..NodePatch::default()
        };
        act.change(via, &patch_node_script(name, &patch)).await?;
    }
    let unmarked = marker.with(None);
    act.change(&act.host, &unmarked.write_script()).await?;
    Ok(())
}
