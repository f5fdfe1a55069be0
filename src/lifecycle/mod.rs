//! What happens, in order: operations as plans of steps on hosts.
//!
//! **Invariant:** no Terraform types here. **Invariant:** a step's `check` never writes; truth is what it sees.
//! **Invariant:** nothing drops a running command; a stop is looked at between steps and inside of waits.
//!
//! Rooms import only those above them in this list.
mod failure;
mod notice;
mod transport_advice;

mod spec;

mod engine;
mod host;
mod lock;

mod cluster;
mod network;

mod stages;
mod steps;

mod adopt;
mod create;
mod loadbalancer;
mod read;
mod remove;
mod update;

#[cfg(test)]
mod drill;

pub(crate) use adopt::{FoundLoadbalancer, FoundNode, NodeRole, find_loadbalancer, find_node};
pub(crate) use cluster::{is_recorded, look_for_lost_quorum, look_for_stale_master, stale_worker};
pub(crate) use create::{check_master, check_worker, create_master, create_worker};
#[cfg(test)]
pub(crate) use drill::machines;
pub(crate) use engine::{Progress, Run};
pub(crate) use failure::{Failure, FailureKind, failure_of};
pub(crate) use host::{CLUSTER_FILE, Checked, cluster_file, render_cluster};
pub(crate) use loadbalancer::{
    apply_loadbalancer, check_loadbalancer, look_for_own_member, own_member, remove_loadbalancer,
};
pub(crate) use lock::Locks;
pub(crate) use network::{confirm_vip_fault, prove_floating_ip};
pub(crate) use notice::Notice;
pub(crate) use read::{Found, NodeSeen, read_loadbalancer, read_node};
pub(crate) use remove::{Departures, foresee_removal, remove_master, remove_worker};
pub(crate) use spec::{
    Identity, IfUnreachable, Join, LoadbalancerSpec, MasterSpec, NodeChange, NodeSettings, RemovalSpec,
    WorkerSpec,
};
pub(crate) use update::update_node;
