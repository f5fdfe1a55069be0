//! Between hosts: whether they reach each other, and who has the floating IP.
mod connectivity;
mod floating_ip;
mod loadbalancer_connectivity;

pub(crate) use connectivity::{
    Place, check_master_connections, check_worker_connections, explain, master_connections, may_be_explained,
    places, worker_connections,
};
pub(crate) use floating_ip::{confirm_vip_fault, prove_floating_ip};
pub(crate) use loadbalancer_connectivity::check_loadbalancer_connections;
