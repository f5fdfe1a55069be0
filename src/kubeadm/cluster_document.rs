//! `ClusterConfiguration`: one shape for what is written and for what is read back, in every API version.
//!
//! Whatever may be missing, null or empty is an `Option`: clusters are read that others made. Fields that no
//! [`ClusterSpec`] has are passed over.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    ClusterSpec, ComponentSpec, EtcdSpec, HostPathMount,
    config_api::{ConfigApi, ExtraArgs},
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "A: Deserialize<'de>"))]
pub(super) struct ClusterConfiguration<A> {
    api_version: Option<String>,
    kind: Option<String>,
    pub(super) cluster_name: Option<String>,
    pub(super) kubernetes_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) control_plane_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) image_repository: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) networking: Option<Networking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) feature_gates: Option<BTreeMap<String, bool>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) api_server: Option<Component<A>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) controller_manager: Option<Component<A>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scheduler: Option<Component<A>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) etcd: Option<Etcd<A>>,
}

impl<A: ExtraArgs> ClusterConfiguration<A> {
    pub(super) fn new<V: ConfigApi<Args = A>>(spec: &ClusterSpec) -> Self {
        Self {
            api_version: Some(V::API_VERSION.to_owned()),
            kind: Some("ClusterConfiguration".to_owned()),
            cluster_name: Some(spec.name.clone()),
            kubernetes_version: Some(spec.kubernetes_version.tag()),
            control_plane_endpoint: spec.control_plane_endpoint.as_ref().map(ToString::to_string),
            image_repository: spec.image_repository.clone(),
            networking: Networking::new(spec),
            feature_gates: (!spec.feature_gates.is_empty()).then(|| spec.feature_gates.clone()),
            api_server: Component::new(&spec.api_server, &spec.cert_sans),
            controller_manager: Component::new(&spec.controller_manager, &[]),
            scheduler: Component::new(&spec.scheduler, &[]),
            etcd: Etcd::new(&spec.etcd),
        }
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Networking {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pod_subnet: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service_subnet: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dns_domain: Option<String>,
}

impl Networking {
    fn new(spec: &ClusterSpec) -> Option<Self> {
        let is_default =
            spec.pod_subnet.is_empty() && spec.service_subnet.is_empty() && spec.dns_domain.is_none();
        (!is_default).then(|| Self {
            pod_subnet: joined(&spec.pod_subnet),
            service_subnet: joined(&spec.service_subnet),
            dns_domain: spec.dns_domain.clone(),
        })
    }
}

fn joined(nets: &[ipnet::IpNet]) -> Option<String> {
    let texts: Vec<String> = nets.iter().map(ToString::to_string).collect();
    (!texts.is_empty()).then(|| texts.join(","))
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "A: Deserialize<'de>"))]
pub(super) struct Component<A> {
    #[serde(rename = "certSANs", skip_serializing_if = "Option::is_none")]
    pub(super) cert_sans: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) extra_args: Option<A>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) extra_volumes: Option<Vec<Volume>>,
}

impl<A: ExtraArgs> Component<A> {
    fn new(spec: &ComponentSpec, cert_sans: &[String]) -> Option<Self> {
        let is_default = spec.extra_args.is_empty() && spec.extra_volumes.is_empty() && cert_sans.is_empty();
        let volumes = || spec.extra_volumes.iter().map(Volume::new).collect();
        (!is_default).then(|| Self {
            cert_sans: (!cert_sans.is_empty()).then(|| cert_sans.to_vec()),
            extra_args: A::from_map(&spec.extra_args),
            extra_volumes: (!spec.extra_volumes.is_empty()).then(volumes),
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Volume {
    name: String,
    host_path: String,
    mount_path: String,
    /// kubeadm leaves `false` out.
    #[serde(default)]
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

    pub(super) fn mount(self) -> HostPathMount {
        HostPathMount {
            name: self.name,
            host_path: self.host_path,
            mount_path: self.mount_path,
            read_only: self.read_only,
            path_type: self.path_type,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(bound(deserialize = "A: Deserialize<'de>"))]
pub(super) struct Etcd<A> {
    /// None where etcd is external.
    pub(super) local: Option<LocalEtcd<A>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "A: Deserialize<'de>"))]
pub(super) struct LocalEtcd<A> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data_dir: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) extra_args: Option<A>,
}

impl<A: ExtraArgs> Etcd<A> {
    fn new(spec: &EtcdSpec) -> Option<Self> {
        let local = || LocalEtcd {
            data_dir: spec.data_dir.clone(),
            extra_args: A::from_map(&spec.extra_args),
        };
        (*spec != EtcdSpec::default()).then(|| Self { local: Some(local()) })
    }
}
