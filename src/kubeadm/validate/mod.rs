//! What kubeadm, the kubelet and the programs that they start refuse, known from the values alone.
//!
//! A `validate_…` looks at one value and gives a sentence on what is wrong with it. A `check_…` looks at what belongs
//! together, or at what depends on the version, and gives [`Finding`]s: kubeadm is content with some of them, and the
//! user will not be. Where the version is not known, nothing is said that depends on it.
mod arguments;
mod component_fields;
mod feature_gates;
mod finding;
mod image;
mod kubelet_arguments;
mod names;
mod paths;
mod phases;
mod subnets;

pub use arguments::{Component, check_argument, validate_argument};
pub use component_fields::check_component_config;
pub use feature_gates::check_feature_gate;
pub use finding::Finding;
pub use image::{validate_image, validate_image_repository};
pub use kubelet_arguments::{Kubelet, check_kubelet_argument};
pub use names::{
    validate_ca_cert_hash, validate_cert_san, validate_cluster_name, validate_dns_domain, validate_endpoint,
    validate_node_name, validate_taint, validate_version,
};
pub use paths::{
    HOST_PATH_TYPES, validate_absolute_path, validate_cri_socket, validate_data_dir, validate_volume_name,
};
pub use phases::{Phases, check_ignored, check_phase};
pub use subnets::{Networks, check_networks, validate_cidr, validate_disjoint};
