//! Kinds of addresses: which can belong to one host, and which text means the same one.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The address that a text means, whatever its spelling; an IPv4 address in IPv6 clothes is the IPv4 one.
pub fn parse_address(text: &str) -> Option<IpAddr> {
    text.trim()
        .parse::<IpAddr>()
        .ok()
        .map(|address| address.to_canonical())
}

/// One spelling for each address (RFC 5952, IPv4 for IPv4-mapped IPv6) and name (lower case, no dot at the end).
pub fn same_spelling(host: &str) -> String {
    parse_address(host).map_or_else(
        || host.trim().trim_end_matches('.').to_lowercase(),
        |address| address.to_string(),
    )
}

/// What an address is that can belong to no single host on its network, as a noun: "a loopback address".
pub fn unusable(address: IpAddr) -> Option<&'static str> {
    let address = address.to_canonical();
    if address.is_unspecified() {
        Some("the unspecified address")
    } else if address.is_loopback() {
        Some("a loopback address")
    } else if address.is_multicast() {
        Some("a multicast address")
    } else if address == IpAddr::V4(Ipv4Addr::BROADCAST) {
        Some("the broadcast address")
    } else if is_link_local(address) {
        Some("a link-local address")
    } else {
        None
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// What addresses of a network cannot be routed for, as an adjective: "loopback". With it, whether that is sure to fail;
/// link-local ones only fail between machines.
pub fn unusable_network(network: &IpNet) -> Option<(&'static str, bool)> {
    let v4 = |a, prefix| Ipv4Net::new_assert(a, prefix).into();
    let v6 = |first, prefix| Ipv6Net::new_assert(Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0, 0), prefix).into();
    let kinds: [(&'static str, bool, IpNet); 8] = [
        ("unspecified", true, v4(Ipv4Addr::UNSPECIFIED, 8)),
        ("loopback", true, v4(Ipv4Addr::new(127, 0, 0, 0), 8)),
        ("multicast", true, v4(Ipv4Addr::new(224, 0, 0, 0), 4)),
        ("link-local", false, v4(Ipv4Addr::new(169, 254, 0, 0), 16)),
        (
            "loopback",
            true,
            Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128).into(),
        ),
        ("multicast", true, v6(0xff00, 8)),
        ("link-local", false, v6(0xfe80, 10)),
        ("site-local", false, v6(0xfec0, 10)),
    ];
    kinds
        .iter()
        .find(|(_, _, special)| special.contains(network) || network.contains(special))
        .map(|(kind, is_sure, _)| (*kind, *is_sure))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_many_spellings() {
        let spellings = ["fd00::11", "fd00:0::11", "FD00::0011"];
        assert!(
            spellings
                .iter()
                .all(|text| parse_address(text) == parse_address("fd00::11"))
        );
        assert_eq!(parse_address("::ffff:10.0.0.1"), parse_address("10.0.0.1"));
        assert_eq!(parse_address("m1"), None);
    }

    #[test]
    fn special_addresses_belong_to_no_host() {
        let kind = |text: &str| unusable(text.parse().unwrap());
        assert_eq!(kind("0.0.0.0"), Some("the unspecified address"));
        assert_eq!(kind("::"), Some("the unspecified address"));
        assert_eq!(kind("127.0.0.9"), Some("a loopback address"));
        assert_eq!(kind("::ffff:127.0.0.1"), Some("a loopback address"));
        assert_eq!(kind("224.0.0.18"), Some("a multicast address"));
        assert_eq!(kind("ff02::12"), Some("a multicast address"));
        assert_eq!(kind("255.255.255.255"), Some("the broadcast address"));
        assert_eq!(kind("169.254.1.1"), Some("a link-local address"));
        assert_eq!(kind("fe80::1"), Some("a link-local address"));
        assert_eq!(kind("10.0.0.1"), None);
        assert_eq!(kind("fd00::1"), None);
    }

    #[test]
    fn special_networks_are_known_from_inside_and_outside() {
        let kind = |text: &str| unusable_network(&text.parse().unwrap());
        assert_eq!(kind("127.1.0.0/16"), Some(("loopback", true)));
        assert_eq!(kind("126.0.0.0/7"), Some(("loopback", true)));
        assert_eq!(kind("239.0.0.0/16"), Some(("multicast", true)));
        assert_eq!(kind("169.254.0.0/16"), Some(("link-local", false)));
        assert_eq!(kind("fec0::/56"), Some(("site-local", false)));
        assert_eq!(kind("10.244.0.0/16"), None);
        assert_eq!(kind("fd00::/48"), None);
    }
}
