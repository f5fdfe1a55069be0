//! What is wrong with an `ha_master` as it is written, seen without any host.
use super::{
    super::{node_rules::validate_node, rules::version},
    cluster_rules::validate_cluster,
    network_rules::{masters, validate_networks},
};
use crate::{
    kubeadm::Phases,
    tf_provider::{Context, Diagnostic, Path, Value},
};

/// Adds every error that concerns several attributes, or elements of one; unknown values give none.
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
    let commands: &[Phases] = if cluster.is_null() {
        &[Phases::Join]
    } else {
        &[Phases::Init, Phases::Join]
    };
    validate_node(cx, config, commands, version(cluster).as_ref());
    validate_cluster(cx, cluster);
    validate_networks(cx, config);
    if !cluster.is_null() {
        even_number(cx, config);
    }
}

/// etcd's own documentation says so of members (FAQ, "Why an odd number of cluster members?").
fn even_number(cx: &Context, config: &Value) {
    let peers = config.get("peers");
    // Names that are not known yet may be the host's own.
    let is_counted = peers.is_wholly_known() && !config.get("host").is_unknown();
    let count = masters(config).len();
    if is_counted && count > 0 && count.is_multiple_of(2) {
        let detail = format!(
            "{count} masters are named. etcd needs a majority of them: {count} bear the loss of {}, as {} do, and one more machine can fail. Take {} or {}.",
            (count - 1) / 2,
            count - 1,
            count - 1,
            count + 1
        );
        cx.add(Diagnostic::warning("Even number of masters", detail).at(Path::attribute("peers")));
    }
}
