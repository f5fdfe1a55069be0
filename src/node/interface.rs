//! Which network interface of a host an address belongs to.
use std::net::IpAddr;

use ipnet::IpNet;

use super::Facts;

/// One network interface with its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name, for example `eth0`.
    pub name: String,
    /// Its addresses, each with the prefix length of its network.
    pub addresses: Vec<IpNet>,
}

/// The interface that has the address itself, else the one whose network it lies in (the longest prefix wins).
pub fn interface_for(facts: &Facts, address: IpAddr) -> Option<&Interface> {
    let has_it = |interface: &&Interface| interface.addresses.iter().any(|net| net.addr() == address);
    let prefix = |interface: &Interface| network_of(interface, address).map(|network| network.prefix_len());
    facts.interfaces.iter().find(has_it).or_else(|| {
        let near = facts
            .interfaces
            .iter()
            .filter(|interface| prefix(interface).is_some());
        near.max_by_key(|interface| prefix(interface))
    })
}

/// The interface's network that the address lies in. A network of a single address, as a VIP has it, is none.
pub fn network_of(interface: &Interface, address: IpAddr) -> Option<IpNet> {
    let shared = interface
        .addresses
        .iter()
        .filter(|net| net.prefix_len() < net.max_prefix_len());
    shared
        .map(IpNet::trunc)
        .filter(|network| network.contains(&address))
        .max_by_key(IpNet::prefix_len)
}

/// Whether hosts next to the interface reach the VIP there without a router.
pub fn is_vip_in_network(interface: &Interface, vip: IpAddr) -> bool {
    network_of(interface, vip).is_some()
}
