//! What is wrong with an `ha_master` as it is written, seen without any host.
use super::{
    super::{
        node_rules::validate_node,
        rules::{Rules, version},
    },
    cluster_rules::validate_cluster,
    network_rules::{masters, validate_networks},
};
use crate::{
    kubeadm::Phases,
    tf_provider::{Path, Value},
};

/// Adds every error that concerns several attributes, or elements of one; unknown values give none.
pub(super) fn validate(rules: Rules<'_>, config: &Value) {
    let (cluster, join, peers) = (config.get("cluster"), config.get("join"), config.get("peers"));
    let wrong = match (cluster.is_null(), join.is_null()) {
        (true, true) => Some((
            Path::root(),
            "Missing cluster or join",
            "Give a cluster block (the cluster to initialise, or to join if a peer has it), or join = ha_master.<other>.join.",
        )),
        (false, false) => Some((
            Path::attribute("join"),
            "Both cluster and join",
            "A master has either a cluster block or join, not both.",
        )),
        (false, true) if peers.is_null() => Some((
            Path::attribute("peers"),
            "peers is missing",
            "With a cluster block, peers must list the SSH addresses of all masters: a new cluster is initialised only after each of them was looked at and has none.",
        )),
        _ => None,
    };
    if let Some((at, summary, detail)) = wrong {
        rules.refuse_any(at, summary, detail.to_owned());
    }
    let commands: &[Phases] = if cluster.is_null() {
        &[Phases::Join]
    } else {
        &[Phases::Init, Phases::Join]
    };
    validate_node(rules, config, commands, version(cluster).as_ref());
    validate_cluster(rules, config);
    validate_networks(rules, config);
    if !cluster.is_null() {
        even_number(rules, config);
    }
}

/// etcd's own documentation says so of members (FAQ, "Why an odd number of cluster members?").
fn even_number(rules: Rules<'_>, config: &Value) {
    let peers = config.get("peers");
    // Names that are not known yet may be the host's own; so may a name beside an address.
    let is_counted = peers.is_wholly_known() && !config.get("host").is_unknown();
    let masters = masters(config);
    let count = masters.at_least();
    if is_counted && masters.is_exact() && count > 0 && count.is_multiple_of(2) {
        let detail = format!(
            "{count} masters are named. etcd needs a majority of them: {count} bear the loss of {}, as {} do, and one more machine can fail. Take {} or {}.",
            (count - 1) / 2,
            count - 1,
            count - 1,
            count + 1
        );
        rules.warn(Path::attribute("peers"), "Even number of masters", detail);
    }
}
