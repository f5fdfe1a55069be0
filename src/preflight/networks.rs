//! A host's own networks beside those of pods and Services.
use ipnet::IpNet;

use super::Checks;
use crate::node::{Facts, Interface};

/// What networks for pods and containers call their interfaces; a host that was a node before has them still.
const VIRTUAL: [&str; 20] = [
    "antrea",
    "br-",
    "cali",
    "cilium",
    "cni",
    "docker",
    "flannel",
    "genev",
    "kube-",
    "lo",
    "lxc",
    "nerdctl",
    "nodelocaldns",
    "ovn",
    "podman",
    "tunl",
    "veth",
    "virbr",
    "vxlan",
    "weave",
];

/// Whether the machine's own interfaces share addresses with `networks`, each with its attribute.
pub(super) fn check_networks(facts: &Facts, networks: &[(&'static str, IpNet)], checks: &mut Checks) {
    let own = |interface: &&Interface| !VIRTUAL.iter().any(|name| interface.name.starts_with(name));
    for interface in facts.interfaces.iter().filter(own) {
        for address in &interface.addresses {
            let shared = networks
                .iter()
                .find(|(_, net)| net.contains(&address.addr()) || net.contains(&address.trunc()));
            if let Some((attribute, net)) = shared {
                let detail = format!(
                    "{} has {address} on {}, which lies in {attribute} {net}: hosts would take each other for pods or Services. Hosts, pods and Services need ranges of their own.",
                    facts.hostname, interface.name
                );
                checks.error(Some(attribute), "Subnets overlap", detail);
                continue;
            }
            let around = networks.iter().find(|(_, net)| address.trunc().contains(net));
            if let Some((attribute, net)) = around {
                let detail = format!(
                    "{} has {} on {}, and {attribute} {net} is a part of it: no machine there may have an address of that part.",
                    facts.hostname,
                    address.trunc(),
                    interface.name
                );
                checks.warning("A subnet lies in the hosts' network", detail);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preflight::Severity;

    fn found(
        interfaces: &[(&str, &str)],
        networks: &[(&'static str, &str)],
    ) -> Vec<(Option<&'static str>, Severity)> {
        let mut facts = Facts::example();
        facts.interfaces = interfaces
            .iter()
            .map(|(name, net)| Interface {
                name: (*name).to_owned(),
                addresses: vec![net.parse().unwrap()],
            })
            .collect();
        let networks: Vec<_> = networks
            .iter()
            .map(|(name, net)| (*name, net.parse().unwrap()))
            .collect();
        let mut checks = Checks::default();
        check_networks(&facts, &networks, &mut checks);
        checks
            .problems
            .iter()
            .map(|problem| (problem.attribute, problem.severity))
            .collect()
    }

    #[test]
    fn a_hosts_own_network_is_no_network_of_pods() {
        let pods = [
            ("pod_subnet", "192.168.0.0/16"),
            ("service_subnet", "10.96.0.0/12"),
        ];
        let inside = [(Some("pod_subnet"), Severity::Error)];
        assert_eq!(found(&[("eth0", "10.0.2.15/24")], &pods), []);
        assert_eq!(
            found(&[("eth0", "10.0.2.15/24"), ("eth1", "192.168.56.11/24")], &pods),
            inside
        );
        assert_eq!(found(&[("eth1", "192.168.56.11/32")], &pods), inside);
        assert_eq!(
            found(&[("eth0", "10.100.0.1/16")], &pods),
            [(Some("service_subnet"), Severity::Error)]
        );
    }

    #[test]
    fn what_pods_have_themselves_is_no_overlap() {
        let pods = [
            ("pod_subnet", "10.244.0.0/16"),
            ("service_subnet", "10.96.0.0/12"),
        ];
        assert_eq!(
            found(
                &[
                    ("lo", "127.0.0.1/8"),
                    ("cni0", "10.244.0.1/24"),
                    ("kube-ipvs0", "10.96.0.1/32")
                ],
                &pods
            ),
            []
        );
    }

    #[test]
    fn a_part_of_a_large_network_may_be_free() {
        let pods = [("pod_subnet", "10.244.0.0/16")];
        assert_eq!(
            found(&[("eth0", "10.0.0.11/8")], &pods),
            [(None, Severity::Warning)]
        );
    }
}
