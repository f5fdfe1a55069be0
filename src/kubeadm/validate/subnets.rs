//! The networks of pods and Services: kubeadm's own rules, and what it lets pass to the user's harm.
use std::collections::BTreeMap;

use ipnet::IpNet;

use super::{super::Version, finding::Finding};
use crate::node::address::unusable_network;

/// A network in CIDR notation without host bits, such as `10.244.0.0/16`.
pub fn validate_cidr(text: &str) -> Result<(), String> {
    let net: IpNet = text
        .parse()
        .map_err(|_unhelpful| format!("{text:?} is not a network in CIDR notation, such as 10.244.0.0/16"))?;
    if net == net.trunc() {
        Ok(())
    } else {
        Err(format!(
            "{text:?} has bits beyond its prefix: the network is {}",
            net.trunc()
        ))
    }
}

/// Networks with the names of their attributes; no two may share an address.
pub fn validate_disjoint(networks: &[(&str, IpNet)]) -> Result<(), String> {
    for (index, (name, net)) in networks.iter().enumerate() {
        for (other_name, other) in networks.iter().skip(index + 1) {
            if net.contains(other) || other.contains(net) {
                return Err(format!("{name} {net} and {other_name} {other} overlap"));
            }
        }
    }
    Ok(())
}

/// What the rules for networks look at.
#[derive(Clone, Copy, Debug)]
pub struct Networks<'a> {
    /// `podSubnet`; none where it is not set.
    pub pods: &'a [IpNet],
    /// `serviceSubnet`, also where it is kubeadm's default.
    pub services: &'a [IpNet],
    /// The cluster's version, where it is known.
    pub version: Option<&'a Version>,
    /// Whether the feature gate `IPv6DualStack` is on; none where that is not known.
    pub dual_stack_gate: Option<bool>,
    /// The controller manager's extra arguments, where all of them are known.
    pub controller_manager: Option<&'a BTreeMap<String, String>>,
    /// How many masters are named.
    pub masters: usize,
}

/// What the network of Services holds at most, as a power of two (`MaximumBitsForServiceSubnet`).
const SERVICE_BITS: u8 = 20;
/// The pod network is at most so many bits larger than a node's part of it (`PodSubnetNodeMaskMaxDiff`).
const NODE_BITS: u8 = 16;
/// The networks hold 10 Services or 14 pods at least; that is four bits of addresses.
const LEAST_BITS: u8 = 4;

/// kubeadm's rules (`ValidateNetworking` in its source), then warnings; each with the attribute of `cluster`.
pub fn check_networks(networks: &Networks<'_>) -> Vec<(&'static str, Finding)> {
    let mut found = Vec::new();
    for (name, nets) in [
        ("pod_subnet", networks.pods),
        ("service_subnet", networks.services),
    ] {
        found.extend(check_families(name, nets, networks).map(|finding| (name, finding)));
        found.extend(nets.iter().filter_map(|net| Some((name, check_kind(name, net)?))));
    }
    let services = networks.services.iter();
    found.extend(services.filter_map(|net| Some(("service_subnet", check_services(net)?))));
    for net in networks.pods {
        found.extend(check_pods(net, networks).map(|finding| ("pod_subnet", finding)));
    }
    found.extend(check_pairs(networks));
    found
}

fn bits(net: &IpNet) -> u8 {
    net.max_prefix_len() - net.prefix_len()
}

fn family(net: &IpNet) -> &'static str {
    if net.addr().is_ipv4() { "IPv4" } else { "IPv6" }
}

fn has_family(nets: &[IpNet], of: &IpNet) -> bool {
    nets.iter().any(|net| family(net) == family(of))
}

fn check_families(name: &str, nets: &[IpNet], networks: &Networks<'_>) -> Option<Finding> {
    let [first, second, rest @ ..] = nets else {
        return None;
    };
    if !rest.is_empty() {
        let detail = format!(
            "{name} has {} networks. Give one, or one of IPv4 and one of IPv6.",
            nets.len()
        );
        return Some(Finding::refusal("Too many networks", detail));
    }
    if family(first) == family(second) {
        let detail = format!(
            "{first} and {second} in {name} are both of {}. Two networks are one of IPv4 and one of IPv6; give one larger network instead.",
            family(first)
        );
        return Some(Finding::refusal("Two networks of one family", detail));
    }
    let minor = networks.version?.minor();
    let is_off = networks.dual_stack_gate == Some(false);
    if minor < 16 || (minor < 21 && is_off) {
        let remedy = if minor < 16 {
            "Give one network."
        } else {
            "Give one network, or set feature_gates = { IPv6DualStack = true }."
        };
        let detail = format!(
            "{name} has two networks. kubeadm takes two from 1.16 on with a feature gate, and from 1.21 on without it; the cluster's version is {}. {remedy}",
            networks.version?
        );
        return Some(Finding::refusal("Two networks in an old version", detail));
    }
    None
}

