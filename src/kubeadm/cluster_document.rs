//! `ClusterConfiguration` as it is written, in every API version.
use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    ClusterSpec, ComponentSpec, EtcdSpec, HostPathMount,
    config_api::{ConfigApi, ExtraArgs},
};

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
    pub(super) fn new<V: ConfigApi<Args = A>>(spec: &ClusterSpec) -> Self {
        Self {
            api_version: V::API_VERSION,
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
    data_dir: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_args: Option<A>,
}

impl<A: ExtraArgs> Etcd<A> {
    fn new(spec: &EtcdSpec) -> Option<Self> {
        (*spec != EtcdSpec::default()).then(|| Self {
            local: LocalEtcd {
                data_dir: spec.data_dir.clone(),
                extra_args: A::from_map(&spec.extra_args),
            },
        })
    }
}
