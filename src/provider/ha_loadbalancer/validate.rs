//! What is wrong with an `ha_loadbalancer` as it is written, seen without any host.
use std::{collections::BTreeMap, net::IpAddr};

use super::super::rules::{address, entries, refuse};
use crate::{
    haproxy::HaproxySpec,
    kubeadm::{
        API_SERVER_PORT, CONTROLLER_MANAGER_PORT, ETCD_CLIENT_PORT, ETCD_PEER_PORT, KUBELET_PORT,
        SCHEDULER_PORT,
    },
    node::address::{parse_address, unusable},
    tf_provider::{Context, Diagnostic, Path, Value},
};

/// Adds every error that concerns several attributes, or elements of one; unknown values give none.
pub(super) fn validate(cx: &Context, config: &Value) {
    if let Some(vip) = address(config.get("vip")) {
        floating_ip(cx, config, vip);
    }
    for name in ["members", "backends"] {
        addresses(cx, name, config.get(name));
    }
    ports(cx, config);
}

fn floating_ip(cx: &Context, config: &Value, vip: IpAddr) {
    let at = || Path::attribute("vip");
    if let Some(kind) = unusable(vip) {
        let detail = format!(
            "{vip} is {kind}. The floating IP is a free address in the network of the members, which the nodes and users of the API reach."
        );
        return cx.add(Diagnostic::error("Address that cannot float", detail).at(at()));
    }
    for name in ["members", "backends"] {
        if entries(config.get(name)).any(|(_, text)| parse_address(text) == Some(vip)) {
            let detail = format!(
                "{vip} is the address of one of the {name}. The floating IP is an address of its own, which moves between the members."
            );
            cx.add(Diagnostic::error("Floating IP is a host's own address", detail).at(at()));
        }
    }
    let other = entries(config.get("members"))
        .filter_map(|(member, text)| Some((member, parse_address(text)?)))
        .find(|(_, address)| address.is_ipv4() != vip.is_ipv4());
    if let Some((member, other)) = other {
        let detail = format!(
            "The floating IP is {vip}, the member {member} has {other}: VRRP needs one family for all. Give the members' addresses of the floating IP's family."
        );
        cx.add(
            Diagnostic::error(
                "The floating IP and its members are of different families",
                detail,
            )
            .at(Path::attribute("members").key(member)),
        );
    }
}

fn addresses(cx: &Context, name: &str, map: &Value) {
    let mut seen = BTreeMap::new();
    for (key, text) in entries(map) {
        let at = || Path::attribute(name).key(key);
        let Some(address) = parse_address(text) else {
            continue;
        };
        if address.is_unspecified() || address.is_multicast() {
            let kind = unusable(address).unwrap_or_default();
            refuse(
                cx,
                at(),
                Err(format!("{text} is {kind}, which is the address of no host")),
            );
        }
        if let Some(other) = seen.insert(address, key) {
            refuse(
                cx,
                at(),
                Err(format!("{other} and {key} have the same address {address}")),
            );
        }
    }
}

/// Ports that Kubernetes' own programs have on a node, with the program: <https://kubernetes.io/docs/reference/networking/ports-and-protocols/>
/// and the health and metrics ports that are not on that page.
const TAKEN: [(u16, &str); 10] = [
    (53, "a DNS server"),
    (ETCD_CLIENT_PORT, "etcd"),
    (ETCD_PEER_PORT, "etcd"),
    (2381, "etcd's metrics"),
    (10248, "the kubelet's health page"),
    (10249, "kube-proxy's metrics"),
    (KUBELET_PORT, "the kubelet"),
    (10256, "kube-proxy's health page"),
    (CONTROLLER_MANAGER_PORT, "the controller manager"),
    (SCHEDULER_PORT, "the scheduler"),
];
const NODE_PORTS: std::ops::RangeInclusive<i64> = 30000..=32767;

fn ports(cx: &Context, config: &Value) {
    let health_port = config.get("haproxy").get("health_port");
    let is_health_known = !health_port.is_unknown() && !config.get("haproxy").is_unknown();
    let health = is_health_known.then(|| {
        health_port
            .as_i64()
            .unwrap_or(i64::from(HaproxySpec::HEALTH_PORT))
    });
    let port = config.get("port").as_i64();
    // A port that is forwarded tells nothing of the host's own; what is not known is not 22.
    let ssh = config.get("ssh").get("port");
    let is_ssh_known = !ssh.is_unknown() && !config.get("ssh").is_unknown();
    let ssh = is_ssh_known.then(|| ssh.as_i64().unwrap_or(22));
    let places = [
        (port, Path::attribute("port")),
        (
            health_port.as_i64(),
            Path::attribute("haproxy").child("health_port"),
        ),
    ];
    for (port, at) in places {
        let Some(port) = port else { continue };
        let taken = TAKEN
            .iter()
            .find(|(taken, _)| i64::from(*taken) == port)
            .map(|(_, by)| *by);
        if let Some(by) = taken.or((ssh == Some(port)).then_some("sshd")) {
            let detail = format!("{port} is the port of {by} on this host. Give another, such as 8443.");
            cx.add(Diagnostic::error("Port of another program", detail).at(at));
        } else if NODE_PORTS.contains(&port) {
            let detail = format!(
                "{port} lies in 30000 to 32767, where Kubernetes puts Services of type NodePort: one of them may be given this very port. Take another, unless the API server's service-node-port-range is moved."
            );
            cx.add(Diagnostic::warning("Port among those of Services", detail).at(at));
        }
    }
    let api_server = i64::from(API_SERVER_PORT);
    if is_backend(config) {
        for (port, at) in [
            (port, Path::attribute("port")),
            (health, Path::attribute("haproxy").child("health_port")),
        ] {
            if port == Some(api_server) {
                let detail = format!(
                    "This host is one of the backends, and its API server listens on {api_server}. Give another port, such as 8443, or leave it out."
                );
                cx.add(Diagnostic::error("Port of the API server beside it", detail).at(at));
            }
        }
    }
    // Where no port is set, it is 8443 or 6443: see the schema.
    let default = || match (
        config.get("port").is_null(),
        config.get("backends").is_wholly_known(),
    ) {
        (true, true) if is_backend(config) => Some(8443),
        (true, true) if address(config.get("host")).is_some() => Some(api_server),
        _ => None,
    };
    if let (Some(port), Some(health)) = (port.or_else(default), health)
        && port == health
    {
        let at = if config.get("port").is_null() {
            Path::attribute("haproxy").child("health_port")
        } else {
            Path::attribute("port")
        };
        let detail = format!("port and haproxy.health_port are both {port}. Give one of them another.");
        cx.add(Diagnostic::error("The port is the health port", detail).at(at));
    }
}

/// Whether the host is surely one of the backends. A host that is reached by name is compared when it is looked at.
fn is_backend(config: &Value) -> bool {
    let host = config.get("host");
    entries(config.get("backends")).any(|(_, backend)| {
        host.as_str() == Some(backend)
            || address(host).is_some_and(|host| parse_address(backend) == Some(host))
    })
}
