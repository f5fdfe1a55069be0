//! The refusal of what would change the settings of a running cluster.
use super::model::ClusterModel;
use crate::{
    kubeadm::{AttributePath, Change, ClusterSpec, Effect, Part, PathStep},
    tf_provider::{Diagnostic, Path, Value},
};

/// Errors if the configuration's `cluster` block wants something else than the state's, which is what runs: one for the
/// version, and one for all other settings. What is only spelled otherwise, or a default that is written out, is no change.
///
/// `seen`: what a refresh of this run saw the cluster run with. The state of a master that could not be asked may be older,
/// and that of one that was imported, or joined by `join`, has no block to compare with.
pub(super) fn settings_change(prior: &Value, wanted: &Value, seen: Option<&ClusterSpec>) -> Vec<Diagnostic> {
    let written = prior.get("cluster");
    if !wanted.is_wholly_known() {
        return Vec::new();
    }
    let spec = |block: &Value| ClusterModel::of(block)?.spec();
    if written.is_null() {
        let changes = spec(wanted)
            .zip(seen)
            .map(|(wanted, seen)| wanted.difference(seen));
        return refusals(changes.unwrap_or_default());
    }
    let (Some(mut running), Some(wanted)) = (spec(written), spec(wanted)) else {
        if written == wanted {
            return Vec::new();
        }
        let detail = "This master's cluster block, by which kubeadm has made or joined the cluster, is not there any more or cannot be read. Nothing was changed. Put the old block back.";
        return vec![
            Diagnostic::error("Cluster settings cannot be changed in place", detail)
                .at(Path::attribute("cluster")),
        ];
    };
    match seen {
        Some(seen) => running.kubernetes_version = seen.kubernetes_version.clone(),
        // A refresh found a part of the node only: what its cluster runs by now is not known.
        None if prior.get("machine_id").is_null() => {
            running.kubernetes_version = wanted.kubernetes_version.clone();
        }
        None => {}
    }
    let mut changes = wanted.difference(&running);
    changes.extend(wanted.component_config_difference(&running));
    refusals(changes)
}

fn refusals(changes: Vec<Change>) -> Vec<Diagnostic> {
    let (versions, others): (Vec<Change>, Vec<Change>) = changes
        .into_iter()
        .partition(|change| change.effect == Effect::Upgrade);
    let other_version = versions.iter().map(|change| {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let (running, wanted) = (text(&change.from), text(&change.to));
        let detail = format!(
            "The cluster runs Kubernetes {running}, as a refresh saw it last, and the configuration says {wanted}; this provider does not upgrade a running cluster yet. Nothing was changed. Write kubernetes_version = \"{running}\"; to upgrade, do it with `kubeadm upgrade` node by node, and write the new version then."
        );
        Diagnostic::error("Cluster runs another Kubernetes version", detail).at(path(&change.path))
    });
    other_version.chain(refusal(&others)).collect()
}

/// One error for all: a box with three sentences for each of many settings, on each of three masters, is read by nobody.
fn refusal(changes: &[Change]) -> Option<Diagnostic> {
    let at = match changes {
        [] => return None,
        [one] => path(&one.path),
        _ => Path::attribute("cluster"),
    };
    let told: Vec<String> = changes
        .iter()
        .map(|change| format!("  {change}\n    {}", told(change.effect)))
        .collect();
    let is_fixed = changes.iter().any(|change| change.effect == Effect::Immutable);
    let advice = if is_fixed {
        "Put the old values back; to have a cluster with the new ones, make another one."
    } else {
        "Put the old values back."
    };
    let detail = format!(
        "kubeadm has read the cluster block when the cluster was made; this provider does not change a running cluster by it yet. What runs -> what the configuration says:\n\n{}\n\nNothing was changed. {advice}",
        told.join("\n")
    );
    Some(Diagnostic::error("Cluster settings cannot be changed in place", detail).at(at))
}

/// What the change would take.
fn told(effect: Effect) -> &'static str {
    match effect {
        Effect::Immutable => "Fixed as long as the cluster lives.",
        Effect::Upgrade | Effect::NextJoin => {
            "Nothing that runs would change; kubeadm reads it at joins and upgrades."
        }
        Effect::Rolling(part) => match part {
            Part::ApiServer => "Every API server would restart.",
            Part::ApiServerCertificate => "Every API server would get a new certificate.",
            Part::ControllerManager => "Every controller manager would restart.",
            Part::Scheduler => "Every scheduler would restart.",
            Part::Etcd => "Every etcd member would restart.",
            Part::ControlPlane => "The whole control plane, CoreDNS and kube-proxy would restart.",
            Part::Kubelet => "Every node's kubelet would restart.",
            Part::KubeProxy => "Every node's kube-proxy would restart.",
        },
    }
}

