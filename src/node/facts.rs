//! What a host is and has, from one round trip.
use std::{collections::BTreeSet, net::IpAddr};

use semver::Version;

use super::{Answers, Interface, Query};

/// What was seen on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The kernel's host name, as it is.
    pub hostname: String,
    /// `/etc/machine-id`; empty when there is none.
    pub machine_id: String,
    /// `PRETTY_NAME` of os-release.
    pub os_name: String,
    /// As `uname -m` says, for example `x86_64`.
    pub architecture: String,
    /// Processors that are online.
    pub cpus: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Whether any swap is on.
    pub swap: bool,
    /// 1 or 2.
    pub cgroup_version: u8,
    /// Whether systemd is the init process.
    pub systemd: bool,
    /// Whether the kernel forwards IPv4.
    pub ip_forward: bool,
    /// All interfaces that have an address, loopback too.
    pub interfaces: Vec<Interface>,
    /// The interface of the default route, IPv4 first.
    pub default_interface: Option<String>,
    /// The version of the installed kubeadm.
    pub kubeadm_version: Option<Version>,
    /// The version of the installed kubelet.
    pub kubelet_version: Option<Version>,
    /// Whether systemd knows `kubelet.service`.
    pub kubelet_unit: bool,
    /// Which of [`PROGRAMS`] are there.
    pub programs: BTreeSet<String>,
    /// Which of [`CRI_SOCKETS`] are there, as `unix://` addresses.
    pub cri_sockets: Vec<String>,
    /// TCP ports that something listens on.
    pub listening: BTreeSet<u16>,
    /// The host's clock in Unix seconds.
    pub clock: i64,
    /// Whom the SSH user is, before `sudo`.
    pub user: Option<User>,
    /// What of Kubernetes is there.
    pub kubernetes: KubernetesFiles,
}

/// The user that logs in over SSH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Home directory.
    pub home: String,
}

/// What of Kubernetes lies on a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each says that one file exists")]
pub struct KubernetesFiles {
    /// `/etc/kubernetes/admin.conf`
    pub admin_conf: bool,
    /// `/etc/kubernetes/kubelet.conf`
    pub kubelet_conf: bool,
    /// `/etc/kubernetes/manifests/etcd.yaml`
    pub etcd_manifest: bool,
    /// `/etc/kubernetes/manifests/kube-apiserver.yaml`
    pub api_server_manifest: bool,
    /// `/etc/kubernetes/pki/ca.crt`
    pub ca_certificate: bool,
    /// The PEM text of `/etc/kubernetes/pki/ca.crt`.
    pub ca_pem: Option<String>,
    /// `/var/lib/etcd/member`
    pub etcd_data: bool,
    /// The text of [`MARKER`](super::MARKER).
    pub marker: Option<String>,
}

impl KubernetesFiles {
    /// Whether anything of a cluster is there.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An answer without which nothing can be said of a host.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the host gave no usable answer to `{key}`")]
pub struct FactsError {
    /// The section's key.
    pub key: &'static str,
}

/// Programs that are looked for.
pub const PROGRAMS: &[&str] = &[
    "kubeadm",
    "kubelet",
    "kubectl",
    "curl",
    "mount",
    "losetup",
    "cp",
    "ip",
    "iptables",
    "nft",
    "nsenter",
    "conntrack",
    "ethtool",
    "socat",
    "tc",
    "touch",
    "crictl",
    "ctr",
    "ping",
    "arping",
    "systemctl",
    "systemd-run",
    "flock",
    "openssl",
    "ipvsadm",
    "haproxy",
    "keepalived",
];

/// Sockets of container runtimes that are looked for, in kubeadm's order.
pub const CRI_SOCKETS: &[&str] = &[
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/cri-dockerd.sock",
];

/// Adds the questions that [`Facts::parse`] needs.
pub fn sections(query: Query) -> Query {
    query
}

impl Facts {
    /// Reads the answers to [`sections`].
    pub fn parse(_answers: &Answers) -> Result<Self, FactsError> {
        Err(FactsError { key: "hostname" })
    }

    /// Whether the host has the address.
    pub fn has_address(&self, address: IpAddr) -> bool {
        self.interfaces
            .iter()
            .flat_map(|interface| &interface.addresses)
            .any(|net| net.addr() == address)
    }
}
