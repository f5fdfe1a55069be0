//! Changes a node in place: labels, annotations, taints, and the files that are kept for people.
use crate::lifecycle::{
    cluster::{Cluster, find_cluster},
    engine::{Run, Step},
    failure::Failure,
    lock::Locks,
    spec::NodeChange,
    stages::{Held, Plan, Stage, run_plan, step},
    steps::join::{ApplyNodeSettings, WriteFiles},
};

/// Makes the change. The host is locked only if something changes on it: labels, annotations and taints are changed through
/// a master, also while the node's own host does not answer.
pub(crate) async fn update_node(run: &Run, change: NodeChange, locks: &Locks) -> Result<(), Failure> {
    if change.files.is_empty() {
        let plan = Plan::new([Stage::under_host_lock([settings(run, &change).await?])]);
        return run_plan(run, &plan, Held::default()).await;
    }
    let plan = Plan::new([Stage::under_host_lock([
        step(WriteFiles {
            files: change.files.clone(),
        }),
        settings(run, &change).await?,
    ])]);
    let lock = locks.lock_host(run).await?;
    lock.around(async |host| run_plan(run, &plan, Held::by_host(host)).await)
        .await
}

/// Through a master: the host's own kubelet may not change all of it.
async fn settings(run: &Run, change: &NodeChange) -> Result<Option<Box<dyn Step>>, Failure> {
    if change.labels.is_empty() && change.annotations.is_empty() && change.taints.is_none() {
        return Ok(None);
    }
    let survey = find_cluster(run, &change.masters).await?;
    let seen = survey
        .via()
        .ok_or_else(|| Failure::new("No master answers", survey.account()).at("join"))?;
    Ok(step(ApplyNodeSettings {
        cluster: Cluster::of(seen, change.masters.clone(), None),
        name: change.name.clone(),
        labels: change.labels.clone(),
        annotations: change.annotations.clone(),
        taints: change.taints.clone(),
    }))
}
