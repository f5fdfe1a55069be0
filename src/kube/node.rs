//! One Node: reading it and changing its labels, annotations and taints.
use std::collections::BTreeMap;

use serde::Deserialize;

use super::kubectl::{ADMIN_CONF, kubectl};
use crate::{
    command::{Script, quote},
    kubeadm::Taint,
};

/// What the provider looks at in a Node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`: another one means another Node of the same name.
    pub uid: String,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`.
    pub annotations: BTreeMap<String, String>,
    /// `spec.taints`.
    pub taints: Vec<Taint>,
    /// Cordoned.
    pub unschedulable: bool,
    /// The condition Ready is True.
    pub is_ready: bool,
    /// `status.addresses`.
    pub addresses: Vec<Address>,
    /// With its `v`.
    pub kubelet_version: String,
    /// The host's `/etc/machine-id`.
    pub machine_id: String,
    /// The host's DMI system UUID.
    pub system_uuid: String,
}

/// One of a Node's addresses.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Address {
    /// `InternalIP`, `ExternalIP`, `Hostname` …
    #[serde(rename = "type")]
    pub kind: String,
    /// The address or name.
    pub address: String,
}

/// The cluster's answer is not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read the {what}: {reason}")]
pub struct ParseError {
    /// What was asked for.
    pub what: &'static str,
    /// Why it cannot be read.
    pub reason: String,
}

/// Changes of a Node; what is not named stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodePatch {
    /// Sets a label, or removes it with `None`.
    pub labels: BTreeMap<String, Option<String>>,
    /// Sets an annotation, or removes it with `None`.
    pub annotations: BTreeMap<String, Option<String>>,
    /// Replaces the whole list, so the taints of Kubernetes itself must be in it.
    pub taints: Option<Vec<Taint>>,
}

/// Prints the Node, or nothing if there is none. Read it with [`parse_node`].
pub fn get_node_command(kubeconfig: &str, name: &str) -> String {
    format!(
        "{} get node {} -o json --ignore-not-found",
        kubectl(kubeconfig),
        quote(name)
    )
}

/// Reads the output of [`get_node_command`].
pub fn parse_node(stdout: &str) -> Result<Option<Node>, ParseError> {
    todo!("{stdout}")
}

/// Applies the changes in one merge patch. On a master.
pub fn patch_node_script(name: &str, patch: &NodePatch) -> Script {
    todo!("{name} {patch:?} {ADMIN_CONF}")
}
