//! A node's state as a refresh finds it: whole, in part, or in another cluster.
use super::node_model::NodeModel;
use crate::{
    kubeadm::Taint,
    lifecycle::NodeSeen,
    tf_provider::{Diagnostic, Path, Value},
};

/// Puts what was seen of the Node into the state: of labels and annotations only the keys that the state manages.
pub(super) fn set_seen(state: &mut Value, model: &NodeModel, name: &str, seen: &NodeSeen) {
    state.set("node_name", name);
    state.set("id", format!("{}/{name}", model.endpoint()));
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

/// Says that the refresh found a node of another cluster.
pub(super) fn other_cluster(host: &str) -> Diagnostic {
    let detail = format!(
        "Host: {host}\n\nThe host's cluster CA is not the one of this resource's cluster any more: somebody made it part of another cluster. Its state is kept as it was."
    );
    Diagnostic::error("Host belongs to another cluster", detail).at(Path::attribute("host"))
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
}
