//! Several hosts: whether a cluster runs on them, its members and their health, join credentials.
mod credentials;
mod find_cluster;
mod handle;
mod joining;
mod lost_quorum;
pub(super) mod membership;
mod quorum;
mod same_cluster;
mod stale;
mod survey;

pub(crate) use credentials::{
    kubeadm_version, mint_token, new_bootstrap_token, remove_certificates, revoke, upload_certificates,
};
pub(crate) use find_cluster::{JoinTarget, find_cluster, join_target, wait_for_cluster};
pub(crate) use handle::Cluster;
pub(crate) use joining::{Joined, await_other, await_vote};
pub(crate) use lost_quorum::look_for_lost_quorum;
pub(crate) use membership::{Health, health, known_health, members, node_of, remove_member_at};
pub(crate) use quorum::removal_refused;
pub(crate) use same_cluster::{check_same_ca, check_same_cluster, foreign_cluster};
pub(crate) use stale::{is_recorded, look_for_stale_master, stale_worker, taken_out_by};
pub(crate) use survey::{HostReport, Survey, with_itself};
