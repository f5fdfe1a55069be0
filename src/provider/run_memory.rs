//! What holds for one run of Terraform: the provider block, and what its calls have seen, claimed and told so far.
use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    claims::{Claims, Cluster, Machine},
    cluster_networks::ClusterNetworks,
    floating_ips::FloatingIps,
    machines::Machines,
    settings::{Identity, Settings},
};
use crate::{kubeadm::ClusterSpec, lifecycle::Departures, node::Facts, remote::Target, tf_provider::Value};

/// How long a look at a host stands for another.
pub(super) const FRESH: Duration = Duration::from_secs(10);

/// The memory of one run. The next one begins with another, so nothing here needs to be forgotten.
#[derive(Debug, Default)]
pub(super) struct RunMemory {
    /// `None` until Terraform has sent the provider block.
    pub(super) settings: Option<Settings>,
    /// Masters that are to leave.
    pub(super) departures: Departures,
    /// What hosts say of floating IPs.
    pub(super) floating_ips: FloatingIps,
    /// The networks and addresses of clusters.
    pub(super) networks: ClusterNetworks,
    /// Nodes that exist by their type and host, as this plan saw them.
    pub(super) existing: Mutex<HashMap<(&'static str, Machine), Value>>,
    /// What tells machines apart where a resource says it, for those that reach the same host.
    pub(super) identities: Mutex<HashMap<Machine, Identity>>,
    /// Hosts that were found silent.
    pub(super) silent: Mutex<HashSet<Target>>,
    /// What plans saw of hosts, for the creates that follow.
    pub(super) looks: Mutex<HashMap<Target, (Instant, Facts)>>,
    /// The settings that each cluster runs with, as a refresh saw them.
    pub(super) running: Mutex<HashMap<Cluster, ClusterSpec>>,
    /// What was told about clusters, by the summary.
    pub(super) told: Mutex<HashSet<(Cluster, &'static str)>>,
    /// What resources claim for themselves.
    pub(super) claims: Claims,
    /// Machines that were looked at.
    pub(super) machines: Machines,
}

impl RunMemory {
    /// Of a run that begins with this provider block.
    pub(super) fn of(settings: Settings) -> Self {
        Self {
            settings: Some(settings),
            ..Self::default()
        }
    }
}

/// What a panic of another call left is as good as any: each entry stands by itself.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
