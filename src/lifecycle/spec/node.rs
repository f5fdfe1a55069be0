//! What is wanted of a node, host handles included: the input of operations.
use std::{collections::BTreeMap, net::IpAddr};

use crate::{
    kubeadm::{ClusterSpec, Endpoint, NodeSpec},
    node::{Facts, facts::ETCD_FOLDER},
    remote::Host,
};

/// What holds for a master and a worker alike.
#[derive(Clone, Debug)]
pub(crate) struct NodeSettings {
    /// What kubeadm is to be told, as it is written: an empty name is the host's own, and [`Self::node_spec`] finds the
    /// address that is not set.
    pub kubeadm: NodeSpec,
    /// Labels to have.
    pub labels: BTreeMap<String, String>,
    /// Annotations to have.
    pub annotations: BTreeMap<String, String>,
}

/// What a node must know to join. Never a secret.
#[derive(Clone, Debug)]
pub(crate) struct Join {
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
pub(crate) struct MasterSpec {
    /// What holds for any node.
    pub node: NodeSettings,
    /// The cluster to initialise where none is found.
    pub cluster: Option<ClusterSpec>,
    /// The cluster to join.
    pub join: Option<Join>,
    /// All masters, this one left out: where a running cluster is looked for.
    pub peers: Vec<Host>,
}

/// A worker to be.
#[derive(Clone, Debug)]
pub(crate) struct WorkerSpec {
    /// What holds for any node.
    pub node: NodeSettings,
    /// The cluster to join.
    pub join: Join,
}

impl MasterSpec {
    /// The cluster's endpoint, wherever it was written.
    pub(crate) fn endpoint(&self) -> Option<&Endpoint> {
        self.cluster
            .as_ref()
            .and_then(|cluster| cluster.control_plane_endpoint.as_ref())
            .or(self.join.as_ref().map(|join| &join.endpoint))
    }

    /// The cluster's name, wherever it was written.
    pub(crate) fn cluster_name(&self) -> Option<&str> {
        self.cluster
            .as_ref()
            .map(|cluster| cluster.name.as_str())
            .or(self.join.as_ref().map(|join| join.cluster_name.as_str()))
    }

    /// The folder for etcd's data, where the cluster is described.
    pub(crate) fn etcd_folder(&self) -> Option<&str> {
        let cluster = self.cluster.as_ref()?;
        Some(cluster.etcd.data_dir.as_deref().unwrap_or(ETCD_FOLDER))
    }

    /// All hosts on which a running cluster would be found, each once.
    pub(crate) fn candidates(&self) -> Vec<Host> {
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
pub(crate) const REACH_CHECK: &str = "reach-";

impl NodeSettings {
    /// The Node's name, where one is written.
    pub(crate) fn name(&self) -> Option<&str> {
        Some(self.kubeadm.name.as_str()).filter(|name| !name.is_empty())
    }

    /// The Node's name on this host.
    pub(crate) fn name_on(&self, facts: &Facts) -> String {
        self.name()
            .map_or_else(|| facts.hostname.to_lowercase(), str::to_owned)
    }

    /// kubeadm's view of the node on this host. Not set: its address is the one it is reached by over SSH if the
    /// machine has that address, and the default route's otherwise.
    pub(crate) fn node_spec(&self, facts: &Facts, host: &Host) -> NodeSpec {
        NodeSpec {
            name: self.name_on(facts),
            advertise_address: self
                .kubeadm
                .advertise_address
                .or_else(|| facts.network().own_address(host.name())),
            ignore_preflight_errors: self.kubeadms_ignored(),
            ..self.kubeadm.clone()
        }
    }

    /// Those of the checks to ignore that are kubeadm's own.
    fn kubeadms_ignored(&self) -> Vec<String> {
        let names = self.kubeadm.ignore_preflight_errors.iter();
        let names = names.filter(|name| !name.to_lowercase().starts_with(REACH_CHECK));
        names.cloned().collect()
    }
}

/// What a node goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The Node's name.
    pub node_name: String,
    /// The address of its API server and etcd member, on a master.
    pub address: Option<IpAddr>,
}
