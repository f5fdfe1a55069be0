//! What is wanted of a node, host handles included: the input of operations.
use std::{collections::BTreeMap, net::IpAddr};

use crate::{
    kubeadm::{ClusterSpec, Endpoint, NodeSpec, Taint},
    node::{Facts, facts::ETCD_FOLDER},
    remote::Host,
};

/// What holds for a master and a worker alike.
#[derive(Clone, Debug)]
pub struct NodeWishes {
    /// The Node's name; the host's own if not set.
    pub name: Option<String>,
    /// Address that the API server and etcd of a master are reached by.
    pub advertise_address: Option<IpAddr>,
    /// Labels to have.
    pub labels: BTreeMap<String, String>,
    /// Annotations to have.
    pub annotations: BTreeMap<String, String>,
    /// Taints to have; `None` leaves them to kubeadm.
    pub taints: Option<Vec<Taint>>,
    /// Flags of the kubelet without dashes.
    pub kubelet_extra_args: BTreeMap<String, String>,
    /// kubeadm's checks that may fail.
    pub ignore_preflight_errors: Vec<String>,
    /// kubeadm's phases to leave out.
    pub skip_phases: Vec<String>,
    /// Folder with kubeadm patches on the host.
    pub patches: Option<String>,
    /// The runtime's socket.
    pub cri_socket: String,
}

/// What a node must know to join. Never a secret.
#[derive(Clone, Debug)]
pub struct Join {
    /// The cluster's endpoint.
    pub endpoint: Endpoint,
    /// `sha256:…`
    pub ca_cert_hash: String,
    /// The cluster's name.
    pub cluster_name: String,
    /// Where masters are found.
    pub masters: Vec<Host>,
}

/// A master to be.
#[derive(Clone, Debug)]
pub struct MasterSpec {
    /// What holds for any node.
    pub node: NodeWishes,
    /// The cluster to found, if none is found.
    pub cluster: Option<ClusterSpec>,
    /// The cluster to join.
    pub join: Option<Join>,
    /// All masters, this one left out: where a running cluster is looked for.
    pub peers: Vec<Host>,
}

/// A worker to be.
#[derive(Clone, Debug)]
pub struct WorkerSpec {
    /// What holds for any node.
    pub node: NodeWishes,
    /// The cluster to join.
    pub join: Join,
}

impl MasterSpec {
    /// The cluster's endpoint, wherever it was written.
    pub fn endpoint(&self) -> Option<&Endpoint> {
        self.cluster
            .as_ref()
            .and_then(|cluster| cluster.control_plane_endpoint.as_ref())
            .or(self.join.as_ref().map(|join| &join.endpoint))
    }

    /// The cluster's name, wherever it was written.
    pub fn cluster_name(&self) -> Option<&str> {
        self.cluster
            .as_ref()
            .map(|cluster| cluster.name.as_str())
            .or(self.join.as_ref().map(|join| join.cluster_name.as_str()))
    }

    /// The folder for etcd's data, where the cluster is described.
    pub fn etcd_folder(&self) -> Option<&str> {
        let cluster = self.cluster.as_ref()?;
        Some(cluster.etcd.data_dir.as_deref().unwrap_or(ETCD_FOLDER))
    }

    /// All hosts on which a running cluster would be found, each once.
    pub fn candidates(&self) -> Vec<Host> {
        let mut hosts = self.peers.clone();
        for master in self.join.iter().flat_map(|join| &join.masters) {
            if !hosts.iter().any(|host| host.name() == master.name()) {
                hosts.push(master.clone());
            }
        }
        hosts
    }
}

/// What a check of this provider's own is called in `ignore_preflight_errors`, before the port, in lower case:
/// `Reach-10250`.
pub const REACH_CHECK: &str = "reach-";

impl NodeWishes {
    /// The Node's name on this host.
    pub fn name_on(&self, facts: &Facts) -> String {
        self.name.clone().unwrap_or_else(|| facts.hostname.to_lowercase())
    }
}

impl NodeWishes {
    /// kubeadm's view of the node on this host. Not set: its address is the one it is reached by over SSH if the
    /// machine has that address, and the default route's otherwise.
    pub fn node_spec(&self, facts: &Facts, host: &Host) -> NodeSpec {
        NodeSpec {
            advertise_address: self
                .advertise_address
                .or_else(|| facts.network().own_address(host.name())),
            cri_socket: self.cri_socket.clone(),
            taints: self.taints.clone(),
            kubelet_extra_args: self.kubelet_extra_args.clone(),
            ignore_preflight_errors: self.kubeadms_ignored(),
            skip_phases: self.skip_phases.clone(),
            patches_directory: self.patches.clone(),
            ..NodeSpec::new(self.name_on(facts))
        }
    }
}

impl NodeWishes {
    /// Those of the checks to ignore that are kubeadm's own.
    fn kubeadms_ignored(&self) -> Vec<String> {
        let names = self.ignore_preflight_errors.iter();
        let names = names.filter(|name| !name.to_lowercase().starts_with(REACH_CHECK));
        names.cloned().collect()
    }
}

/// What a node goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The Node's name.
    pub node_name: String,
    /// The address of its API server and etcd member, on a master.
    pub address: Option<IpAddr>,
}
