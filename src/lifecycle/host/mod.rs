//! One host: what it is and has, what this provider notes on it, commands that outlive the link.
mod answers;
mod await_setup;
mod checked;
mod cluster_file;
mod credentials_present;
pub(super) mod detached;
mod facts;
mod files;
mod kubeadm_file;
mod loadbalancer_note;
mod marker;
mod note;
mod reach;
pub(super) mod released_members;
mod reset;
mod user_kubeconfig;

pub(crate) use answers::answers_of;
pub(crate) use await_setup::await_setup;
pub(crate) use checked::Checked;
pub(crate) use cluster_file::{CLUSTER_FILE, cluster_file, render_cluster};
pub(crate) use credentials_present::{has_credentials, is_finished_node, refuse_finished_node};
pub(crate) use detached::{KUBEADM_INIT, KUBEADM_JOIN, PULL_IMAGES, look};
pub(crate) use facts::{look_again, look_unless, marker_of, reach_within, read_facts, read_facts_with};
pub(crate) use files::{FileState, compare_files, differing_file};
pub(crate) use kubeadm_file::{
    node_failure, remove_config, remove_own_configs_command, validate_config, write_config, write_discovery,
};
pub(crate) use loadbalancer_note::LoadbalancerNote;
pub(crate) use marker::{Credentials, InProgress, Marker, Schedulability};
pub(crate) use note::UNREADABLE;
pub(crate) use reach::{Reached, reach_for_removal};
pub(crate) use reset::{clean_host, drop_vip, reset_host, reset_kubeadm};
pub(crate) use user_kubeconfig::remove_copy_script;
