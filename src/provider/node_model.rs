//! A node as Terraform has it, `ha_master` or `ha_worker`, and what operations want of it.
use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::{
    settings::{SshModel, TimeoutsModel},
    shared::Shared,
    shared_attributes::join_type,
};
use crate::{
    kubeadm::{DEFAULT_CRI_SOCKET, NodeSpec, Taint},
    lifecycle::{Identity, IfUnreachable, Join, NodeSettings, RemovalSpec},
    remote::Host,
    tf_provider::{Diagnostic, Path, PlanRequest, Schema, Value, ValueError},
};

/// Any node as it is written, and its place in a cluster; what is unknown or not set is `None`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct NodeModel {
    pub(super) host: Option<String>,
    pub(super) node_name: Option<String>,
    pub(super) advertise_address: Option<IpAddr>,
    pub(super) labels: Option<BTreeMap<String, String>>,
    pub(super) annotations: Option<BTreeMap<String, String>>,
    pub(super) taints: Option<Vec<String>>,
    kubelet_extra_args: Option<BTreeMap<String, String>>,
    ignore_preflight_errors: Option<Vec<String>>,
    skip_phases: Option<Vec<String>>,
    patches: Option<String>,
    cri_socket: Option<String>,
    if_unreachable: Option<String>,
    timeouts: Option<TimeoutsModel>,
    #[serde(skip)]
    pub(super) ssh: Option<SshModel>,
    #[serde(skip)]
    pub(super) join: Option<JoinModel>,
    /// The endpoint of its cluster.
    #[serde(skip)]
    pub(super) endpoint: Option<String>,
    /// Where masters of its cluster are.
    #[serde(skip)]
    pub(super) masters: Vec<String>,
    /// The CA of the cluster that it is part of.
    #[serde(skip)]
    pub(super) ca_cert_hash: Option<String>,
}

impl NodeModel {
    /// A node that has its place in a cluster from `join`.
    pub(super) fn of(schema: &Schema, value: &Value) -> Result<Self, ValueError> {
        let join = JoinModel::of(value.get("join"))?;
        Ok(Self {
            ssh: SshModel::of(value.get("ssh"))?,
            endpoint: value.get("join").get("endpoint").as_str().map(str::to_owned),
            masters: join.iter().flat_map(|join| join.masters.clone()).collect(),
            ca_cert_hash: join
                .as_ref()
                .filter(|join| join.is_known())
                .map(|join| join.ca_cert_hash.clone()),
            join,
            ..schema.read(value)?
        })
    }

    /// The host; empty while it is not known.
    pub(super) fn address(&self) -> &str {
        self.host.as_deref().unwrap_or_default()
    }

    /// The endpoint of its cluster; empty while it is not known.
    pub(super) fn endpoint(&self) -> &str {
        self.endpoint.as_deref().unwrap_or_default()
    }

    pub(super) fn timeouts(&self) -> TimeoutsModel {
        self.timeouts.clone().unwrap_or_default()
    }

    /// What it goes by, in a state.
    pub(super) fn identity(&self) -> Identity {
        Identity {
            node_name: self.node_name.clone().unwrap_or_default(),
            address: self.advertise_address,
        }
    }

    /// What its removal wants. `masters`: those to ask.
    pub(super) fn leaving(&self, masters: Vec<Host>) -> RemovalSpec {
        RemovalSpec {
            node_name: self.node_name.clone().unwrap_or_default(),
            endpoint: self.endpoint().to_owned(),
            advertise_address: self.advertise_address,
            ca_cert_hash: self.ca_cert_hash.clone().unwrap_or_default(),
            masters,
            cri_socket: self.cri_socket(),
            if_unreachable: IfUnreachable::of(self.if_unreachable.as_deref()),
        }
    }

    pub(super) fn settings(&self) -> NodeSettings {
        NodeSettings {
            kubeadm: NodeSpec {
                advertise_address: self.advertise_address,
                cri_socket: self.cri_socket(),
                taints: self.wanted_taints(),
                kubelet_extra_args: self.kubelet_extra_args.clone().unwrap_or_default(),
                ignore_preflight_errors: self.ignore_preflight_errors.clone().unwrap_or_default(),
                skip_phases: self.skip_phases.clone().unwrap_or_default(),
                patches_directory: self.patches.clone(),
                ..NodeSpec::new(self.node_name.clone().unwrap_or_default())
            },
            labels: self.labels.clone().unwrap_or_default(),
            annotations: self.annotations.clone().unwrap_or_default(),
        }
    }

    /// The taints; texts were validated before.
    pub(super) fn wanted_taints(&self) -> Option<Vec<Taint>> {
        self.taints
            .as_ref()
            .map(|taints| taints.iter().filter_map(|taint| taint.parse().ok()).collect())
    }

    fn cri_socket(&self) -> String {
        self.cri_socket
            .clone()
            .unwrap_or_else(|| DEFAULT_CRI_SOCKET.to_owned())
    }
}

