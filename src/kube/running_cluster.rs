//! What a running cluster says of itself.
use std::error::Error as _;

use serde::Deserialize;

use super::{
    as_kubelet::get_as_kubelet,
    kubectl::{ADMIN_CONF, KUBELET_CONF, kubectl},
    node::ParseError,
};
use crate::kubeadm::{ClusterSpec, ReadBackError, Topology, read_cluster, read_topology};

/// What a running cluster says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningCluster {
    /// Its settings.
    pub spec: ClusterSpec,
    /// Where its etcd runs.
    pub topology: Topology,
}

/// Prints the `ConfigMap` that kubeadm leaves in the cluster. On a master; read it with [`parse_cluster_config`].
pub fn cluster_config_command() -> String {
    with_kubectl(ADMIN_CONF)
}

/// The same with the kubelet's credentials, on any node: kubeadm lets the group `system:nodes` read it (its Role
/// `kubeadm:nodes-kubeadm-config`).
pub fn own_cluster_config_command() -> String {
    get_as_kubelet(
        "/api/v1/namespaces/kube-system/configmaps/kubeadm-config",
        &with_kubectl(KUBELET_CONF),
    )
}

fn with_kubectl(kubeconfig: &str) -> String {
    format!(
        "{} -n kube-system get configmap kubeadm-config -o json",
        kubectl(kubeconfig)
    )
}

/// Reads the output of [`cluster_config_command`]; see [`read_cluster`] for what is in it and what not.
pub fn parse_cluster_config(stdout: &str) -> Result<RunningCluster, ParseError> {
    #[derive(Deserialize)]
    struct ConfigMap {
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        #[serde(rename = "ClusterConfiguration")]
        cluster_configuration: String,
    }
    let map: ConfigMap = serde_json::from_str(stdout).map_err(|error| ParseError {
        what: "ConfigMap kubeadm-config",
        reason: error.to_string(),
    })?;
    let text = &map.data.cluster_configuration;
    let read = || -> Result<RunningCluster, ReadBackError> {
        Ok(RunningCluster {
            spec: read_cluster(text)?,
            topology: read_topology(text)?,
        })
    };
    read().map_err(|error| ParseError {
        what: "ClusterConfiguration",
        reason: match error.source() {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_config_map() {
        let yaml = "clusterName: prod\ncontrolPlaneEndpoint: 10.0.0.100:8443\nkubernetesVersion: v1.37.2\nnetworking: {}\n";
        let json = serde_json::json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "data": {"ClusterConfiguration": yaml},
            "metadata": {"name": "kubeadm-config", "namespace": "kube-system"},
        });
        assert_eq!(
            parse_cluster_config(&json.to_string()).unwrap(),
            RunningCluster {
                spec: ClusterSpec::new(
                    "prod",
                    "1.37.2".parse().unwrap(),
                    "10.0.0.100:8443".parse().unwrap()
                ),
                topology: Topology::StackedEtcd,
            }
        );
    }

    #[test]
    fn says_what_it_could_not_read() {
        let error = parse_cluster_config("{}").unwrap_err();
        assert!(error.to_string().contains("kubeadm-config"), "{error}");
        let error = parse_cluster_config(r#"{"data":{"ClusterConfiguration":"["}}"#).unwrap_err();
        assert!(error.to_string().contains("ClusterConfiguration"), "{error}");
        let error = parse_cluster_config(r#"{"data":{"ClusterConfiguration":"kubernetesVersion: v1"}}"#);
        assert!(
            error.unwrap_err().to_string().contains("\"v1\""),
            "the cause is told"
        );
    }
}
