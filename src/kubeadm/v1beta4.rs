//! `kubeadm.k8s.io/v1beta4`: kubeadm 1.31 and later. Flags of components are a list; timeouts have one place.
use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::{
    BootstrapToken, JoinSpec, NodeSpec, Timeouts,
    config::go_duration,
    documents::{
        Discovery, ExtraArgs, InitToken, JoinControlPlane, LocalApiEndpoint, NodeRegistration, Patches,
    },
};

pub(super) const API_VERSION: &str = "kubeadm.k8s.io/v1beta4";

/// Flags of components are a list.
pub(super) type Args = Vec<Arg>;

#[derive(Debug, Serialize)]
pub(super) struct Arg {
    name: String,
    value: String,
}

impl ExtraArgs for Args {
    fn from_map(args: &BTreeMap<String, String>) -> Option<Self> {
        let list = args.iter().map(|(name, value)| Arg {
            name: name.clone(),
            value: value.clone(),
        });
        (!args.is_empty()).then(|| list.collect())
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InitConfiguration {
    api_version: &'static str,
    kind: &'static str,
    bootstrap_tokens: [InitToken; 1],
    #[serde(rename = "localAPIEndpoint", skip_serializing_if = "Option::is_none")]
    local_api_endpoint: Option<LocalApiEndpoint>,
    node_registration: NodeRegistration<Args>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skip_phases: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patches: Option<Patches>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeouts: Option<TimeoutFields>,
}

impl InitConfiguration {
    pub(super) fn new(node: &NodeSpec, token: &BootstrapToken) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "InitConfiguration",
            bootstrap_tokens: [InitToken::new(token)],
            local_api_endpoint: LocalApiEndpoint::new(node),
            node_registration: NodeRegistration::new(node),
            skip_phases: node.skip_phases.clone(),
            patches: Patches::new(node),
            timeouts: TimeoutFields::new(&node.timeouts),
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skip_phases: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patches: Option<Patches>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeouts: Option<TimeoutFields>,
}

impl JoinConfiguration {
    pub(super) fn new(join: &JoinSpec<'_>) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "JoinConfiguration",
            discovery: Discovery::new(join, None),
            node_registration: NodeRegistration::new(join.node),
            control_plane: JoinControlPlane::new(join),
            skip_phases: join.node.skip_phases.clone(),
            patches: Patches::new(join.node),
            timeouts: TimeoutFields::new(&join.node.timeouts),
        }
    }
}

/// Only what was asked for; kubeadm fills in the rest.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct TimeoutFields(BTreeMap<&'static str, String>);

impl TimeoutFields {
    fn new(timeouts: &Timeouts) -> Option<Self> {
        let all: [(&'static str, Option<Duration>); 6] = [
            (
                "controlPlaneComponentHealthCheck",
                timeouts.control_plane_component_health_check,
            ),
            ("kubeletHealthCheck", timeouts.kubelet_health_check),
            ("kubernetesAPICall", timeouts.kubernetes_api_call),
            ("etcdAPICall", timeouts.etcd_api_call),
            ("tlsBootstrap", timeouts.tls_bootstrap),
            ("discovery", timeouts.discovery),
        ];
        let given: BTreeMap<_, _> = all
            .into_iter()
            .filter_map(|(name, value)| Some((name, go_duration(value?))))
            .collect();
        (!given.is_empty()).then_some(Self(given))
    }
}
