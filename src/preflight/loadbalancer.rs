//! Hosts that carry the floating IP.
use std::net::IpAddr;

use ipnet::IpNet;

use super::{Checks, Problem, Severity, check_clock, check_folders, check_kubelet, check_rights};
use crate::{
    kubeadm::API_SERVER_PORT,
    node::{Facts, Interface, interface},
};

/// What a load balancer host is going to be.
#[derive(Clone, Debug)]
pub struct LoadbalancerExpectations<'a> {
    /// The floating IP.
    pub vip: IpAddr,
    /// The port on it.
    pub port: u16,
    /// `HAProxy`'s loopback health port.
    pub health_port: u16,
    /// The interface by name, or none for the one that has the host's address.
    pub interface: Option<&'a str>,
    /// The host's own address among the members.
    pub address: IpAddr,
    /// Whether an API server is, or is going to be, on this host: its address is one of the backends.
    pub has_api_server: bool,
    /// Whether the balancer is here already, so that its ports are its own.
    pub is_installed: bool,
    /// This machine's clock in Unix seconds.
    pub local_clock: i64,
}

/// What keeps a host from carrying the floating IP. Whether the VIP answers elsewhere is a question of its own:
/// [`vip_answers_command`](crate::node::vip::vip_answers_command), [`vip_is_taken`].
pub fn check_loadbalancer(facts: &Facts, expected: &LoadbalancerExpectations<'_>) -> Vec<Problem> {
    if let Some(problem) = check_rights(facts) {
        return vec![problem];
    }
    let mut checks = Checks::default();
    check_folders(facts, &mut checks);
    check_vip(facts, expected, &mut checks);
    if expected.port == expected.health_port {
        let detail = format!("Both are {}. Give another port.", expected.port);
        checks.error(Some("port"), "The port is the health port", detail);
    }
    let has_api_server = expected.has_api_server || facts.kubernetes.api_server_manifest;
    if has_api_server && expected.port == API_SERVER_PORT {
        let detail = format!(
            "{} is one of the backends, and its API server listens on {API_SERVER_PORT}. Give another port, such as 8443.",
            facts.hostname
        );
        checks.error(Some("port"), "Port of the API server beside it", detail);
    }
    if !expected.is_installed {
        for port in [expected.port, expected.health_port]
            .into_iter()
            .filter(|port| facts.listening.contains(port))
        {
            let detail = format!(
                "Something on {} listens on port {port} already. Next to an API server, which has 6443, the balancer needs another port.",
                facts.hostname
            );
            checks.error(Some("port"), "A port of the load balancer is taken", detail);
        }
    }
    check_kubelet(facts, &mut checks);
    check_clock(facts, expected.local_clock, &mut checks);
    checks.problems
}

/// The problem of a VIP that another machine answers for.
pub fn vip_is_taken(vip: IpAddr, lladdr: &str) -> Problem {
    let by = if lladdr.is_empty() {
        String::new()
    } else {
        format!(" with the link-layer address {lladdr}")
    };
    Problem {
        attribute: Some("vip"),
        summary: "The VIP is taken",
        detail: format!(
            "A machine{by} answers for {vip} and is none of the members. Choose a free address, or remove it there."
        ),
        severity: Severity::Error,
        is_mendable: false,
    }
}

