//! What `ha_master` and `ha_worker` have in common, Terraform's value ⇄ what operations want.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{settings::SshModel, shared::Shared, shared_attributes::join_type};
use crate::{
    kubeadm::{DEFAULT_CRI_SOCKET, Taint},
    lifecycle::{IfUnreachable, Join, NodeSeen, NodeWishes},
    tf_provider::{Diagnostic, Path, PlanRequest, Value, ValueError},
};

/// The arguments of any node; what is unknown or not set is `None`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct NodeModel {
    pub(super) node_name: Option<String>,
    pub(super) advertise_address: Option<std::net::IpAddr>,
    pub(super) labels: Option<BTreeMap<String, String>>,
    pub(super) annotations: Option<BTreeMap<String, String>>,
    pub(super) taints: Option<Vec<String>>,
    kubelet_extra_args: Option<BTreeMap<String, String>>,
    ignore_preflight_errors: Option<Vec<String>>,
    skip_phases: Option<Vec<String>>,
    patches: Option<String>,
    cri_socket: Option<String>,
    if_unreachable: Option<String>,
}

impl NodeModel {
    pub(super) fn wishes(&self) -> NodeWishes {
        NodeWishes {
            name: self.node_name.clone(),
            advertise_address: self.advertise_address,
            labels: self.labels.clone().unwrap_or_default(),
            annotations: self.annotations.clone().unwrap_or_default(),
            taints: self.taints(),
            kubelet_extra_args: self.kubelet_extra_args.clone().unwrap_or_default(),
            ignore_preflight_errors: self.ignore_preflight_errors.clone().unwrap_or_default(),
            skip_phases: self.skip_phases.clone().unwrap_or_default(),
            patches: self.patches.clone(),
            cri_socket: self.cri_socket(),
        }
    }

    /// The taints; texts were validated before.
    pub(super) fn taints(&self) -> Option<Vec<Taint>> {
        self.taints
            .as_ref()
            .map(|taints| taints.iter().filter_map(|taint| taint.parse().ok()).collect())
    }

    pub(super) fn if_unreachable(&self) -> IfUnreachable {
        IfUnreachable::of(self.if_unreachable.as_deref())
    }

    pub(super) fn cri_socket(&self) -> String {
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

    pub(super) fn join(&self, shared: &Shared, ssh: Option<&SshModel>) -> Option<Join> {
        Some(Join {
            endpoint: self.endpoint.parse().ok()?,
            ca_cert_hash: self.ca_cert_hash.clone(),
            cluster_name: self.cluster_name.clone(),
            masters: shared.hosts(&self.masters, ssh),
        })
    }
}

/// Puts what was seen of the Node into the state: of labels and annotations only the keys that the state manages.
pub(super) fn set_seen(state: &mut Value, model: &NodeModel, seen: &NodeSeen) {
    state.set("machine_id", seen.machine_id.as_str());
    let Some(node) = &seen.node else { return };
    state.set("kubelet_version", node.kubelet_version.trim_start_matches('v'));
    for (name, managed, have) in [
        ("labels", &model.labels, &node.labels),
        ("annotations", &model.annotations, &node.annotations),
    ] {
        if let Some(managed) = managed {
            let kept = managed
                .keys()
                .filter_map(|key| Some((key.clone(), Value::from(have.get(key)?.as_str()))));
            state.set(name, Value::object(kept));
        }
    }
    if let Some(managed) = &model.taints {
        let have: Vec<&Taint> = node.taints.iter().filter(|taint| !taint.is_automatic()).collect();
        // The configured order and spelling stay, so that only a real difference shows.
        let parsed = |text: &String| text.parse::<Taint>().ok();
        let kept = managed
            .iter()
            .filter(|text| parsed(text).is_some_and(|taint| have.contains(&&taint)));
        let more = have
            .iter()
            .filter(|taint| !managed.iter().any(|text| parsed(text).as_ref() == Some(**taint)));
        let texts = kept.cloned().chain(more.map(ToString::to_string));
        state.set("taints", Value::List(texts.map(Value::from).collect()));
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

/// The state of a node that is there in part only: neither gone, which would leave the rest where it is, nor whole.
pub(super) fn without_machine(mut state: Value) -> Value {
    state.set("machine_id", Value::Null);
    state
}

/// Says that the refresh found half of a node.
pub(super) fn half_removed(host: &str) -> Diagnostic {
    let detail = format!(
        "Host: {host}\n\nThe removal of this node was cut short, or somebody ran `kubeadm reset` on the host. The next apply finishes the removal; if the node is in the configuration, it is then made anew."
    );
    Diagnostic::warning("Node is half removed", detail).at(Path::attribute("host"))
}

/// Says that the refresh found a node whose removal was begun, before anything of it was lost.
pub(super) fn begun_removal(host: &str) -> Diagnostic {
    let detail = format!(
        "Host: {host}\n\nThe removal of this node was begun and has not ended: its Node takes no new pods, and the old ones may be gone. The next apply ends the removal; if the node is in the configuration, it is then made anew.\n\nTo keep the node as it is, take the resource out of the state instead (terraform state rm) and apply: the node is taken over, and back into service."
    );
    Diagnostic::warning("Node is being removed", detail).at(Path::attribute("host"))
}

/// Plans a node anew of which a refresh found only a part.
pub(super) fn replace_half_removed(prior: Option<&Value>, planned: &mut Value) {
    if prior.is_some_and(|prior| prior.get("machine_id").is_null()) {
        planned.set("machine_id", Value::unknown());
    }
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
    use super::{super::shared_attributes::node_machine_id, *};

    #[test]
    fn half_a_node_is_planned_anew_and_a_whole_one_is_not() {
        let whole = Value::object([("machine_id".to_owned(), Value::from("abc"))]);
        let mut planned = whole.clone();
        replace_half_removed(Some(&whole), &mut planned);
        assert_eq!(planned, whole);
        let half = without_machine(whole);
        let mut planned = half.clone();
        replace_half_removed(Some(&half), &mut planned);
        assert!(planned.get("machine_id").is_unknown());
        assert!(node_machine_id().requires_replace);
    }

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
