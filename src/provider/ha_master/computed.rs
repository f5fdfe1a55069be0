//! The computed attributes of an `ha_master`: at plan as far as they are known, and as they are seen on the host.
use super::{
    super::{node_model::JoinModel, node_state::set_seen, text_map},
    model::Model,
};
use crate::{
    kubeadm::DEFAULT_CLUSTER_NAME,
    lifecycle::{Identity, NodeSeen, render_cluster},
    tf_provider::{Path, PlanRequest, Value},
};

/// Everything computed that is seen on the host.
pub(super) fn set_master_seen(state: &mut Value, model: &Model, identity: &Identity, seen: &NodeSeen) {
    set_seen(state, &model.node, &identity.node_name, seen);
    // What is written in the configuration stays as it is spelled.
    if state.get("advertise_address").is_unknown() {
        let address = identity.address.map(|address| address.to_string());
        state.set("advertise_address", address.map_or(Value::Null, Value::from));
    }
    if state.get("join").is_null() || state.get("join").is_unknown() || model.cluster.is_some() {
        let join = join_of(model, &seen.ca_cert_hash);
        state.set(
            "join",
            join.and_then(|join| Value::from_serialize(&join).ok())
                .unwrap_or_default(),
        );
    }
    state.set("ca_cert_hash", seen.ca_cert_hash.as_str());
    state.set("ca_cert_pem", seen.ca_cert_pem.as_str());
    state.set(
        "certificates_expire_at",
        seen.certificates_expire_at
            .clone()
            .map_or(Value::Null, Value::from),
    );
    let member = identity
        .address
        .and_then(|address| seen.members.iter().find(|member| member.has_address(address)));
    if let Some(member) = member {
        state.set("etcd_member_id", format!("{:x}", member.id));
    }
    state.set("rendered", text_map(seen.files.clone()));
    state.unknown_to_null();
}

/// At a refresh: the version that the cluster runs, where it is another one than the state has, as somebody upgraded it by
/// hand. What is the same stays as it is spelled. Not at a create, whose state is what was planned.
pub(super) fn set_running_version(state: &mut Value, model: &Model, seen: &NodeSeen) {
    let (Some(cluster), Some(running)) = (&model.cluster, &seen.cluster) else {
        return;
    };
    let running = &running.spec.kubernetes_version;
    if cluster.kubernetes_version.parse().ok().as_ref() != Some(running)
        && let Some(block) = state.at_mut(&Path::attribute("cluster"))
    {
        block.set("kubernetes_version", running.to_string());
    }
}

/// What others need to join the cluster that this master's `cluster` block describes.
fn join_of(model: &Model, ca_cert_hash: &str) -> Option<JoinModel> {
    let cluster = model.cluster.as_ref()?;
    Some(JoinModel {
        endpoint: cluster.control_plane_endpoint.clone(),
        ca_cert_hash: ca_cert_hash.to_owned(),
        cluster_name: cluster.name().to_owned(),
        masters: model.all_masters(),
    })
}

/// The same at plan, as far as it is known.
pub(super) fn planned_join(model: &Model, request: PlanRequest<'_>) -> Value {
    let cluster = request.config.get("cluster");
    let name = match cluster.get("name") {
        Value::Null => Value::from(DEFAULT_CLUSTER_NAME),
        name => name.clone(),
    };
    let hash = request
        .prior
        .map_or_else(Value::unknown, |prior| prior.get("ca_cert_hash").clone());
    let is_known = model.peers.is_some() && model.node.host.is_some();
    Value::object([
        ("ca_cert_hash", hash),
        ("cluster_name", name),
        ("endpoint", cluster.get("control_plane_endpoint").clone()),
        (
            "masters",
            if is_known {
                Value::from(model.all_masters())
            } else {
                Value::unknown()
            },
        ),
    ])
}

/// The secret-free kubeadm configuration, if everything in it is known.
pub(super) fn rendered(model: &Model) -> Option<String> {
    let spec = model.cluster.as_ref()?.spec()?;
    render_cluster(&spec.kubernetes_version, &spec).ok()
}
