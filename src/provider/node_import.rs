//! The state of a node that is imported: what its resource would have had written to make it as it runs.
use super::{node_model::JoinModel, text_map};
use crate::{
    kubeadm::{DEFAULT_CRI_SOCKET, Endpoint},
    lifecycle::{Failure, FoundNode, NodeRole},
    tf_provider::Value,
};

/// Puts what was found into a state that says how the host is reached. What nothing on a host tells (`peers`, `labels`,
/// `timeouts`, …) stays null, and changing it changes no node.
pub(super) fn set_found(state: &mut Value, found: FoundNode) {
    let join = JoinModel {
        masters: masters(&found),
        endpoint: found.endpoint,
        ca_cert_hash: found.ca_cert_hash,
        cluster_name: found.cluster_name,
    };
    if found.role == NodeRole::Master {
        state.set("ca_cert_hash", join.ca_cert_hash.as_str());
        let address = found.advertise_address.map(|address| address.to_string());
        state.set("advertise_address", address.map_or(Value::Null, Value::from));
    }
    state.set("node_name", found.node_name);
    state.set("join", Value::from_serialize(&join).unwrap_or_default());
    if !found.kubelet_extra_args.is_empty() {
        state.set("kubelet_extra_args", text_map(found.kubelet_extra_args));
    }
    let is_default = |socket: &str| {
        socket.trim_start_matches("unix://") == DEFAULT_CRI_SOCKET.trim_start_matches("unix://")
    };
    if let Some(socket) = found.cri_socket.filter(|socket| !is_default(socket)) {
        state.set("cri_socket", socket);
    }
}

/// Where the masters are, as far as the host knows; else what answers for all of them.
fn masters(found: &FoundNode) -> Vec<String> {
    if found.masters.is_empty() {
        let endpoint = found.endpoint.parse::<Endpoint>();
        return endpoint.map(|endpoint| endpoint.host).into_iter().collect();
    }
    found.masters.iter().map(ToString::to_string).collect()
}

/// A node of the other kind, which another resource keeps.
pub(super) fn other_role(found: NodeRole, type_name: &str) -> Failure {
    let (is, resource) = match found {
        NodeRole::Master => ("a master: it runs an API server", "ha_master"),
        NodeRole::Worker => ("a worker: it runs no API server", "ha_worker"),
    };
    let detail = format!("The host is {is}. Import it as {resource}, not as {type_name}.");
    Failure::new("Node is of another kind", detail).at("host")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(role: NodeRole) -> FoundNode {
        FoundNode {
            node_name: "node-1.example.net".into(),
            role,
            advertise_address: (role == NodeRole::Master).then(|| "10.0.0.11".parse().unwrap()),
            kubelet_extra_args: [("max-pods".to_owned(), "50".to_owned())].into(),
            cri_socket: Some("/run/containerd/containerd.sock".into()),
            endpoint: "api.example.net:6443".into(),
            cluster_name: "prod".into(),
            ca_cert_hash: "sha256:ab".into(),
            masters: vec!["10.0.0.11".parse().unwrap(), "10.0.0.12".parse().unwrap()],
        }
    }

    fn state(found: FoundNode) -> Value {
        let mut state = Value::object([("host", Value::from("m1"))]);
        set_found(&mut state, found);
        state
    }

    #[test]
    fn what_would_replace_the_node_is_as_it_runs() {
        let state = state(found(NodeRole::Master));
        assert_eq!(state.get("node_name").as_str(), Some("node-1.example.net"));
        assert_eq!(state.get("advertise_address").as_str(), Some("10.0.0.11"));
        assert_eq!(
            state.get("kubelet_extra_args").get("max-pods").as_str(),
            Some("50")
        );
        assert!(state.get("cri_socket").is_null(), "it is the default");
        assert_eq!(state.get("join").get("cluster_name").as_str(), Some("prod"));
        assert!(state.get("cluster").is_null(), "the configuration may have join");
    }

    #[test]
    fn a_worker_that_may_not_ask_names_the_endpoint() {
        let state = state(FoundNode {
            masters: Vec::new(),
            cri_socket: Some("unix:///run/crio/crio.sock".into()),
            ..found(NodeRole::Worker)
        });
        assert_eq!(
            state.get("join").get("masters"),
            &Value::from(vec!["api.example.net".to_owned()])
        );
        assert_eq!(
            state.get("cri_socket").as_str(),
            Some("unix:///run/crio/crio.sock")
        );
        assert!(state.get("advertise_address").is_null());
    }
}
