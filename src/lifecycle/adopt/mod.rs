//! What runs on a host that another hand set up, for a resource that takes it over. Never writes.
mod loadbalancer;
mod node;

pub(crate) use loadbalancer::{FoundLoadbalancer, find_loadbalancer};
pub(crate) use node::{FoundNode, NodeRole, find_node};
