//! What is wanted of a cluster and of a node, independent of kubeadm's version.
use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;

use super::{BootstrapToken, CertificateKey, ComponentConfig, Endpoint, Taint, Version};

/// containerd's socket, in the form that every kubeadm of now understands.
pub const DEFAULT_CRI_SOCKET: &str = "unix:///run/containerd/containerd.sock";

/// kubeadm's default `clusterName`.
pub const DEFAULT_CLUSTER_NAME: &str = "kubernetes";

/// kubeadm's default `networking.dnsDomain`.
pub const DEFAULT_DNS_DOMAIN: &str = "cluster.local";

/// kubeadm's default `networking.serviceSubnet`.
pub const DEFAULT_SERVICE_SUBNET: &str = "10.96.0.0/12";

/// What holds for the whole cluster; kubeadm reads it at `init` only and keeps it in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterSpec {
    /// `clusterName`; also the name in kubeconfigs.
    pub name: String,
    /// The control plane's version.
    pub kubernetes_version: Version,
    /// The address that every node and kubeconfig uses; its host is in the API server's certificate. None only in a
    /// cluster of others that was made without: kubeadm lets no second master join it.
    pub control_plane_endpoint: Option<Endpoint>,
    /// Pod ranges: none, one, or an IPv4 and an IPv6 one.
    pub pod_subnet: Vec<IpNet>,
    /// Service ranges; none means kubeadm's default, 10.96.0.0/12.
    pub service_subnet: Vec<IpNet>,
    /// `cluster.local` unless told.
    pub dns_domain: Option<String>,
    /// Further names and addresses for the API server's certificate.
    pub cert_sans: Vec<String>,
    /// `registry.k8s.io` unless told.
    pub image_repository: Option<String>,
    /// The user's `KubeletConfiguration`; `cgroupDriver: systemd` is added if it names none.
    pub kubelet_config: Option<ComponentConfig>,
    /// The user's `KubeProxyConfiguration`.
    pub kube_proxy_config: Option<ComponentConfig>,
    /// `apiServer`.
    pub api_server: ComponentSpec,
    /// `controllerManager`.
    pub controller_manager: ComponentSpec,
    /// `scheduler`.
    pub scheduler: ComponentSpec,
    /// `etcd.local`.
    pub etcd: EtcdSpec,
    /// kubeadm's own feature gates.
    pub feature_gates: BTreeMap<String, bool>,
}

impl ClusterSpec {
    /// The networks of Services, kubeadm's default where none is set.
    pub fn services(&self) -> Vec<IpNet> {
        if self.service_subnet.is_empty() {
            DEFAULT_SERVICE_SUBNET.parse().into_iter().collect()
        } else {
            self.service_subnet.clone()
        }
    }

    /// Whether it is the cluster of this name and endpoint.
    pub fn is(&self, name: &str, endpoint: &Endpoint) -> bool {
        self.name == name && self.control_plane_endpoint.as_ref() == Some(endpoint)
    }

    /// A cluster with kubeadm's defaults for all that can have one.
    pub fn new(
        name: impl Into<String>,
        kubernetes_version: Version,
        control_plane_endpoint: Endpoint,
    ) -> Self {
        Self {
            name: name.into(),
            kubernetes_version,
            control_plane_endpoint: Some(control_plane_endpoint),
            pod_subnet: Vec::new(),
            service_subnet: Vec::new(),
            dns_domain: None,
            cert_sans: Vec::new(),
            image_repository: None,
            kubelet_config: None,
            kube_proxy_config: None,
            api_server: ComponentSpec::default(),
            controller_manager: ComponentSpec::default(),
            scheduler: ComponentSpec::default(),
            etcd: EtcdSpec::default(),
            feature_gates: BTreeMap::new(),
        }
    }
}

/// One of the three control-plane components.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ComponentSpec {
    /// Flags without their dashes.
    pub extra_args: BTreeMap<String, String>,
    /// Files and folders of the host to mount into the static pod.
    pub extra_volumes: Vec<HostPathMount>,
}

/// A path of the host inside of a static pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPathMount {
    /// Name of the volume.
    pub name: String,
    /// Where it is on the host.
    pub host_path: String,
    /// Where it shows in the pod.
    pub mount_path: String,
    /// Whether the pod may not write.
    pub read_only: bool,
    /// Kubernetes' `HostPathType`, such as `File` or `DirectoryOrCreate`.
    pub path_type: Option<String>,
}

/// The etcd member beside each API server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EtcdSpec {
    /// `/var/lib/etcd` unless told.
    pub data_dir: Option<String>,
    /// Flags without their dashes.
    pub extra_args: BTreeMap<String, String>,
}

/// What holds for one node.
#[derive(Clone, Debug)]
pub struct NodeSpec {
    /// The Node's name.
    pub name: String,
    /// The API server's advertised address on a master; on every node the kubelet's `node-ip`.
    pub advertise_address: Option<IpAddr>,
    /// With its `unix://`.
    pub cri_socket: String,
    /// `None`: kubeadm's default (masters get the control-plane taint); an empty list: none at all.
    pub taints: Option<Vec<Taint>>,
    /// Flags without their dashes.
    pub kubelet_extra_args: BTreeMap<String, String>,
    /// Names of preflight checks that may fail.
    pub ignore_preflight_errors: Vec<String>,
    /// Phases that kubeadm leaves out.
    pub skip_phases: Vec<String>,
    /// Folder on the host with kubeadm's patch files; needs kubeadm 1.19.
    pub patches_directory: Option<String>,
}

impl NodeSpec {
    /// A node with kubeadm's defaults.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            advertise_address: None,
            cri_socket: DEFAULT_CRI_SOCKET.to_owned(),
            taints: None,
            kubelet_extra_args: BTreeMap::new(),
            ignore_preflight_errors: Vec::new(),
            skip_phases: Vec::new(),
            patches_directory: None,
        }
    }
}

/// What a join needs to know.
#[derive(Clone, Copy, Debug)]
pub struct JoinSpec<'a> {
    /// Path of [`super::discovery_kubeconfig`]'s text on the host. kubeadm goes on with the address in cluster-info.
    pub discovery_file: &'a str,
    /// Lives as long as the join.
    pub token: &'a BootstrapToken,
    /// The joining node.
    pub node: &'a NodeSpec,
    /// The key of the uploaded certificates for a master, nothing for a worker.
    pub control_plane: Option<&'a CertificateKey>,
}
