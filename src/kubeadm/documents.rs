//! The documents and parts of documents that have the same shape in every API version.
//!
//! The one thing that differs inside of them is how flags of components are written: [`ExtraArgs`].
use std::{collections::BTreeMap, net::IpAddr};

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    ClusterSpec, ComponentConfig, ComponentSpec, EtcdSpec, HostPathMount, JoinSpec, NodeSpec, Taint,
    component_config::ComponentKind,
};

/// How long the token of a configuration file lives if nobody revokes it.
const TOKEN_TTL: &str = "30m0s";

/// Flags of a component: a map up to `v1beta3`, a list since.
pub(super) trait ExtraArgs: Serialize {
    fn from_map(args: &BTreeMap<String, String>) -> Option<Self>
    where
        Self: Sized;
}

impl ExtraArgs for BTreeMap<String, String> {
    fn from_map(args: &BTreeMap<String, String>) -> Option<Self> {
        (!args.is_empty()).then(|| args.clone())
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClusterConfiguration<A> {
    api_version: &'static str,
    kind: &'static str,
    cluster_name: String,
    kubernetes_version: String,
    control_plane_endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_repository: Option<String>,
    #[serde(skip_serializing_if = "Networking::is_default")]
    networking: Networking,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    feature_gates: BTreeMap<String, bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_server: Option<Component<A>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    controller_manager: Option<Component<A>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduler: Option<Component<A>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    etcd: Option<Etcd<A>>,
}

impl<A: ExtraArgs> ClusterConfiguration<A> {
    pub(super) fn new(api_version: &'static str, spec: &ClusterSpec) -> Self {
        Self {
            api_version,
            kind: "ClusterConfiguration",
            cluster_name: spec.name.clone(),
            kubernetes_version: spec.kubernetes_version.tag(),
            control_plane_endpoint: spec.control_plane_endpoint.to_string(),
            image_repository: spec.image_repository.clone(),
            networking: Networking {
                pod_subnet: joined(&spec.pod_subnet),
                service_subnet: joined(&spec.service_subnet),
                dns_domain: spec.dns_domain.clone(),
            },
            feature_gates: spec.feature_gates.clone(),
            api_server: Component::new(&spec.api_server, &spec.cert_sans),
            controller_manager: Component::new(&spec.controller_manager, &[]),
            scheduler: Component::new(&spec.scheduler, &[]),
            etcd: Etcd::new(&spec.etcd),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Networking {
    #[serde(skip_serializing_if = "Option::is_none")]
    pod_subnet: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_subnet: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dns_domain: Option<String>,
}

impl Networking {
    fn is_default(&self) -> bool {
        self.pod_subnet.is_none() && self.service_subnet.is_none() && self.dns_domain.is_none()
    }
}

fn joined(nets: &[ipnet::IpNet]) -> Option<String> {
    let texts: Vec<String> = nets.iter().map(ToString::to_string).collect();
    (!texts.is_empty()).then(|| texts.join(","))
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Component<A> {
    #[serde(rename = "certSANs", skip_serializing_if = "Vec::is_empty")]
    cert_sans: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_args: Option<A>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    extra_volumes: Vec<Volume>,
}

impl<A: ExtraArgs> Component<A> {
    fn new(spec: &ComponentSpec, cert_sans: &[String]) -> Option<Self> {
        let is_default = spec.extra_args.is_empty() && spec.extra_volumes.is_empty() && cert_sans.is_empty();
        (!is_default).then(|| Self {
            cert_sans: cert_sans.to_vec(),
            extra_args: A::from_map(&spec.extra_args),
            extra_volumes: spec.extra_volumes.iter().map(Volume::new).collect(),
        })
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Volume {
    name: String,
    host_path: String,
    mount_path: String,
    read_only: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_type: Option<String>,
}

impl Volume {
    fn new(mount: &HostPathMount) -> Self {
        Self {
            name: mount.name.clone(),
            host_path: mount.host_path.clone(),
            mount_path: mount.mount_path.clone(),
            read_only: mount.read_only,
            path_type: mount.path_type.clone(),
        }
    }
}

#[derive(Debug, Serialize)]
struct Etcd<A> {
    local: LocalEtcd<A>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LocalEtcd<A> {
    #[serde(skip_serializing_if = "Option::is_none")]
    image_repository: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_dir: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_args: Option<A>,
}

impl<A: ExtraArgs> Etcd<A> {
    fn new(spec: &EtcdSpec) -> Option<Self> {
        (*spec != EtcdSpec::default()).then(|| Self {
            local: LocalEtcd {
                image_repository: spec.image_repository.clone(),
                image_tag: spec.image_tag.clone(),
                data_dir: spec.data_dir.clone(),
                extra_args: A::from_map(&spec.extra_args),
            },
        })
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LocalApiEndpoint {
    advertise_address: IpAddr,
}

impl LocalApiEndpoint {
    pub(super) fn new(node: &NodeSpec) -> Option<Self> {
        node.advertise_address
            .map(|advertise_address| Self { advertise_address })
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodeRegistration<A> {
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
    pub(super) fn new(node: &NodeSpec) -> Self {
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
pub(super) struct InitToken {
    token: String,
    description: &'static str,
    ttl: &'static str,
    usages: [&'static str; 2],
    groups: [&'static str; 1],
}

impl InitToken {
    pub(super) fn new(token: &super::BootstrapToken) -> Self {
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
pub(super) struct Discovery {
    file: DiscoveryFile,
    tls_bootstrap_token: String,
    /// Here up to `v1beta3`, in the timeouts since.
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DiscoveryFile {
    kube_config_path: String,
}

impl Discovery {
    pub(super) fn new(join: &JoinSpec<'_>, timeout: Option<String>) -> Self {
        Self {
            file: DiscoveryFile {
                kube_config_path: join.discovery_file.to_owned(),
            },
            tls_bootstrap_token: join.token.text().reveal().to_owned(),
            timeout,
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JoinControlPlane {
    #[serde(rename = "localAPIEndpoint", skip_serializing_if = "Option::is_none")]
    local_api_endpoint: Option<LocalApiEndpoint>,
    certificate_key: String,
}

impl JoinControlPlane {
    pub(super) fn new(join: &JoinSpec<'_>) -> Option<Self> {
        join.control_plane.map(|key| Self {
            local_api_endpoint: LocalApiEndpoint::new(join.node),
            certificate_key: key.text().reveal().to_owned(),
        })
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Patches {
    directory: String,
}

impl Patches {
    pub(super) fn new(node: &NodeSpec) -> Option<Self> {
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

    fn new(kind: ComponentKind, config: ComponentConfig) -> Self {
        Self {
            api_version: kind.api_version(),
            kind: kind.kind(),
            fields: config.into_fields(),
        }
    }
}
