//! Steps in which a node leaves its cluster.
mod begin_leaving;
mod clean_host;
mod delete_node;
mod drain_node;
mod guard_quorum;
mod kubeadm_reset;
mod release_vip;
mod remove_etcd_member;
mod stay_in_cluster;
mod verify_etcd_member_gone;

pub(crate) use begin_leaving::BeginLeaving;
pub(crate) use clean_host::CleanHost;
pub(crate) use delete_node::DeleteNode;
pub(crate) use drain_node::DrainNode;
pub(crate) use guard_quorum::GuardQuorum;
pub(crate) use kubeadm_reset::KubeadmReset;
pub(crate) use release_vip::ReleaseVip;
pub(crate) use remove_etcd_member::RemoveEtcdMember;
pub(crate) use stay_in_cluster::StayInCluster;
pub(crate) use verify_etcd_member_gone::VerifyEtcdMemberGone;