fn check_kind(name: &str, net: &IpNet) -> Option<Finding> {
    let (kind, is_sure) = unusable_network(net)?;
    let detail = format!(
        "{net} in {name} has {kind} addresses, which do not lead from one machine to another. Take a private network, such as 10.244.0.0/16."
    );
    Some(if is_sure {
        Finding::error("A network that leads nowhere", detail)
    } else {
        Finding::warning("A network that may lead nowhere", detail)
    })
}

fn check_services(net: &IpNet) -> Option<Finding> {
    if bits(net) > SERVICE_BITS {
        let detail = format!(
            "{net} in service_subnet is too large: its prefix must be /{} at least.",
            net.max_prefix_len() - SERVICE_BITS
        );
        return Some(Finding::refusal("Network of the wrong size", detail));
    }
    check_least("service_subnet", net)
}

fn check_least(name: &str, net: &IpNet) -> Option<Finding> {
    (bits(net) < LEAST_BITS).then(|| {
        let detail = format!(
            "{net} in {name} is too small: its prefix must be /{} at most.",
            net.max_prefix_len() - LEAST_BITS
        );
        Finding::refusal("Network of the wrong size", detail)
    })
}

/// The prefix of one node's part of the pod network, and the controller manager's argument that sets it.
fn node_mask(
    net: &IpNet,
    arguments: &BTreeMap<String, String>,
    networks: &Networks<'_>,
) -> Option<(u8, &'static str)> {
    // Without the gate for dual stack, one argument stood for both families.
    let minor = networks.version?.minor();
    let is_plain = minor < 21 && !networks.dual_stack_gate?;
    let (argument, default) = match (is_plain, family(net)) {
        (true, "IPv4") => ("node-cidr-mask-size", 24),
        (true, _) => ("node-cidr-mask-size", 64),
        (false, "IPv4") => ("node-cidr-mask-size-ipv4", 24),
        (false, _) => ("node-cidr-mask-size-ipv6", 64),
    };
    match arguments.get(argument) {
        Some(text) => Some((text.parse().ok()?, argument)),
        None => Some((default, argument)),
    }
}

fn check_pods(net: &IpNet, networks: &Networks<'_>) -> Option<Finding> {
    let arguments = networks.controller_manager?;
    if arguments
        .get("allocate-node-cidrs")
        .is_some_and(|value| value == "false")
    {
        return check_least("pod_subnet", net);
    }
    let (mask, argument) = node_mask(net, arguments, networks)?;
    let remedy = format!("set {argument} in controller_manager.extra_args");
    let prefix = net.prefix_len();
    if prefix > mask {
        let detail = format!(
            "{net} in pod_subnet is smaller than the part of it that each node gets, a /{mask}. Take a larger network, or {remedy}."
        );
        return Some(Finding::refusal("Network of the wrong size", detail));
    }
    if mask - prefix > NODE_BITS {
        let detail = format!(
            "{net} in pod_subnet is too large: each node gets a /{mask} of it, and it may be {NODE_BITS} bits larger at most, thus a /{}. Take a smaller network, or {remedy}.",
            mask - NODE_BITS
        );
        return Some(Finding::refusal("Network of the wrong size", detail));
    }
    let room = 1_usize << (mask - prefix);
    (room < networks.masters).then(|| {
        let detail = format!(
            "{net} in pod_subnet has room for {room} node{}, as each gets a /{mask} of it, and {} masters are named. The others would have no network for pods. Take a larger network, or {remedy}.",
            if room == 1 { "" } else { "s" },
            networks.masters
        );
        Finding::warning("Pod network too small for the masters", detail)
    })
}

