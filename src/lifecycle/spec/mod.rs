//! What is wanted, host handles included: the input of operations.
mod change;
mod loadbalancer;
mod node;
mod removal;

pub(crate) use change::NodeChange;
pub(crate) use loadbalancer::LoadbalancerSpec;
pub(crate) use node::{Identity, Join, MasterSpec, NodeSettings, REACH_CHECK, WorkerSpec};
pub(crate) use removal::{IfUnreachable, RemovalSpec};
