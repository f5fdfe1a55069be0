//! The documents on one node. Their shape is the same in every API version but for what [`ConfigApi`] says.
use std::net::IpAddr;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    BootstrapToken, ComponentConfig, JoinSpec, NodeSpec, Taint,
    component_config::ComponentKind,
    config_api::{ConfigApi, ExtraArgs},
};

/// How long the token of a configuration file lives if nobody revokes it.
const TOKEN_TTL: &str = "30m0s";

/// What `kubeadm init` reads of the node; the cluster is a document of its own.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InitConfiguration<A> {
    api_version: &'static str,
    kind: &'static str,
    bootstrap_tokens: [InitToken; 1],
    #[serde(rename = "localAPIEndpoint", skip_serializing_if = "Option::is_none")]
    local_api_endpoint: Option<LocalApiEndpoint>,
    node_registration: NodeRegistration<A>,
    #[serde(flatten)]
    course: Course,
}

impl<A: ExtraArgs> InitConfiguration<A> {
    pub(super) fn new<V: ConfigApi<Args = A>>(node: &NodeSpec, token: &BootstrapToken) -> Self {
        Self {
            api_version: V::API_VERSION,
            kind: "InitConfiguration",
            bootstrap_tokens: [InitToken::new(token)],
            local_api_endpoint: LocalApiEndpoint::new(node),
            node_registration: NodeRegistration::new(node),
            course: Course::new::<V>(node),
        }
    }
}

/// What `kubeadm join` reads.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JoinConfiguration<A> {
    api_version: &'static str,
    kind: &'static str,
    discovery: Discovery,
    node_registration: NodeRegistration<A>,
    #[serde(skip_serializing_if = "Option::is_none")]
    control_plane: Option<JoinControlPlane>,
    #[serde(flatten)]
    course: Course,
}

impl<A: ExtraArgs> JoinConfiguration<A> {
    pub(super) fn new<V: ConfigApi<Args = A>>(join: &JoinSpec<'_>) -> Self {
        Self {
            api_version: V::API_VERSION,
            kind: "JoinConfiguration",
            discovery: Discovery::new(join),
            node_registration: NodeRegistration::new(join.node),
            control_plane: JoinControlPlane::new(join),
            course: Course::new::<V>(join.node),
        }
    }
}

/// How the command goes, in both documents.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Course {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skip_phases: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patches: Option<Patches>,
}

impl Course {
    fn new<V: ConfigApi>(node: &NodeSpec) -> Self {
        if !V::HAS_PHASES_AND_PATCHES {
            return Self::default();
        }
        Self {
            skip_phases: node.skip_phases.clone(),
            patches: Patches::new(node),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LocalApiEndpoint {
    advertise_address: IpAddr,
}

impl LocalApiEndpoint {
    fn new(node: &NodeSpec) -> Option<Self> {
        node.advertise_address
            .map(|advertise_address| Self { advertise_address })
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct NodeRegistration<A> {
    name: String,
    cri_socket: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    taints: Option<Vec<Taint>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kubelet_extra_args: Option<A>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ignore_preflight_errors: Vec<String>,
}

impl<A: ExtraArgs> NodeRegistration<A> {
    fn new(node: &NodeSpec) -> Self {
        let mut args = node.kubelet_extra_args.clone();
        if let Some(address) = node.advertise_address {
            args.entry("node-ip".to_owned())
                .or_insert_with(|| address.to_string());
        }
        Self {
            name: node.name.clone(),
            cri_socket: node.cri_socket.clone(),
            taints: node.taints.clone(),
            kubelet_extra_args: A::from_map(&args),
            ignore_preflight_errors: node.ignore_preflight_errors.clone(),
        }
    }
}

#[derive(Debug, Serialize)]
struct InitToken {
    token: String,
    description: &'static str,
    ttl: &'static str,
    usages: [&'static str; 2],
    groups: [&'static str; 1],
}

impl InitToken {
    fn new(token: &BootstrapToken) -> Self {
        Self {
            token: token.text().reveal().to_owned(),
            description: "made for kubeadm init by the Terraform provider ha",
            ttl: TOKEN_TTL,
            usages: ["signing", "authentication"],
            groups: ["system:bootstrappers:kubeadm:default-node-token"],
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Discovery {
    file: DiscoveryFile,
    tls_bootstrap_token: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DiscoveryFile {
    kube_config_path: String,
}

impl Discovery {
    fn new(join: &JoinSpec<'_>) -> Self {
        Self {
            file: DiscoveryFile {
                kube_config_path: join.discovery_file.to_owned(),
            },
            tls_bootstrap_token: join.token.text().reveal().to_owned(),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JoinControlPlane {
    #[serde(rename = "localAPIEndpoint", skip_serializing_if = "Option::is_none")]
    local_api_endpoint: Option<LocalApiEndpoint>,
    certificate_key: String,
}

impl JoinControlPlane {
    fn new(join: &JoinSpec<'_>) -> Option<Self> {
        join.control_plane.map(|key| Self {
            local_api_endpoint: LocalApiEndpoint::new(join.node),
            certificate_key: key.text().reveal().to_owned(),
        })
    }
}

#[derive(Debug, Serialize)]
struct Patches {
    directory: String,
}

impl Patches {
    fn new(node: &NodeSpec) -> Option<Self> {
        node.patches_directory.clone().map(|directory| Self { directory })
    }
}

/// What `kubeadm init phase upload-certs` reads.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UploadCerts {
    api_version: &'static str,
    kind: &'static str,
    certificate_key: String,
    #[serde(rename = "localAPIEndpoint")]
    local_api_endpoint: LocalApiEndpoint,
    node_registration: CriSocket,
}

/// Given so that kubeadm does not look for sockets and stumble over two of them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CriSocket {
    cri_socket: &'static str,
}

impl UploadCerts {
    pub(super) fn new(
        api_version: &'static str,
        key: &super::CertificateKey,
        advertise_address: IpAddr,
    ) -> Self {
        Self {
            api_version,
            kind: "InitConfiguration",
            certificate_key: key.text().reveal().to_owned(),
            local_api_endpoint: LocalApiEndpoint { advertise_address },
            node_registration: CriSocket {
                cri_socket: super::DEFAULT_CRI_SOCKET,
            },
        }
    }
}

/// `KubeletConfiguration` or `KubeProxyConfiguration`, unchanged in all minors.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ComponentDocument {
    api_version: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

impl ComponentDocument {
    /// Always there: kubeadm before 1.21 left `cgroupDriver` to the kubelet, which means `cgroupfs`.
    pub(super) fn kubelet(config: Option<&ComponentConfig>) -> Self {
        let mut document = Self::new(ComponentKind::Kubelet, config.cloned().unwrap_or_default());
        document
            .fields
            .entry("cgroupDriver")
            .or_insert_with(|| Value::from("systemd"));
        document
    }

    pub(super) fn kube_proxy(config: Option<&ComponentConfig>) -> Option<Self> {
        config.map(|config| Self::new(ComponentKind::KubeProxy, config.clone()))
    }

    /// Without `apiVersion` and `kind`.
    pub(super) fn into_fields(self) -> Map<String, Value> {
        self.fields
    }

    fn new(kind: ComponentKind, config: ComponentConfig) -> Self {
        Self {
            api_version: kind.api_version(),
            kind: kind.kind(),
            fields: config.into_fields(),
        }
    }
}
