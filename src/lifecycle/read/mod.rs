//! What a refresh sees, in one round trip for each host. Never writes.
mod loadbalancer;
mod node;

pub(crate) use loadbalancer::read_loadbalancer;
pub(crate) use node::{Found, NodeSeen, read_node};
