//! What happens, in order: operations as lists of steps on hosts.
//!
//! **Invariant:** no Terraform types here. **Invariant:** a step's `check` never writes; truth is what it sees.
//! **Invariant:** nothing drops a running command; a stop is looked at between steps and inside of waits.
mod step;
mod failure;
mod runner;
mod wait;
mod progress;
mod cluster_lock;

mod marker;
mod loadbalancer_note;
mod look;
mod detached;
mod kubeadm_file;
mod credentials;
mod membership;
mod survey;
mod reset;

mod spec;
mod find_way;
mod preflight;
mod steps;

mod create_master;
mod create_worker;
mod loadbalancer;
mod read_node;
mod read_loadbalancer;
mod remove_node;
mod update_node;

pub use cluster_lock::ClusterLocks;
pub use create_master::{CLUSTER_FILE, CreateFailure, create_master, render_cluster};
pub use create_worker::create_worker;
pub use failure::{Failure, FailureKind};
pub use loadbalancer::{LoadbalancerSpec, apply_loadbalancer, check_loadbalancer, remove_loadbalancer};
pub use preflight::{check_master, check_worker};
pub use progress::Progress;
pub use read_loadbalancer::{LoadbalancerSeen, read_loadbalancer};
pub use read_node::{NodeSeen, read_node};
pub use remove_node::{Leaving, remove_master, remove_worker};
pub use spec::{Join, MasterSpec, NodeWishes, WorkerSpec};
pub use step::Run;
pub use steps::failure_of;
pub use update_node::{NodeChange, update_node};