/// Whether everything is known that a look at a node's host is judged by, besides its cluster and how to reach it. A
/// value that is not known yet is not the default.
pub(super) fn is_checkable(config: &Value) -> bool {
    [
        "host",
        "node_name",
        "advertise_address",
        "kubelet_extra_args",
        "ignore_preflight_errors",
        "cri_socket",
    ]
    .iter()
    .all(|name| config.get(name).is_wholly_known())
}

/// The Node's name, where it is sure before the host is looked at: one that is written, or that the same host had. The
/// first plan of a replacement still has the old host's.
pub(super) fn sure_name<'a>(request: PlanRequest<'a>, planned: &'a Value) -> Option<&'a str> {
    let written = request.config.get("node_name").as_str();
    let same_host = request
        .prior
        .is_some_and(|prior| prior.get("host") == planned.get("host"));
    written.or(planned.get("node_name").as_str().filter(|_| same_host))
}

/// `join`: what a node must know of its cluster. Never a secret.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct JoinModel {
    pub(super) endpoint: String,
    pub(super) ca_cert_hash: String,
    pub(super) cluster_name: String,
    pub(super) masters: Vec<String>,
}

impl JoinModel {
    /// What is known of it. At the plan of a new cluster that is not the CA; names and foreign hosts can be checked
    /// all the same.
    pub(super) fn of(value: &Value) -> Result<Option<Self>, ValueError> {
        if value.is_wholly_known() {
            return join_type().read(value);
        }
        let text = |name| value.get(name).as_str().map(str::to_owned);
        let known = text("endpoint").zip(text("cluster_name"));
        Ok(known.map(|(endpoint, cluster_name)| Self {
            endpoint,
            ca_cert_hash: String::new(),
            cluster_name,
            masters: Vec::new(),
        }))
    }

    /// Whether all of it is known.
    pub(super) fn is_known(&self) -> bool {
        !self.ca_cert_hash.is_empty()
    }

    pub(super) fn join(&self, shared: &Shared, ssh: Option<&SshModel>) -> Option<Join> {
        Some(Join {
            endpoint: self.endpoint.parse().ok()?,
            ca_cert_hash: self.ca_cert_hash.clone(),
            cluster_name: self.cluster_name.clone(),
            masters: shared.hosts(&self.masters, ssh),
        })
    }
}

/// An error where an update would put the node into another cluster: kubeadm does that with a reset and a new join only.
pub(super) fn cluster_change(old: Option<&JoinModel>, new: Option<&JoinModel>) -> Option<Diagnostic> {
    let (old, new) = (old?, new?);
    let identity = |join: &JoinModel| {
        (
            join.endpoint.clone(),
            join.ca_cert_hash.clone(),
            join.cluster_name.clone(),
        )
    };
    if identity(old) == identity(new) {
        return None;
    }
    let detail = format!(
        "The node is part of the cluster {:?} ({}, CA {}); join names the cluster {:?} ({}, CA {}). Replace the resource to reset the host and let it join that one: terraform apply -replace=….",
        old.cluster_name, old.endpoint, old.ca_cert_hash, new.cluster_name, new.endpoint, new.ca_cert_hash
    );
    Some(Diagnostic::error("A node cannot change its cluster in place", detail).at(Path::attribute("join")))
}

/// Whether what is planned needs a look at the host: everything else is read at the next operation that needs it.
pub(super) fn changes_node(prior: &Value, planned: &Value) -> bool {
    ["labels", "annotations", "taints", "rendered"]
        .iter()
        .any(|name| prior.get(name) != planned.get(name))
}

/// Keys to set to the planned values, and keys of the prior state that are planned no more, to remove.
pub(super) fn changes(
    prior: Option<&BTreeMap<String, String>>,
    planned: Option<&BTreeMap<String, String>>,
) -> BTreeMap<String, Option<String>> {
    let removed = prior.into_iter().flatten().map(|(key, _)| (key.clone(), None));
    let set = planned
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), Some(value.clone())));
    removed.chain(set).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(ca_cert_hash: Value) -> Value {
        Value::object([
            ("ca_cert_hash".to_owned(), ca_cert_hash),
            ("cluster_name".to_owned(), Value::from("prod")),
            ("endpoint".to_owned(), Value::from("10.0.0.100:8443")),
            ("masters".to_owned(), Value::unknown()),
        ])
    }

    #[test]
    fn a_cluster_is_known_by_name_before_its_ca_exists() {
        let known = JoinModel::of(&join(Value::unknown())).unwrap().unwrap();
        assert_eq!(
            (
                known.endpoint.as_str(),
                known.cluster_name.as_str(),
                known.ca_cert_hash.as_str()
            ),
            ("10.0.0.100:8443", "prod", "")
        );
        assert!(known.masters.is_empty());
    }

    #[test]
    fn what_is_not_set_or_not_known_is_no_cluster() {
        for value in [Value::Null, Value::unknown()] {
            assert!(JoinModel::of(&value).unwrap().is_none());
        }
    }
}
