//! Changes a node in place: labels, annotations, taints, and the files that are kept for people.
use std::collections::BTreeMap;

use super::{
    failure::Failure,
    find_way::find_cluster,
    runner::run_steps,
    step::{Run, Step},
    steps::ApplyNodeSettings,
};
use crate::{
    kubeadm::Taint,
    node::files::{File, write_files_script},
    remote::Host,
};

/// What changes.
#[derive(Clone, Debug)]
pub struct NodeChange {
    /// The Node's name.
    pub name: String,
    /// Where masters are found; a master itself may be among them.
    pub masters: Vec<Host>,
    /// Labels to set, or with `None` to remove.
    pub labels: BTreeMap<String, Option<String>>,
    /// Annotations to set, or with `None` to remove.
    pub annotations: BTreeMap<String, Option<String>>,
    /// All taints, if they are managed.
    pub taints: Option<Vec<Taint>>,
    /// Files to have on the host.
    pub files: Vec<File>,
}

/// Makes the change.
pub async fn update_node(run: &Run, change: NodeChange) -> Result<(), Failure> {
    if !change.files.is_empty() {
        run.host
            .run_ok(&write_files_script("write files", &change.files))
            .await?;
    }
    if change.labels.is_empty() && change.annotations.is_empty() && change.taints.is_none() {
        return Ok(());
    }
    let survey = find_cluster(run, &change.masters).await?;
    let via = survey
        .via()
        .ok_or_else(|| Failure::new("No master answers", survey.account()).at("join"))?
        .host
        .clone();
    let step = ApplyNodeSettings {
        via,
        name: change.name,
        labels: change.labels,
        annotations: change.annotations,
        taints: change.taints,
    };
    run_steps(run, &[Box::new(step) as Box<dyn Step>]).await
}
