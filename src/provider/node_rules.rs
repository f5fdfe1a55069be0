//! What is wrong with a master or worker as it is written, beside what concerns its cluster.
use super::rules::{Rules, entries, texts};
use crate::{
    kubeadm::{
        Kubelet, Phases, Version, check_ignored, check_kubelet_argument, check_phase, validate_argument,
        validate_ca_cert_hash, validate_endpoint,
    },
    tf_provider::{Path, Value},
};

/// Adds every error and warning. `version`: the cluster's, where it is known.
pub(super) fn validate_node(
    rules: Rules<'_>,
    config: &Value,
    commands: &[Phases],
    version: Option<&Version>,
) {
    let kubelet = Kubelet {
        version,
        node_name: config.get("node_name").as_str(),
        cri_socket: config.get("cri_socket").as_str(),
    };
    for (name, value) in entries(config.get("kubelet_extra_args")) {
        let at = Path::attribute("kubelet_extra_args").key(name);
        if let Err(problem) = validate_argument(name, value) {
            rules.refuse(at, Err(problem));
        } else if let Some(finding) = check_kubelet_argument(name, value, kubelet)
            && !is_unknown(config, name)
        {
            rules.say(at, finding);
        }
    }
    let ignored = texts(
        config.get("ignore_preflight_errors"),
        &Path::attribute("ignore_preflight_errors"),
    );
    let all: Vec<&str> = ignored.iter().map(|(_, name)| *name).collect();
    for (at, name) in &ignored {
        if let Some(finding) = check_ignored(name, &all) {
            rules.say(at.clone(), finding);
        }
    }
    for (at, phase) in texts(config.get("skip_phases"), &Path::attribute("skip_phases")) {
        if let Some(finding) = check_phase(phase, commands, version) {
            rules.say(at, finding);
        }
    }
    validate_join(rules, config.get("join"));
}

/// Whether the attribute that an argument repeats has a value that is not known yet.
fn is_unknown(config: &Value, argument: &str) -> bool {
    match argument {
        "hostname-override" => config.get("node_name").is_unknown(),
        "container-runtime-endpoint" => config.get("cri_socket").is_unknown(),
        _ => false,
    }
}

/// The object `join`, which some write by hand.
fn validate_join(rules: Rules<'_>, join: &Value) {
    let at = |name: &str| Path::attribute("join").child(name);
    let text = |name: &str| join.get(name).as_str();
    if let Some(endpoint) = text("endpoint") {
        rules.refuse(at("endpoint"), validate_endpoint(endpoint));
    }
    if let Some(hash) = text("ca_cert_hash") {
        rules.refuse(at("ca_cert_hash"), validate_ca_cert_hash(hash));
    }
    if text("cluster_name").is_some_and(|name| name.trim().is_empty()) {
        rules.refuse(
            at("cluster_name"),
            Err("must not be empty: the name of the cluster, \"kubernetes\" by default".to_owned()),
        );
    }
    let masters = join.get("masters");
    if masters.as_list().is_empty() && matches!(masters, Value::List(_)) {
        let detail = "join.masters is empty: the credentials of a join are made on one of them over SSH. Give join = ha_master.<name>.join, or list the SSH addresses of the masters.";
        rules.refuse_any(at("masters"), "No masters to join through", detail.to_owned());
    }
    for (at, master) in texts(masters, &at("masters")) {
        if master.trim().is_empty() {
            rules.refuse(at, Err("must not be empty".to_owned()));
        }
    }
}
