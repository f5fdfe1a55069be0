//! The refusal of what would change the settings of a running cluster.
use crate::{
    kubeadm::Version,
    tf_provider::{Diagnostic, Path, Value},
};

/// An error if the configuration's `cluster` block says something else than the state's, which is what runs.
pub(super) fn settings_change(running: &Value, wanted: &Value) -> Option<Diagnostic> {
    if running.is_null() || !wanted.is_wholly_known() || running == wanted {
        return None;
    }
    let version = |block: &Value| block.get("kubernetes_version").as_str()?.parse::<Version>().ok();
    let mut same_version = wanted.clone();
    same_version.set("kubernetes_version", running.get("kubernetes_version").clone());
    let is_version_alone = same_version == *running;
    let block = Path::attribute("cluster");
    match (version(running), version(wanted)) {
        (Some(running), Some(wanted)) if running == wanted && is_version_alone => None,
        (Some(running), Some(wanted)) if is_version_alone => {
            let detail = format!(
                "The cluster runs Kubernetes {running}, and the configuration says {wanted}; this provider does not upgrade a running cluster yet. Nothing was changed. Write kubernetes_version = \"{running}\"; to upgrade, do it with `kubeadm upgrade` node by node, and write the new version then."
            );
            let path = block.child("kubernetes_version");
            Some(Diagnostic::error("Cluster runs another Kubernetes version", detail).at(path))
        }
        _ => {
            let detail = "kubeadm has read the cluster block when the cluster was made; this provider does not change a running cluster by it yet. Nothing was changed. Put the old values back; to have a cluster with the new ones, make another one.";
            Some(Diagnostic::error("Cluster settings cannot be changed in place", detail).at(block))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(version: &str, subnet: &str) -> Value {
        Value::object([
            ("kubernetes_version", Value::from(version)),
            ("pod_subnet", Value::from(subnet)),
        ])
    }

    fn refusal(running: &Value, wanted: &Value) -> Option<String> {
        settings_change(running, wanted).map(|told| told.summary)
    }

    #[test]
    fn a_version_that_runs_is_no_change_however_it_is_spelled() {
        let running = block("1.37.2", "10.244.0.0/16");
        assert_eq!(refusal(&running, &block("v1.37.2", "10.244.0.0/16")), None);
        assert_eq!(refusal(&Value::Null, &running), None);
        assert_eq!(refusal(&running, &Value::unknown()), None);
    }

    #[test]
    fn another_version_is_named_with_the_one_that_runs() {
        let told = settings_change(
            &block("1.37.3", "10.244.0.0/16"),
            &block("1.37.2", "10.244.0.0/16"),
        )
        .unwrap();
        assert_eq!(told.summary, "Cluster runs another Kubernetes version");
        assert!(
            told.detail.contains("kubernetes_version = \"1.37.3\""),
            "{}",
            told.detail
        );
    }

    #[test]
    fn other_settings_are_refused() {
        let told = refusal(&block("1.37.2", "10.244.0.0/16"), &block("1.37.3", "10.9.0.0/16"));
        assert_eq!(
            told.as_deref(),
            Some("Cluster settings cannot be changed in place")
        );
    }
}