fn check_vip(facts: &Facts, expected: &LoadbalancerExpectations<'_>, checks: &mut Checks) {
    let LoadbalancerExpectations { vip, address, .. } = *expected;
    let names = || {
        facts
            .interfaces
            .iter()
            .map(|interface| interface.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    if vip == address {
        let detail = format!(
            "{vip} is the host's own address. The floating IP is an address that no host has by itself."
        );
        return checks.error(Some("vip"), "The VIP is a host's own address", detail);
    }
    if vip.is_ipv4() != address.is_ipv4() {
        let detail = format!("{vip} and {address} are of different families; VRRP needs one for both.");
        return checks.error(
            Some("vip"),
            "The VIP and its members are of different families",
            detail,
        );
    }
    let found = match expected.interface {
        Some(name) => facts.interfaces.iter().find(|interface| interface.name == name),
        None => interface::interface_for(&facts.interfaces, address),
    };
    let Some(found) = found else {
        let looked = expected
            .interface
            .map_or_else(|| address.to_string(), str::to_owned);
        let detail = format!(
            "{} has no interface with {looked}. It has {}.",
            facts.hostname,
            names()
        );
        return checks.error(Some("interface"), "The interface does not exist", detail);
    };
    if let Some(network) = interface::network_of(found, vip)
        && is_end(&network, vip)
    {
        let detail = format!(
            "{vip} is the first or last address of {network} on {}, which stand for the network and for all hosts in it. Choose another address of that network.",
            found.name
        );
        checks.error(Some("vip"), "The VIP is no host's address", detail);
    }
    if !interface::is_vip_in_network(found, vip) {
        let detail = format!(
            "{vip} is in no network of {} on {}, which has {}: neighbours would not ask for it there. Choose an address of that network, or another interface.",
            found.name,
            facts.hostname,
            networks(found)
        );
        checks.error(
            Some("vip"),
            "The VIP is outside of the interface's network",
            detail,
        );
    }
}

/// The network's own address, and the one for all hosts. A /31 has neither, and IPv6 has no broadcast.
fn is_end(network: &IpNet, address: IpAddr) -> bool {
    address.is_ipv4()
        && network.max_prefix_len() - network.prefix_len() > 1
        && (address == network.network() || address == network.broadcast())
}

fn networks(interface: &Interface) -> String {
    interface
        .addresses
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(
        change: impl FnOnce(&mut Facts, &mut LoadbalancerExpectations<'_>),
    ) -> Vec<(Option<&'static str>, &'static str)> {
        let mut facts = Facts::example();
        let mut expected = LoadbalancerExpectations {
            vip: "10.0.0.100".parse().unwrap(),
            port: 8443,
            health_port: 8404,
            interface: None,
            address: "10.0.0.11".parse().unwrap(),
            has_api_server: true,
            is_installed: false,
            local_clock: facts.clock,
        };
        change(&mut facts, &mut expected);
        let problems = check_loadbalancer(&facts, &expected);
        problems
            .iter()
            .map(|problem| (problem.attribute, problem.summary))
            .collect()
    }

    #[test]
    fn a_good_host_has_no_problem() {
        assert_eq!(problems(|_, _| {}), []);
        assert_eq!(problems(|_, expected| expected.interface = Some("eth0")), []);
    }

    #[test]
    fn the_vip_has_to_be_free_and_in_the_network() {
        let vip = |vip: &str| problems(|_, expected| expected.vip = vip.parse().unwrap());
        assert_eq!(
            vip("10.0.1.100"),
            [(Some("vip"), "The VIP is outside of the interface's network")]
        );
        assert_eq!(
            vip("10.0.0.11"),
            [(Some("vip"), "The VIP is a host's own address")]
        );
        assert_eq!(
            vip("fd00::1"),
            [(Some("vip"), "The VIP and its members are of different families")]
        );
    }

    #[test]
    fn the_ends_of_a_network_are_no_hosts() {
        let vip = |vip: &str| problems(|_, expected| expected.vip = vip.parse().unwrap());
        let end = [(Some("vip"), "The VIP is no host's address")];
        assert_eq!(vip("10.0.0.0"), end);
        assert_eq!(vip("10.0.0.255"), end);
        assert_eq!(vip("10.0.0.254"), []);
    }

    #[test]
    fn an_api_server_has_its_port() {
        let with = |change: fn(&mut Facts, &mut LoadbalancerExpectations<'_>)| {
            problems(|facts, expected| {
                (expected.port, expected.has_api_server) = (6443, false);
                change(facts, expected);
            })
        };
        let taken = [(Some("port"), "Port of the API server beside it")];
        assert_eq!(with(|_, _| {}), []);
        assert_eq!(with(|_, expected| expected.has_api_server = true), taken);
        assert_eq!(
            with(|facts, _| facts.kubernetes.api_server_manifest = true),
            taken
        );
        assert_eq!(
            with(|_, expected| (expected.has_api_server, expected.is_installed) = (true, true)),
            taken
        );
    }

    #[test]
    fn a_vip_that_the_host_holds_already_does_not_make_its_own_network() {
        let outside = problems(|facts, expected| {
            expected.vip = "10.0.1.100".parse().unwrap();
            facts.interfaces[1]
                .addresses
                .push("10.0.1.100/32".parse().unwrap());
        });
        assert_eq!(
            outside,
            [(Some("vip"), "The VIP is outside of the interface's network")]
        );
    }

    #[test]
    fn the_interface_has_to_exist() {
        let expected = [(Some("interface"), "The interface does not exist")];
        assert_eq!(problems(|_, wanted| wanted.interface = Some("bond0")), expected);
        assert_eq!(
            problems(|_, wanted| wanted.address = "192.0.2.7".parse().unwrap()),
            expected
        );
    }

    #[test]
    fn a_taken_port_is_a_problem_unless_the_balancer_has_it() {
        let taken = (Some("port"), "A port of the load balancer is taken");
        assert_eq!(
            problems(|facts, _| facts.listening.extend([8443, 8404])),
            [taken, taken]
        );
        let own = problems(|facts, expected| {
            facts.listening.extend([8443, 8404]);
            expected.is_installed = true;
        });
        assert_eq!(own, []);
    }

    #[test]
    fn a_clock_that_is_off_is_said() {
        let skew = |seconds: i64| problems(|_, expected| expected.local_clock -= seconds);
        assert_eq!(skew(2), []);
        assert_eq!(skew(-30), [(None, "The host's clock is off")]);
        assert_eq!(skew(31), [(Some("host"), "The host's clock is wrong")]);
    }
}
