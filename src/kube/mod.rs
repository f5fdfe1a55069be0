//! The cluster as kubectl shows and changes it.
//!
//! **Invariant:** no I/O. Everything runs kubectl (or curl) on a host of the cluster: with [`ADMIN_CONF`] on a
//! master, or with [`KUBELET_CONF`] on any node, which may read its own Node, `/readyz` and
//! kubeadm's own `ConfigMap` only.
mod api_servers;
mod as_kubelet;
mod bootstrap_token;
mod drain;
mod kubectl;
mod kubelet_bootstrap;
mod kubelet_log;
mod node;
mod own_certificate;
mod readyz;
mod running_cluster;
mod static_pod;

pub use api_servers::{api_servers_command, parse_api_servers};
pub use bootstrap_token::{
    create_bootstrap_token_script, remove_certificates_command, remove_certificates_script,
    revoke_credentials_script,
};
pub use drain::{Kubelet, delete_node_script, drain_script};
pub use kubectl::{ADMIN_CONF, KUBELET_CONF};
pub use kubelet_bootstrap::hasten_kubelet_bootstrap_command;
pub use kubelet_log::{KubeletWords, kubelet_log_command};
pub use node::{
    Address, Node, NodePatch, OwnNode, ParseError, get_node_command, get_own_node_command, parse_node,
    parse_own_node, patch_node_script,
};
pub use own_certificate::own_certificate_command;
pub use readyz::{endpoint_readyz_command, readyz_command};
pub use running_cluster::{
    RunningCluster, cluster_config_command, own_cluster_config_command, parse_cluster_config,
};
pub use static_pod::image_of_manifest;
