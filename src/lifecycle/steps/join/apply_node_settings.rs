//! Step: the Node has the labels, annotations and taints that were asked for.
use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;

use crate::{
    kube::{Node, NodePatch, patch_node_script},
    kubeadm::Taint,
    lifecycle::{
        cluster::{Cluster, node_of},
        engine::{Act, Check, Condition, Run, Step, wait_until},
        failure::Failure,
        spec::NodeSettings,
    },
};

/// Patches the Node, and waits first until it is registered. Keys that are not named are left alone.
#[derive(Debug)]
pub(crate) struct ApplyNodeSettings {
    /// The cluster, through one of its masters.
    pub cluster: Cluster,
    /// The Node's name.
    pub name: String,
    /// Labels to set, or with `None` to remove.
    pub labels: BTreeMap<String, Option<String>>,
    /// Annotations to set, or with `None` to remove.
    pub annotations: BTreeMap<String, Option<String>>,
    /// All taints, if they are managed.
    pub taints: Option<Vec<Taint>>,
}

impl ApplyNodeSettings {
    fn difference(&self, node: &Node) -> NodePatch {
        let differing = |wanted: &BTreeMap<String, Option<String>>, have: &BTreeMap<String, String>| {
            wanted
                .iter()
                .filter(|(key, value)| have.get(*key) != value.as_ref())
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect()
        };
        let managed: Vec<&Taint> = node.taints.iter().filter(|taint| !taint.is_automatic()).collect();
        let same = |wanted: &Vec<Taint>| {
            wanted.len() == managed.len() && wanted.iter().all(|taint| managed.contains(&taint))
        };
        NodePatch {
            labels: differing(&self.labels, &node.labels),
            annotations: differing(&self.annotations, &node.annotations),
            // The patch replaces the whole list, so what Kubernetes itself put there is kept in it.
            taints: self.taints.as_ref().filter(|wanted| !same(wanted)).map(|wanted| {
                node.taints
                    .iter()
                    .filter(|taint| taint.is_automatic())
                    .chain(wanted)
                    .cloned()
                    .collect()
            }),
            uncordon: false,
        }
    }
}

impl ApplyNodeSettings {
    /// All that is wanted of a new node.
    pub(crate) fn all_of(settings: &NodeSettings, cluster: Cluster, name: &str) -> Self {
        let set = |wanted: &BTreeMap<String, String>| {
            let wanted = wanted.iter();
            wanted
                .map(|(key, value)| (key.clone(), Some(value.clone())))
                .collect()
        };
        Self {
            cluster,
            name: name.to_owned(),
            labels: set(&settings.labels),
            annotations: set(&settings.annotations),
            taints: settings.kubeadm.taints.clone(),
        }
    }
}

#[async_trait]
impl Step for ApplyNodeSettings {
    fn title(&self) -> &'static str {
        "set labels, annotations and taints"
    }

    async fn check(&self, _run: &Run) -> Result<Check, Failure> {
        Ok(match node_of(&self.cluster.via().await, &self.name).await? {
            None => Check::Needed("the Node is not registered yet".into()),
            Some(node) if self.difference(&node).is_empty() => Check::Done,
            Some(_) => Check::Needed("the Node has other labels, annotations or taints".into()),
        })
    }

    async fn perform(&self, act: Act<'_>) -> Result<(), Failure> {
        let run = &*act;
        let node = wait_until(run, "the Node is registered", Duration::from_secs(180), || {
            Box::pin(async {
                Ok(node_of(&self.cluster.via().await, &self.name)
                    .await?
                    .map_or_else(|| Condition::NotYet("no such Node".into()), Condition::Met))
            })
        })
        .await?;
        let patch = self.difference(&node);
        if !patch.is_empty() {
            act.change(&self.cluster.via().await, &patch_node_script(&self.name, &patch))
                .await?;
        }
        Ok(())
    }

    fn finishes(&self) -> bool {
        true
    }
}
