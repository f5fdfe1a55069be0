//! What happens, in order: operations as lists of steps on hosts.
//!
//! **Invariant:** no Terraform types here. **Invariant:** a step's `check` never writes; truth is what it sees.
//! **Invariant:** nothing drops a running command; a stop is looked at between steps and inside of waits.
pub mod cluster_lock;
pub mod failure;
mod journal;
mod lock_owner;
pub mod progress;
pub mod runner;
pub mod step;
pub mod wait;

mod await_setup;
pub mod connectivity;
pub mod credentials;
pub mod departures;
pub mod detached;
pub mod floating_ip;
pub mod foresee;
pub mod kubeadm_file;
mod leaving_steps;
pub mod left_behind;
pub mod loadbalancer_note;
pub mod look;
mod lost_quorum;
pub mod marker;
pub mod membership;
pub mod reach;
pub mod released;
pub mod remaining;
pub mod reset;
pub mod stale;
pub mod survey;

#[cfg(test)]
mod drill;
pub mod find_way;
pub mod joining;
pub mod preflight;
pub mod spec;
pub mod steps;

pub mod create_master;
pub mod create_worker;
pub mod loadbalancer;
pub mod read_loadbalancer;
pub mod read_node;
pub mod remove_node;
pub mod transport_advice;
mod update_node;

pub use cluster_lock::ClusterLocks;
pub use create_master::{CLUSTER_FILE, cluster_file, create_master, render_cluster};
pub use create_worker::create_worker;
pub use departures::Departures;
#[cfg(test)]
pub(crate) use drill::machines;
pub use failure::{Failure, FailureKind};
pub use floating_ip::{confirm_vip_fault, prove_floating_ip};
pub use foresee::foresee_removal;
pub use left_behind::{IfUnreachable, Notice};
pub use loadbalancer::{
    LoadbalancerSpec, apply_loadbalancer, check_loadbalancer, look_for_own_member, own_member,
    remove_loadbalancer,
};
pub use lost_quorum::look_for_lost_quorum;
pub use preflight::{Checked, check_master, check_worker};
pub use progress::Progress;
pub use read_loadbalancer::{LoadbalancerSeen, read_loadbalancer};
pub use read_node::{Found, NodeSeen, read_node};
pub use remove_node::{Leaving, remove_master, remove_worker};
pub use spec::{Identity, Join, MasterSpec, NodeWishes, WorkerSpec};
pub use stale::{is_recorded, look_for_stale_master, stale_worker};
pub use step::Run;
pub use steps::failure_of;
pub use update_node::{NodeChange, update_node};
