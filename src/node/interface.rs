//! Which network interface of a host an address belongs to.
use std::net::IpAddr;

use ipnet::IpNet;

use super::{Answers, Query};

/// One network interface with its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name, for example `eth0`.
    pub name: String,
    /// Its addresses, each with the prefix length of its network.
    pub addresses: Vec<IpNet>,
}

/// A host's place in its networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// All interfaces that have an address, loopback too.
    pub interfaces: Vec<Interface>,
    /// The interface of the default route, IPv4 first.
    pub default_interface: Option<String>,
}

impl Network {
    /// Adds the questions that [`Self::parse`] needs.
    pub fn sections(query: Query) -> Query {
        query
            .section("addresses", "ip -o addr show")
            .section("routes", "ip -o route show default; ip -o -6 route show default")
    }

    /// Reads the answers to [`Self::sections`].
    pub fn parse(answers: &Answers) -> Self {
        let text = |key: &str| answers.text(key).unwrap_or_default();
        Self {
            interfaces: parse_interfaces(text("addresses")),
            default_interface: parse_default_interface(text("routes")),
        }
    }

    /// The first address of the interface that has the default route.
    pub fn default_address(&self) -> Option<IpAddr> {
        let name = self.default_interface.as_ref()?;
        let interface = self.interfaces.iter().find(|interface| interface.name == *name)?;
        interface.addresses.first().map(IpNet::addr)
    }

    /// The address that a node on a host goes by that is reached by this name: the name itself if it is an address of the
    /// host, else [`Self::default_address`].
    pub fn own_address(&self, name: &str) -> Option<IpAddr> {
        let named = name.parse().ok().filter(|address| self.has_address(*address));
        named.or_else(|| self.default_address())
    }

    /// Whether the host has the address.
    pub fn has_address(&self, address: IpAddr) -> bool {
        let mut all = self.interfaces.iter().flat_map(|interface| &interface.addresses);
        all.any(|net| net.addr() == address)
    }
}

/// The interface that has the address itself, else the one whose network it lies in (the longest prefix wins).
pub fn interface_for(interfaces: &[Interface], address: IpAddr) -> Option<&Interface> {
    let has_it = |interface: &&Interface| interface.addresses.iter().any(|net| net.addr() == address);
    let prefix = |interface: &Interface| network_of(interface, address).map(|network| network.prefix_len());
    interfaces.iter().find(has_it).or_else(|| {
        let near = interfaces.iter().filter(|interface| prefix(interface).is_some());
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

/// Reads `ip -o addr show`: `2: eth0    inet 10.0.0.11/24 brd …`, one address a line.
pub(super) fn parse_interfaces(text: &str) -> Vec<Interface> {
    let mut interfaces: Vec<Interface> = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace().skip(1);
        let (Some(name), Some(_family), Some(address)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        let name = name.split('@').next().unwrap_or(name);
        let host = || address.parse::<IpAddr>().map(IpNet::from);
        let Ok(address) = address.parse::<IpNet>().or_else(|_| host()) else {
            continue;
        };
        match interfaces.iter_mut().find(|interface| interface.name == name) {
            Some(interface) => interface.addresses.push(address),
            None => interfaces.push(Interface {
                name: name.to_owned(),
                addresses: vec![address],
            }),
        }
    }
    interfaces
}

pub(super) fn parse_default_interface(routes: &str) -> Option<String> {
    let mut words = routes.split_whitespace().skip_while(|word| *word != "dev");
    words.nth(1).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interfaces() -> Vec<Interface> {
        let interface = |name: &str, addresses: &[&str]| Interface {
            name: name.to_owned(),
            addresses: addresses.iter().map(|net| net.parse().unwrap()).collect(),
        };
        vec![
            interface("lo", &["127.0.0.1/8"]),
            interface("eth0", &["10.0.0.11/8", "10.0.0.100/32"]),
            interface("eth1", &["10.0.1.11/24", "fd00::11/64"]),
        ]
    }

    fn name(address: &str) -> Option<String> {
        interface_for(&interfaces(), address.parse().unwrap()).map(|interface| interface.name.clone())
    }

    #[test]
    fn the_narrowest_network_wins() {
        assert_eq!(name("10.0.1.99").as_deref(), Some("eth1"));
        assert_eq!(name("10.7.7.7").as_deref(), Some("eth0"));
        assert_eq!(name("fd00::9").as_deref(), Some("eth1"));
        assert_eq!(name("192.0.2.1"), None);
    }

    #[test]
    fn the_address_itself_wins_over_any_network() {
        assert_eq!(name("10.0.0.100").as_deref(), Some("eth0"));
    }

    #[test]
    fn a_single_address_is_no_network() {
        let interfaces = interfaces();
        let vip = "10.0.0.100".parse().unwrap();
        assert_eq!(
            network_of(&interfaces[1], vip),
            Some("10.0.0.0/8".parse().unwrap())
        );
        assert!(!is_vip_in_network(&interfaces[2], vip));
    }
}
