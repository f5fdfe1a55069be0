//! Networks of pods and Services beside each other and beside the addresses of machines, and what a master's own
//! addresses may be.
use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;

use super::super::{
    rules::{Rules, address, known_map, version},
    subnets::{named_networks, subnets},
};
use crate::{
    kubeadm::{Endpoint, Networks, check_networks, validate_disjoint},
    node::address::{parse_address, same_spelling, unusable},
    tf_provider::{Path, Value},
};

/// Adds every error and warning.
pub(super) fn validate_networks(rules: Rules<'_>, config: &Value) {
    advertise_address(rules, config);
    let cluster = config.get("cluster");
    if cluster.is_null() || cluster.is_unknown() {
        return;
    }
    endpoint(rules, config);
    sizes(rules, config, &subnets(cluster));
    let named = named_networks(cluster);
    if let Err(overlap) = validate_disjoint(&named) {
        let detail = format!("{overlap}. Pods and Services need ranges of their own.");
        let at = Path::attribute("cluster").child("pod_subnet");
        rules.refuse_new(at, "Subnets overlap", detail);
    }
}

fn sizes(rules: Rules<'_>, config: &Value, [(_, pods), (_, services)]: &[(&'static str, Vec<IpNet>); 2]) {
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
        masters: masters(config).at_least(),
    });
    for (name, finding) in found {
        if services.is_empty() && finding.summary == "Services of one family only" {
            continue;
        }
        rules.say(Path::attribute("cluster").child(name), finding);
    }
}

/// The masters that are named, each once: `peers`, and the host itself.
#[derive(Debug, Default)]
pub(super) struct Masters {
    addresses: BTreeSet<String>,
    names: BTreeSet<String>,
}

impl Masters {
    /// How many there are: an address may be that of a name.
    pub(super) fn at_least(&self) -> usize {
        self.addresses.len().max(self.names.len())
    }

    /// Whether there are no more than that.
    pub(super) fn is_exact(&self) -> bool {
        self.addresses.is_empty() || self.names.is_empty()
    }
}

pub(super) fn masters(config: &Value) -> Masters {
    let hosts = config.get("peers").as_list().iter().chain([config.get("host")]);
    let (addresses, names) = hosts
        .filter_map(Value::as_str)
        .map(same_spelling)
        .partition(|host| parse_address(host).is_some());
    Masters { addresses, names }
}

pub(super) fn endpoint_of(config: &Value) -> Option<Endpoint> {
    let written = config.get("cluster").get("control_plane_endpoint").as_str();
    written
        .or(config.get("join").get("endpoint").as_str())?
        .parse()
        .ok()
}

fn advertise_address(rules: Rules<'_>, config: &Value) {
    let Some(advertised) = address(config.get("advertise_address")) else {
        return;
    };
    let at = || Path::attribute("advertise_address");
    if let Some(kind) = unusable(advertised) {
        let detail = format!(
            "{advertised} is {kind}: the other masters and all nodes must reach this one by it. Give the address of one of its interfaces."
        );
        // kubeadm refuses it too (`VerifyAPIServerBindAddress` in its source).
        rules.refuse_any(at(), "Address that nobody reaches", detail);
    } else if masters(config).at_least() > 1
        && endpoint_of(config).and_then(|endpoint| parse_address(&endpoint.host)) == Some(advertised)
    {
        let detail = format!(
            "{advertised} is the address of the endpoint, which moves between the masters. Give the address of one of this master's interfaces."
        );
        rules.refuse_new(at(), "Floating IP as a master's own address", detail);
    }
}

fn endpoint(rules: Rules<'_>, config: &Value) {
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
            rules.warn(at(), "Endpoint on loopback", detail);
        }
        Some(kind) => {
            let detail = format!("{} is {kind}: no node reaches the API by it.", endpoint.host);
            rules.refuse_new(at(), "Endpoint that nobody reaches", detail);
        }
        None if parsed.is_some()
            && parsed == address(config.get("host"))
            && masters(config).at_least() > 1 =>
        {
            let detail = format!(
                "{} is this master's own address: the API is gone for all nodes when this machine is. Give the endpoint of ha_loadbalancer, or a name that leads to all masters.",
                endpoint.host
            );
            rules.warn(at(), "Endpoint on one master", detail);
        }
        None => {}
    }
}
