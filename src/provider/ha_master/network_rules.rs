//! Networks of pods and Services beside each other and beside the addresses of machines, and what a master's own
//! addresses may be.
use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;

use super::super::rules::{address, known_map, networks, say, texts, version};
use crate::{
    kubeadm::{DEFAULT_SERVICE_SUBNET, Endpoint, Networks, check_networks, validate_disjoint},
    node::address::{parse_address, unusable},
    tf_provider::{Context, Diagnostic, Path, Value},
};

/// Adds every error and warning.
pub(super) fn validate_networks(cx: &Context, config: &Value) {
    advertise_address(cx, config);
    let cluster = config.get("cluster");
    if cluster.is_null() || cluster.is_unknown() {
        return;
    }
    endpoint(cx, config);
    sizes(cx, config, &subnets(cluster));
    let named = named_networks(cluster);
    if let Err(overlap) = validate_disjoint(&named) {
        let detail = format!("{overlap}. Pods and Services need ranges of their own.");
        cx.add(
            Diagnostic::error("Subnets overlap", detail).at(Path::attribute("cluster").child("pod_subnet")),
        );
    }
    overlaps(cx, config, &named);
}

/// Each network that is known, with its attribute.
pub(super) fn named_networks(cluster: &Value) -> Vec<(&'static str, IpNet)> {
    subnets(cluster)
        .into_iter()
        .flat_map(|(name, nets)| nets.into_iter().map(move |net| (name, net)))
        .collect()
}

/// The subnets that are known, by their attributes; of Services also the default.
fn subnets(cluster: &Value) -> [(&'static str, Vec<IpNet>); 2] {
    [
        ("pod_subnet", None),
        ("service_subnet", Some(DEFAULT_SERVICE_SUBNET)),
    ]
    .map(|(name, default)| {
        let value = cluster.get(name);
        let text = if value.is_null() { default } else { value.as_str() };
        (name, text.map(networks).unwrap_or_default())
    })
}

fn sizes(cx: &Context, config: &Value, [(_, pods), (_, services)]: &[(&'static str, Vec<IpNet>); 2]) {
    let cluster = config.get("cluster");
    let arguments = cluster.get("controller_manager").get("extra_args");
    let gate = cluster.get("feature_gates").get("IPv6DualStack");
    let is_gate_known = !gate.is_unknown() && !cluster.get("feature_gates").is_unknown();
    // One network alone is no pair: what is not known yet is not compared.
    let is_known = |name: &str| !cluster.get(name).is_unknown();
    let (pods, services) = match (is_known("pod_subnet"), is_known("service_subnet")) {
        (true, true) => (pods.as_slice(), services.as_slice()),
        (true, false) => (pods.as_slice(), [].as_slice()),
        (false, _) => ([].as_slice(), services.as_slice()),
    };
    let found = check_networks(&Networks {
        pods,
        services,
        version: version(cluster).as_ref(),
        dual_stack_gate: is_gate_known.then(|| gate.as_bool().unwrap_or(false)),
        controller_manager: known_map(arguments).as_ref(),
        masters: masters(config).len(),
    });
    for (name, finding) in found {
        if services.is_empty() && finding.summary == "Services of one family only" {
            continue;
        }
        say(cx, Path::attribute("cluster").child(name), finding);
    }
}

/// The masters that are named, each once: `peers`, and the host itself.
pub(super) fn masters(config: &Value) -> BTreeSet<String> {
    let hosts = config.get("peers").as_list().iter().chain([config.get("host")]);
    hosts
        .filter_map(Value::as_str)
        .map(|host| parse_address(host).map_or_else(|| host.to_lowercase(), |address| address.to_string()))
        .collect()
}

fn overlaps(cx: &Context, config: &Value, networks: &[(&str, IpNet)]) {
    let endpoint = endpoint_of(config).and_then(|endpoint| parse_address(&endpoint.host));
    let host = address(config.get("host"));
    let advertised = address(config.get("advertise_address"));
    let peers = texts(config.get("peers"), &Path::attribute("peers"));
    let peers = peers
        .iter()
        .filter_map(|(_, peer)| parse_address(peer))
        .filter(|peer| Some(*peer) != host);
    let all = [
        ("the endpoint", endpoint),
        ("the host", host),
        ("advertise_address", advertised),
    ]
    .into_iter()
    .filter_map(|(what, address)| Some((what, address?)))
    .chain(peers.map(|peer| ("a peer", peer)));
    let mut seen = BTreeSet::new();
    for (what, address) in all {
        let inside = networks.iter().find(|(_, net)| net.contains(&address));
        if let Some((name, net)) = inside
            && seen.insert(address)
        {
            let of = if what == "advertise_address" {
                "this master"
            } else {
                what
            };
            let detail = format!(
                "The address of {of}, {address}, lies in {name} {net}. Hosts, pods and Services need ranges of their own."
            );
            cx.add(Diagnostic::error("Subnets overlap", detail).at(Path::attribute("cluster").child(*name)));
        }
    }
}

fn endpoint_of(config: &Value) -> Option<Endpoint> {
    let written = config.get("cluster").get("control_plane_endpoint").as_str();
    written
        .or(config.get("join").get("endpoint").as_str())?
        .parse()
        .ok()
}

fn advertise_address(cx: &Context, config: &Value) {
    let Some(advertised) = address(config.get("advertise_address")) else {
        return;
    };
    let at = || Path::attribute("advertise_address");
    if let Some(kind) = unusable(advertised) {
        let detail = format!(
            "{advertised} is {kind}: the other masters and all nodes must reach this one by it. Give the address of one of its interfaces."
        );
        cx.add(Diagnostic::error("Address that nobody reaches", detail).at(at()));
    } else if masters(config).len() > 1
        && endpoint_of(config).and_then(|endpoint| parse_address(&endpoint.host)) == Some(advertised)
    {
        let detail = format!(
            "{advertised} is the address of the endpoint, which moves between the masters. Give the address of one of this master's interfaces."
        );
        cx.add(Diagnostic::error("Floating IP as a master's own address", detail).at(at()));
    }
}

fn endpoint(cx: &Context, config: &Value) {
    let Some(endpoint) = endpoint_of(config) else {
        return;
    };
    let at = || Path::attribute("cluster").child("control_plane_endpoint");
    let parsed: Option<IpAddr> = parse_address(&endpoint.host);
    let kind = parsed
        .and_then(unusable)
        .or((endpoint.host == "localhost").then_some("a loopback address"));
    match kind {
        Some("a loopback address") => {
            let detail = format!(
                "{endpoint} is each node's own: every node needs a way to the API there, which this provider does not make. Give the endpoint of ha_loadbalancer, or a name that leads to all masters."
            );
            cx.add(Diagnostic::warning("Endpoint on loopback", detail).at(at()));
        }
        Some(kind) => {
            let detail = format!("{} is {kind}: no node reaches the API by it.", endpoint.host);
            cx.add(Diagnostic::error("Endpoint that nobody reaches", detail).at(at()));
        }
        None if parsed.is_some() && parsed == address(config.get("host")) && masters(config).len() > 1 => {
            let detail = format!(
                "{} is this master's own address: the API is gone for all nodes when this machine is. Give the endpoint of ha_loadbalancer, or a name that leads to all masters.",
                endpoint.host
            );
            cx.add(Diagnostic::warning("Endpoint on one master", detail).at(at()));
        }
        None => {}
    }
}