/// The same path, from the outermost block.
fn path(of: &AttributePath) -> Path {
    of.steps()
        .iter()
        .fold(Path::attribute("cluster"), |path, step| match step {
            PathStep::Attribute(name) => path.child(*name),
            PathStep::Key(key) => path.key(key.as_str()),
            PathStep::Index(index) => path.index(*index),
        })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::{
        provider::ha_master::schema::schema,
        tf_provider::{NestedBlock, Type},
    };

    /// A master's state with this block.
    fn state(block: Value) -> Value {
        Value::object([("machine_id", Value::from("4f3c")), ("cluster", block)])
    }

    fn block(more: Json) -> Value {
        let mut block = json!({
            "kubernetes_version": "1.37.2",
            "control_plane_endpoint": "10.0.0.100:8443",
            "pod_subnet": "10.244.0.0/16",
        });
        let Json::Object(more) = more else { panic!() };
        block.as_object_mut().unwrap().extend(more);
        Value::from_json(block)
    }

    /// Path, summary and detail of each error.
    fn refusals(running: Json, wanted: Json) -> Vec<(String, String, String)> {
        settings_change(&state(block(running)), &block(wanted), None)
            .into_iter()
            .map(|told| {
                (
                    told.path.unwrap_or_default().to_string(),
                    told.summary,
                    told.detail,
                )
            })
            .collect()
    }

    #[test]
    fn another_spelling_is_no_change() {
        let same = [
            json!({"kubernetes_version": "v1.37.2"}),
            json!({"pod_subnet": "10.244.7.0/16"}),
            json!({"service_subnet": "10.96.0.0/12"}),
            json!({"dns_domain": "cluster.local", "name": "kubernetes", "image_repository": "registry.k8s.io"}),
            json!({"etcd": {"data_dir": "/var/lib/etcd"}, "scheduler": {}}),
            json!({"cert_sans": [], "feature_gates": {}, "kubelet_config": "cgroupDriver: systemd"}),
        ];
        for wanted in same {
            assert_eq!(refusals(json!({}), wanted.clone()), [], "{wanted}");
            assert_eq!(refusals(wanted.clone(), json!({})), [], "{wanted}");
        }
        let dual = |text: &str| json!({"pod_subnet": text});
        assert_eq!(
            refusals(
                dual("10.244.0.0/16,fd00:10::/56"),
                dual("10.244.0.0/16, fd00:10::1/56")
            ),
            []
        );
        assert!(settings_change(&Value::Null, &block(json!({})), None).is_empty());
        assert!(settings_change(&state(block(json!({}))), &Value::unknown(), None).is_empty());
    }

    #[test]
    fn another_version_is_named_with_the_one_that_runs() {
        let told = refusals(json!({"kubernetes_version": "1.37.3"}), json!({}));
        let [(path, summary, detail)] = &told[..] else {
            panic!("{told:?}")
        };
        assert_eq!(path, "cluster.kubernetes_version");
        assert_eq!(summary, "Cluster runs another Kubernetes version");
        assert!(detail.contains("kubernetes_version = \"1.37.3\""), "{detail}");
    }

    #[test]
    fn one_other_setting_is_pointed_at() {
        let told = refusals(
            json!({"api_server": {"extra_args": {"v": "2"}}}),
            json!({"api_server": {"extra_args": {"v": "4"}}}),
        );
        let [(path, summary, detail)] = &told[..] else {
            panic!("{told:?}")
        };
        assert_eq!(path, r#"cluster.api_server.extra_args["v"]"#);
        assert_eq!(summary, "Cluster settings cannot be changed in place");
        assert!(detail.contains(r#"extra_args["v"]: another value"#), "{detail}");
        assert!(!detail.contains("make another one"), "{detail}");
    }

    #[test]
    fn many_are_one_error_beside_the_version() {
        let told = refusals(
            json!({
                "name": "prod",
                "cert_sans": ["api.example.net"],
                "kube_proxy_config": "mode: ipvs",
            }),
            json!({
                "kubernetes_version": "1.37.3",
                "name": "test",
                "service_subnet": "10.112.0.0/12",
                "feature_gates": {"RootlessControlPlane": true},
                "kube_proxy_config": "mode: nftables",
                "etcd": {"extra_args": {"quota-backend-bytes": "8589934592"}},
            }),
        );
        let [(_, version, _), (path, _, detail)] = &told[..] else {
            panic!("{told:?}")
        };
        assert_eq!(version, "Cluster runs another Kubernetes version");
        assert_eq!(path, "cluster");
        insta::assert_snapshot!(detail);
    }

    #[test]
    fn a_block_that_is_gone_is_refused() {
        let told = settings_change(&state(block(json!({}))), &Value::Null, None);
        assert!(told[0].detail.contains("not there any more"), "{told:?}");
    }

    /// Whether there is such an attribute or block below this block.
    fn is_in_schema(nested: &NestedBlock, path: &[PathStep]) -> bool {
        let [PathStep::Attribute(name), rest @ ..] = path else {
            return false;
        };
        if let Some(attribute) = nested.block.attributes.iter().find(|found| found.name == *name) {
            return match rest {
                [] => true,
                [PathStep::Key(_)] => matches!(attribute.ty, Type::Map(_)),
                _ => false,
            };
        }
        let inner = nested.block.blocks.iter().find(|found| found.name == *name);
        inner.is_some_and(|inner| match rest {
            [] | [PathStep::Index(_)] => true,
            [PathStep::Index(_), rest @ ..] | rest => is_in_schema(inner, rest),
        })
    }

    #[test]
    fn every_path_is_in_the_schema_and_every_attribute_has_one() {
        let component = |v: &str, volumes: Json| json!({"extra_args": {"v": v}, "extra_volumes": volumes});
        let volume = |name: &str, path: &str| json!({"name": name, "host_path": path, "mount_path": path, "read_only": path == "/b", "path_type": if path == "/b" { "File" } else { "" }});
        let side = |letter: &str, version: &str| {
            let path = format!("/{letter}");
            let volumes = json!([volume("same", &path), volume(letter, &path)]);
            json!({
                "name": letter,
                "kubernetes_version": version,
                "control_plane_endpoint": format!("{letter}:1"),
                "pod_subnet": format!("fd00:{letter}::/56"),
                "service_subnet": format!("fd01:{letter}::/112"),
                "dns_domain": letter,
                "cert_sans": [letter],
                "image_repository": letter,
                "kubelet_config": format!("clusterDomain: {letter}"),
                "kube_proxy_config": format!("mode: {letter}"),
                "feature_gates": {letter: true},
                "api_server": component(letter, volumes.clone()),
                "controller_manager": component(letter, volumes.clone()),
                "scheduler": component(letter, volumes),
                "etcd": {"data_dir": path, "extra_args": {"v": letter}},
            })
        };
        let spec = |json| ClusterModel::of(&block(json)).unwrap().spec().unwrap();
        let (running, wanted) = (spec(side("a", "1.37.2")), spec(side("b", "1.37.3")));
        let mut changes = wanted.difference(&running);
        changes.extend(wanted.component_config_difference(&running));
        let schema = schema();
        let cluster = schema
            .block
            .blocks
            .iter()
            .find(|block| block.name == "cluster")
            .unwrap();
        for change in &changes {
            assert!(is_in_schema(cluster, change.path.steps()), "{}", change.path);
        }
        let names = |block: &NestedBlock| -> Vec<&'static str> {
            let attributes = block.block.attributes.iter().map(|attribute| attribute.name);
            attributes
                .chain(block.block.blocks.iter().map(|block| block.name))
                .collect()
        };
        let is_told = |steps: &[&str]| {
            changes.iter().any(|change| {
                let told = change.path.steps().iter().filter_map(|step| match step {
                    PathStep::Attribute(name) => Some(*name),
                    PathStep::Key(_) | PathStep::Index(_) => None,
                });
                told.take(steps.len()).eq(steps.iter().copied())
            })
        };
        for name in names(cluster) {
            assert!(is_told(&[name]), "{name}");
        }
        for block in &cluster.block.blocks {
            for name in names(block) {
                assert!(is_told(&[block.name, name]), "{}.{name}", block.name);
            }
        }
    }

    /// What a refresh saw of a cluster with this block.
    fn seen(more: Json) -> ClusterSpec {
        ClusterModel::of(&block(more)).unwrap().spec().unwrap()
    }

    #[test]
    fn what_a_refresh_saw_counts_more_than_the_state_of_a_silent_master() {
        let newer = seen(json!({"kubernetes_version": "1.37.3"}));
        let wanted = block(json!({"kubernetes_version": "1.37.3"}));
        let silent = state(block(json!({})));
        assert!(settings_change(&silent, &wanted, Some(&newer)).is_empty());
        assert_eq!(settings_change(&silent, &wanted, None).len(), 1);
        assert_eq!(settings_change(&silent, &block(json!({})), Some(&newer)).len(), 1);
    }

    #[test]
    fn an_imported_master_is_compared_with_what_runs() {
        let imported = state(Value::Null);
        let seen = seen(json!({"pod_subnet": "10.244.0.0/16"}));
        let told = |wanted: Json| settings_change(&imported, &block(wanted), Some(&seen));
        assert_eq!(told(json!({"pod_subnet": "10.244.0.0/16"})), []);
        let wrong = told(json!({"pod_subnet": "10.99.0.0/16", "kubernetes_version": "1.37.3"}));
        let paths: Vec<_> = wrong
            .iter()
            .map(|told| told.path.clone().unwrap().to_string())
            .collect();
        assert_eq!(paths, ["cluster.kubernetes_version", "cluster.pod_subnet"]);
        assert_eq!(settings_change(&imported, &Value::Null, Some(&seen)), []);
        assert_eq!(settings_change(&imported, &block(json!({})), None), []);
    }

    #[test]
    fn of_a_half_removed_master_no_version_is_known() {
        let mut half = state(block(json!({})));
        half.set("machine_id", Value::Null);
        let wanted = block(json!({"kubernetes_version": "1.37.3"}));
        assert!(settings_change(&half, &wanted, None).is_empty());
    }
}
