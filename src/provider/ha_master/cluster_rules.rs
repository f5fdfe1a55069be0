//! What kubeadm and its programs refuse of a `cluster` block, and what breaks the cluster although they take it.
use std::collections::BTreeMap;

use super::{
    super::rules::{Rules, entries, networks, texts, version},
    network_rules::masters,
};
use crate::{
    kubeadm::{
        Component, ComponentKind, DEFAULT_SERVICE_SUBNET, check_argument, check_component_config,
        check_feature_gate, parse_component_config, validate_argument, validate_cert_san,
        validate_cluster_name, validate_data_dir,
    },
    tf_provider::{Path, Value},
};

const COMPONENTS: [(&str, Component); 4] = [
    ("api_server", Component::ApiServer),
    ("controller_manager", Component::ControllerManager),
    ("scheduler", Component::Scheduler),
    ("etcd", Component::Etcd),
];

/// Adds every error and warning.
pub(super) fn validate_cluster(rules: Rules<'_>, config: &Value) {
    let cluster = config.get("cluster");
    let at = |name: &str| Path::attribute("cluster").child(name);
    for (at, name) in texts(cluster.get("cert_sans"), &at("cert_sans")) {
        rules.refuse(at, validate_cert_san(name));
    }
    for (at, check) in [
        (
            at("name"),
            cluster.get("name").as_str().map(validate_cluster_name),
        ),
        (
            at("etcd").child("data_dir"),
            cluster
                .get("etcd")
                .get("data_dir")
                .as_str()
                .map(validate_data_dir),
        ),
    ] {
        if let Some(Err(problem)) = check {
            rules.refuse_new(at, "Invalid attribute value", problem);
        }
    }
    if let Some(version) = version(cluster) {
        for name in cluster
            .get("feature_gates")
            .as_map()
            .into_iter()
            .flat_map(BTreeMap::keys)
        {
            if let Some(finding) = check_feature_gate(name, &version) {
                rules.say(at("feature_gates").key(name.as_str()), finding);
            }
        }
    }
    arguments(rules, config);
    for (name, _) in COMPONENTS {
        volumes(
            rules,
            cluster.get(name).get("extra_volumes"),
            &at(name).child("extra_volumes"),
        );
    }
    for (name, kind) in [
        ("kubelet_config", ComponentKind::Kubelet),
        ("kube_proxy_config", ComponentKind::KubeProxy),
    ] {
        component_config(rules, cluster, name, kind);
    }
}

fn arguments(rules: Rules<'_>, config: &Value) {
    let cluster = config.get("cluster");
    let masters = masters(config);
    let is_single = masters.is_exact() && masters.at_least() == 1 && config.get("peers").is_wholly_known();
    let mut said: BTreeMap<&str, String> = ["pod_subnet", "service_subnet"]
        .into_iter()
        .filter_map(|name| Some((name, cluster.get(name).as_str()?.to_owned())))
        .collect();
    if cluster.get("service_subnet").is_null() {
        said.insert("service_subnet", DEFAULT_SERVICE_SUBNET.to_owned());
    }
    let data_dir = cluster.get("etcd").get("data_dir");
    if !data_dir.is_unknown() {
        said.insert(
            "data_dir",
            data_dir.as_str().unwrap_or("/var/lib/etcd").to_owned(),
        );
    }
    for (block, component) in COMPONENTS {
        for (name, value) in entries(cluster.get(block).get("extra_args")) {
            let at = Path::attribute("cluster")
                .child(block)
                .child("extra_args")
                .key(name);
            if let Err(problem) = validate_argument(name, value) {
                rules.refuse(at, Err(problem));
            } else if let Some(finding) = check_argument(component, name, value, &said, is_single) {
                rules.say(at, finding);
            }
        }
    }
}

fn volumes(rules: Rules<'_>, volumes: &Value, at: &Path) {
    let mut seen = BTreeMap::new();
    for (index, volume) in volumes.as_list().iter().enumerate() {
        let Some(name) = volume.get("name").as_str() else {
            continue;
        };
        if let Some(first) = seen.insert(name, index) {
            let detail = format!(
                "Volumes {} and {} are both named {name:?}. Volumes of a pod have names of their own.",
                first + 1,
                index + 1
            );
            let at = at.clone().index(index).child("name");
            rules.refuse_new(at, "Two volumes of one name", detail);
        }
    }
}

fn component_config(rules: Rules<'_>, cluster: &Value, name: &str, kind: ComponentKind) {
    let Some(config) = cluster
        .get(name)
        .as_str()
        .and_then(|text| parse_component_config(text, kind).ok())
    else {
        return;
    };
    // A network that is not known yet is compared with nothing.
    let nets = |name: &str| cluster.get(name).as_str().map(networks).unwrap_or_default();
    let services = if cluster.get("service_subnet").is_null() {
        networks(DEFAULT_SERVICE_SUBNET)
    } else {
        nets("service_subnet")
    };
    let domain = cluster.get("dns_domain");
    for finding in check_component_config(
        &config,
        kind,
        version(cluster).as_ref(),
        &nets("pod_subnet"),
        &services,
        domain.as_str(),
    ) {
        if finding.summary == "Two DNS domains" && domain.is_unknown() {
            continue;
        }
        rules.say(Path::attribute("cluster").child(name), finding);
    }
}
