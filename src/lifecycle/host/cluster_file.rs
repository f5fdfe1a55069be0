//! The kubeadm configuration without secrets that stays on a master for people to read.
use crate::{
    kubeadm::{self, ClusterSpec, Version},
    lifecycle::failure::Failure,
    node::files::File,
};

/// The file with this text.
pub(crate) fn cluster_file(content: String) -> File {
    File {
        path: CLUSTER_FILE.to_owned(),
        mode: "0644",
        content,
    }
}

/// Where it lies.
pub(crate) const CLUSTER_FILE: &str = "/var/lib/terraform-provider-ha/files/kubeadm.yaml";

/// Its text.
pub(crate) fn render_cluster(kubeadm: &Version, cluster: &ClusterSpec) -> Result<String, Failure> {
    kubeadm::render_cluster(kubeadm, cluster).map_err(|error| {
        Failure::new("Cannot render the kubeadm configuration", error.to_string())
            .at("cluster.kubernetes_version")
    })
}