/// Networks that are legal each, but do not go together.
fn check_pairs(networks: &Networks<'_>) -> Option<(&'static str, Finding)> {
    let Networks { pods, services, .. } = networks;
    if pods.is_empty() {
        return None;
    }
    if let Some(service) = services.iter().find(|service| !has_family(pods, service)) {
        let detail = format!(
            "The Services of {service} would have no pods behind them, as pod_subnet has no network of {}. Set both, pod_subnet and service_subnet, to the same families.",
            family(service)
        );
        return Some((
            "service_subnet",
            Finding::warning("Pods and Services of different families", detail),
        ));
    }
    let pod = pods.iter().find(|pod| !has_family(services, pod))?;
    let detail = format!(
        "pod_subnet has {pod}, service_subnet nothing of {}: pods would have addresses of both families, Services of one. Give service_subnet a second network if they are to have both; it cannot be added later.",
        family(pod)
    );
    Some((
        "service_subnet",
        Finding::warning("Services of one family only", detail),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(text: &str) -> Vec<IpNet> {
        text.split_whitespace().map(|net| net.parse().unwrap()).collect()
    }

    fn found_with(
        pods: &str,
        services: &str,
        version: &str,
        arguments: &[(&str, &str)],
        masters: usize,
    ) -> Vec<(&'static str, bool)> {
        let arguments: BTreeMap<String, String> = arguments
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let found = check_networks(&Networks {
            pods: &nets(pods),
            services: &nets(services),
            version: version.parse().ok().as_ref(),
            dual_stack_gate: Some(false),
            controller_manager: Some(&arguments),
            masters,
        });
        found
            .into_iter()
            .map(|(name, finding)| (name, finding.is_error))
            .collect()
    }

    fn found(pods: &str, services: &str) -> Vec<(&'static str, bool)> {
        found_with(pods, services, "1.37.2", &[], 3)
    }

    const SERVICES: &str = "10.96.0.0/12";

    #[test]
    fn overlapping_networks_are_named() {
        let networks = [
            ("pod_subnet", "10.96.0.0/11".parse().unwrap()),
            ("service_subnet", "10.100.0.0/16".parse().unwrap()),
        ];
        assert_eq!(
            validate_disjoint(&networks).unwrap_err(),
            "pod_subnet 10.96.0.0/11 and service_subnet 10.100.0.0/16 overlap"
        );
        let disjoint = |text: &str| {
            validate_disjoint(
                &nets(text)
                    .into_iter()
                    .map(|net| ("subnet", net))
                    .collect::<Vec<_>>(),
            )
        };
        assert!(disjoint("10.0.0.0/16 10.1.0.0/16 fd00::/64").is_ok());
        assert!(disjoint("10.0.0.0/16 10.1.0.0/16 10.0.0.0/8").is_err());
    }

    #[test]
    fn a_network_has_no_host_bits() {
        assert!(validate_cidr("10.244.0.0/16").is_ok());
        assert!(validate_cidr("fd00:10::/56").is_ok());
        assert!(
            validate_cidr("10.244.0.1/16")
                .unwrap_err()
                .contains("10.244.0.0/16")
        );
        for text in ["10.244.0.0", "10.244.0.0/33", "x"] {
            assert!(validate_cidr(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_kubeadms() {
        let (bad_pods, bad_services) = ([("pod_subnet", true)], [("service_subnet", true)]);
        assert_eq!(found("10.244.0.0/16", SERVICES), []);
        assert_eq!(found("", SERVICES), []);
        assert_eq!(found("10.244.0.0/25", SERVICES), bad_pods);
        assert_eq!(found("10.0.0.0/7", "172.16.0.0/12"), bad_pods);
        assert_eq!(found("10.0.0.0/8", "172.16.0.0/12"), []);
        assert_eq!(found("", "10.96.0.0/11"), bad_services);
        assert_eq!(found("", "10.96.0.0/28"), []);
        assert_eq!(found("", "10.96.0.0/29"), bad_services);
        assert_eq!(found("fd00:10::/48", "fd00:20::/108"), []);
        assert_eq!(found("fd00:10::/47", "fd00:20::/108"), bad_pods);
        assert_eq!(found("fd00:10::/65", "fd00:20::/108"), bad_pods);
        assert_eq!(found("fd00:10::/56", "fd00:20::/107"), bad_services);
    }

    #[test]
    fn the_controller_manager_has_a_say() {
        let pods = |arguments, version| found_with("10.244.0.0/25", SERVICES, version, arguments, 2);
        assert_eq!(pods(&[("node-cidr-mask-size-ipv4", "26")], "1.37.2"), []);
        assert_eq!(
            pods(&[("node-cidr-mask-size", "26")], "1.37.2"),
            [("pod_subnet", true)]
        );
        assert_eq!(
            pods(&[("node-cidr-mask-size", "26")], "1.21.0"),
            [("pod_subnet", true)]
        );
        assert_eq!(pods(&[("node-cidr-mask-size", "26")], "1.20.9"), []);
        assert_eq!(pods(&[("allocate-node-cidrs", "false")], "1.37.2"), []);
        assert_eq!(pods(&[], "unknown"), []);
    }

    #[test]
    fn two_networks_are_of_two_families() {
        let both = "10.244.0.0/16 fd00:10::/56";
        let services = "10.96.0.0/12 fd00:20::/108";
        assert_eq!(found(both, services), []);
        assert_eq!(found_with(both, services, "1.21.0", &[], 3), []);
        assert_eq!(
            found_with(both, services, "1.20.9", &[], 3),
            [("pod_subnet", true), ("service_subnet", true)]
        );
        assert_eq!(
            found("10.244.0.0/16 10.245.0.0/16", SERVICES),
            [("pod_subnet", true)]
        );
        assert_eq!(
            found(&format!("{both} 10.250.0.0/16"), services),
            [("pod_subnet", true)]
        );
        assert_eq!(found(both, SERVICES), [("service_subnet", false)]);
        assert_eq!(found("fd00:10::/56", SERVICES), [("service_subnet", false)]);
    }

    #[test]
    fn a_node_without_a_network_is_foreseen() {
        let masters = |masters| found_with("10.244.0.0/24", SERVICES, "1.37.2", &[], masters);
        assert_eq!(masters(1), []);
        assert_eq!(masters(3), [("pod_subnet", false)]);
    }

    #[test]
    fn special_networks_are_told() {
        assert_eq!(found("127.0.0.0/16", SERVICES), [("pod_subnet", true)]);
        assert_eq!(found("169.254.0.0/16", SERVICES), [("pod_subnet", false)]);
        assert_eq!(found("", "239.0.0.0/16"), [("service_subnet", true)]);
    }
}
