//! `kubeadm.k8s.io/v1beta2`: kubeadm 1.15 to 1.21. Skipped phases and patches exist as flags only.
use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    BootstrapToken, JoinSpec, NodeSpec,
    config::go_duration,
    documents::{Discovery, InitToken, JoinControlPlane, LocalApiEndpoint, NodeRegistration},
};

pub(super) const API_VERSION: &str = "kubeadm.k8s.io/v1beta2";

/// Flags of components are a map.
pub(super) type Args = BTreeMap<String, String>;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InitConfiguration {
    api_version: &'static str,
    kind: &'static str,
    bootstrap_tokens: [InitToken; 1],
    #[serde(rename = "localAPIEndpoint", skip_serializing_if = "Option::is_none")]
    local_api_endpoint: Option<LocalApiEndpoint>,
    node_registration: NodeRegistration<Args>,
}

impl InitConfiguration {
    pub(super) fn new(node: &NodeSpec, token: &BootstrapToken) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "InitConfiguration",
            bootstrap_tokens: [InitToken::new(token)],
            local_api_endpoint: LocalApiEndpoint::new(node),
            node_registration: NodeRegistration::new(node),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JoinConfiguration {
    api_version: &'static str,
    kind: &'static str,
    discovery: Discovery,
    node_registration: NodeRegistration<Args>,
    #[serde(skip_serializing_if = "Option::is_none")]
    control_plane: Option<JoinControlPlane>,
}

impl JoinConfiguration {
    pub(super) fn new(join: &JoinSpec<'_>) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "JoinConfiguration",
            discovery: Discovery::new(join, join.node.timeouts.discovery.map(go_duration)),
            node_registration: NodeRegistration::new(join.node),
            control_plane: JoinControlPlane::new(join),
        }
    }
}
