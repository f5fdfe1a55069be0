//! What a running cluster says of itself.
use serde::Deserialize;

use super::{
    as_kubelet::get_as_kubelet,
    kubectl::{ADMIN_CONF, KUBELET_CONF, kubectl},
    node::ParseError,
};

/// kubeadm's `ClusterConfiguration` as the cluster keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningCluster {
    /// `clusterName`.
    pub cluster_name: String,
    /// `host:port`; empty in a cluster that was made without one.
    pub control_plane_endpoint: String,
    /// With its `v`.
    pub kubernetes_version: String,
    /// Comma-joined if there are two; empty if none.
    pub pod_subnet: String,
    /// Comma-joined if there are two.
    pub service_subnet: String,
    /// `cluster.local`, mostly.
    pub dns_domain: String,
    /// etcd's data on the masters; empty if it is kubeadm's default.
    pub etcd_folder: String,
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

/// Reads the output of [`cluster_config_command`].
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
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct ClusterConfiguration {
        cluster_name: String,
        control_plane_endpoint: String,
        kubernetes_version: String,
        networking: Networking,
        etcd: Etcd,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Etcd {
        local: LocalEtcd,
    }
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct LocalEtcd {
        data_dir: String,
    }
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Networking {
        pod_subnet: String,
        service_subnet: String,
        dns_domain: String,
    }
    let map: ConfigMap = serde_json::from_str(stdout).map_err(|error| ParseError {
        what: "ConfigMap kubeadm-config",
        reason: error.to_string(),
    })?;
    let found: ClusterConfiguration =
        serde_saphyr::from_str(&map.data.cluster_configuration).map_err(|error| ParseError {
            what: "ClusterConfiguration",
            reason: error.to_string(),
        })?;
    Ok(RunningCluster {
        cluster_name: found.cluster_name,
        control_plane_endpoint: found.control_plane_endpoint,
        kubernetes_version: found.kubernetes_version,
        pod_subnet: found.networking.pod_subnet,
        service_subnet: found.networking.service_subnet,
        dns_domain: found.networking.dns_domain,
        etcd_folder: found.etcd.local.data_dir,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_kubeadm_1_37_leaves() {
        let yaml = "apiServer: {}\napiVersion: kubeadm.k8s.io/v1beta4\ncaCertificateValidityPeriod: 87600h0m0s\n\
            certificatesDir: /etc/kubernetes/pki\nclusterName: prod\ncontrolPlaneEndpoint: 10.0.0.100:8443\n\
            controllerManager: {}\ndns: {}\netcd:\n  local:\n    dataDir: /var/lib/etcd\n\
            imageRepository: registry.k8s.io\nkind: ClusterConfiguration\nkubernetesVersion: v1.37.2\n\
            networking:\n  dnsDomain: cluster.local\n  podSubnet: 10.244.0.0/16,fd00:10::/56\n  \
            serviceSubnet: 10.96.0.0/12\nproxy: {}\nscheduler: {}\n";
        let json = serde_json::json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "data": {"ClusterConfiguration": yaml},
            "metadata": {"name": "kubeadm-config", "namespace": "kube-system"},
        });
        assert_eq!(
            parse_cluster_config(&json.to_string()).unwrap(),
            RunningCluster {
                cluster_name: "prod".into(),
                control_plane_endpoint: "10.0.0.100:8443".into(),
                kubernetes_version: "v1.37.2".into(),
                pod_subnet: "10.244.0.0/16,fd00:10::/56".into(),
                service_subnet: "10.96.0.0/12".into(),
                dns_domain: "cluster.local".into(),
                etcd_folder: "/var/lib/etcd".into(),
            }
        );
    }

    #[test]
    fn says_what_it_could_not_read() {
        let error = parse_cluster_config("{}").unwrap_err();
        assert!(error.to_string().contains("kubeadm-config"), "{error}");
        let error = parse_cluster_config(r#"{"data":{"ClusterConfiguration":"["}}"#).unwrap_err();
        assert!(error.to_string().contains("ClusterConfiguration"), "{error}");
    }
}
