//! What is wrong with an `ha_master` as it is written, seen without any host.
use ipnet::IpNet;

use crate::{
    kubeadm::{Endpoint, validate_disjoint},
    tf_provider::{Context, Diagnostic, Path, Value},
};

/// Kubernetes' own default for Services.
const DEFAULT_SERVICE_SUBNET: &str = "10.96.0.0/12";

/// Adds every error that concerns several attributes; unknown values give none.
pub(super) fn validate(cx: &Context, config: &Value) {
    let (cluster, join, peers) = (config.get("cluster"), config.get("join"), config.get("peers"));
    match (cluster.is_null(), join.is_null()) {
        (true, true) => cx.add(
            Diagnostic::error("Neither cluster nor join", "Give a cluster block (the cluster to found, or to join if a peer has it), or join = ha_master.<other>.join.")
                .at(Path::root()),
        ),
        (false, false) => cx.add(
            Diagnostic::error("Both cluster and join", "A master has either a cluster block or join, not both.").at(Path::attribute("join")),
        ),
        (false, true) if peers.is_null() => cx.add(
            Diagnostic::error(
                "peers is missing",
                "With a cluster block, peers must list the SSH addresses of all masters: a new cluster is founded only after each of them was looked at and has none.",
            )
            .at(Path::attribute("peers")),
        ),
        _ => {}
    }
    subnets(cx, cluster, config.get("host"));
}

fn subnets(cx: &Context, cluster: &Value, host: &Value) {
    if cluster.is_null() {
        return;
    }
    let mut networks: Vec<(&str, IpNet)> = Vec::new();
    for (name, default) in [
        ("pod_subnet", None),
        ("service_subnet", Some(DEFAULT_SERVICE_SUBNET)),
    ] {
        let value = cluster.get(name);
        let text = if value.is_null() { default } else { value.as_str() };
        networks.extend(
            text.into_iter()
                .flat_map(|text| text.split(','))
                .filter_map(|net| Some((name, net.trim().parse().ok()?))),
        );
    }
    if let Err(overlap) = validate_disjoint(&networks) {
        let detail = format!("{overlap}. Pods and Services need ranges of their own.");
        cx.add(
            Diagnostic::error("Subnets overlap", detail).at(Path::attribute("cluster").child("pod_subnet")),
        );
    }
    let endpoint = cluster
        .get("control_plane_endpoint")
        .as_str()
        .and_then(|text| text.parse::<Endpoint>().ok())
        .and_then(|endpoint| endpoint.ip());
    let host = host.as_str().and_then(|text| text.parse().ok());
    for (what, address) in [("the endpoint", endpoint), ("the host", host)] {
        let inside = address.and_then(|address| {
            networks
                .iter()
                .find(|(_, net)| net.contains(&address))
                .map(|(name, net)| (*name, *net, address))
        });
        if let Some((name, net, address)) = inside {
            let detail = format!(
                "The address of {what}, {address}, lies in {name} {net}. Hosts, pods and Services need ranges of their own."
            );
            cx.add(Diagnostic::error("Subnets overlap", detail).at(Path::attribute("cluster").child(name)));
        }
    }
}
