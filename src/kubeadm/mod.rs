//! kubeadm: what its configuration files say, version by version, how it is called and what it answers.
//!
//! **Invariant:** no I/O. Specs go in; texts and shell commands come out; output goes in, facts come out.
//! A `…_command` is shell text to compose into a script.
//!
//! Reading order: [`ClusterSpec`] and [`NodeSpec`] (`spec`), [`render_init`] and its siblings (`config`),
//! the shapes (`documents`, `cluster_document`, `config_api`), what runs (`read_back`, `difference`, `change`), then calls (`invocation`) and answers (`output`).
mod api_version;
mod certificate;
mod change;
mod cluster_document;
mod component_config;
mod config;
mod config_api;
mod credentials;
mod difference;
#[cfg(test)]
mod difference_tests;
mod discovery;
mod documents;
mod endpoint;
mod invocation;
mod kubelet_flags;
mod names;
mod output;
mod ports;
mod read_back;
mod spec;
mod taint;
mod validate;
mod version;

pub use api_version::{ApiVersion, UnsupportedVersion};
pub use certificate::{CertificateError, ca_cert_hash, common_name, not_after};
pub use change::{AttributePath, Change, Effect, Part, PathStep};
pub use component_config::{ComponentConfig, ComponentKind, parse_component_config};
pub use config::{ConfigFile, RenderError, render_cluster, render_init, render_join, render_upload_certs};
pub use credentials::{BootstrapToken, CertificateKey};
pub use discovery::discovery_kubeconfig;
pub use endpoint::{Endpoint, EndpointError};
pub use invocation::{
    config_validate_command, images_list_command, images_pull_command, init_command, join_command,
    reset_command, upload_certs_command, version_command,
};
pub use kubelet_flags::{KUBELET_FLAGS, KubeletFlags};
pub use names::{validate_label_key, validate_label_value};
pub use output::{PreflightError, explain, last_words, parse_version, preflight_errors};
pub use ports::{
    API_SERVER_PORT, CONTROLLER_MANAGER_PORT, ETCD_CLIENT_PORT, ETCD_PEER_PORT, KUBELET_PORT, SCHEDULER_PORT,
};
pub use read_back::{ReadBackError, Topology, read_cluster, read_topology};
pub use spec::{
    ClusterSpec, ComponentSpec, DEFAULT_CLUSTER_NAME, DEFAULT_CRI_SOCKET, DEFAULT_DNS_DOMAIN,
    DEFAULT_SERVICE_SUBNET, EtcdSpec, HostPathMount, JoinSpec, NodeSpec,
};
pub use taint::{Taint, TaintEffect, TaintError};
pub use validate::{
    Component, Finding, HOST_PATH_TYPES, Kubelet, Networks, Phases, check_argument, check_component_config,
    check_feature_gate, check_ignored, check_kubelet_argument, check_networks, check_phase,
    validate_absolute_path, validate_argument, validate_ca_cert_hash, validate_cert_san, validate_cidr,
    validate_cluster_name, validate_cri_socket, validate_data_dir, validate_disjoint, validate_dns_domain,
    validate_endpoint, validate_image, validate_image_repository, validate_node_name, validate_taint,
    validate_version, validate_volume_name,
};
pub use version::{SkewError, Version, VersionError, check_skew};
