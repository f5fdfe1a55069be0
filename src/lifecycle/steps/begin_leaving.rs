//! Steps: the host's note says that the node's removal was begun; and the way back, as long as nothing is lost.
use async_trait::async_trait;

use super::{
    super::{
        failure::Failure,
        marker::{Before, Marker},
        membership::node_of,
        step::{Check, Run, Step},
    },
    leave::DRAINED,
};
use crate::{
    command::Script,
    keepalived,
    kube::{NodePatch, patch_node_script},
    node::DIRECTORY,
    remote::Host,
};

/// Before the Node is cordoned: a run that is killed after it would leave a node behind that takes no pods, and nothing
/// that asks for its end.
#[derive(Debug)]
pub struct BeginLeaving {
    /// The master that is asked how the Node is.
    pub via: Host,
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
        let stays = marker.is_some_and(|marker| marker.leaving.is_none());
        Ok(if stays {
            Check::Needed("the host's note does not say so yet".into())
        } else {
            Check::Done
        })
    }

    async fn perform(&self, run: &Run) -> Result<(), Failure> {
        let Some(marker) = Marker::read(&run.host).await? else {
            return Ok(());
        };
        let node = node_of(&self.via, &self.name).await?;
        let is_cordoned =
            node.is_some_and(|node| node.unschedulable && !node.annotations.contains_key(DRAINED));
        let before = if is_cordoned {
            Before::Cordoned
        } else {
            Before::Schedulable
        };
        let leaving = Marker {
            leaving: Some(before),
            ..marker
        };
        run.host.run_ok(&leaving.write_script()).await?;
        Ok(())
    }
}

/// What [`BeginLeaving`] and the steps up to the member's removal did is undone. The note goes last, so that a run that is
/// cut here is known for what it is.
pub async fn take_back(run: &Run, via: &Host, name: &str) -> Result<(), Failure> {
    let Some(marker) = Marker::read(&run.host).await? else {
        return Ok(());
    };
    let Some(before) = marker.leaving else {
        return Ok(());
    };
    let (aside, manifest) = (format!("{DIRECTORY}/manifests"), keepalived::MANIFEST_PATH);
    // One that was written anew meanwhile is the better one.
    let body = format!(
        "set -e\n[ ! -e {aside}/keepalived.yaml ] || mv -n {aside}/keepalived.yaml {manifest}\n\
         rm -f {aside}/keepalived.yaml\nrmdir {aside} 2>/dev/null || true"
    );
    run.host.run_ok(&Script::new("start keepalived", body)).await?;
    if node_of(via, name).await?.is_some() {
        let patch = NodePatch {
            annotations: [(DRAINED.to_owned(), None)].into(),
            uncordon: before == Before::Schedulable,
            ..NodePatch::default()
        };
        via.run_ok(&patch_node_script(name, &patch)).await?;
    }
    let unmarked = Marker {
        leaving: None,
        ..marker
    };
    run.host.run_ok(&unmarked.write_script()).await?;
    Ok(())
}

/// The node of a removal that was begun is wanted again, and nothing of it is lost.
#[derive(Debug)]
pub struct StayInCluster {
    /// The master that changes the Node.
    pub via: Host,
    /// The Node's name.
    pub name: String,
}

#[async_trait]
impl Step for StayInCluster {
    fn title(&self) -> &'static str {
        "take the removal back"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        let marker = Marker::read(&run.host).await?;
        Ok(match marker.and_then(|marker| marker.leaving) {
            None => Check::Done,
            Some(_) => Check::Needed("the host's note says that the node leaves".into()),
        })
    }

    async fn perform(&self, run: &Run) -> Result<(), Failure> {
        take_back(run, &self.via, &self.name).await
    }

    fn finishes(&self) -> bool {
        true
    }
}
