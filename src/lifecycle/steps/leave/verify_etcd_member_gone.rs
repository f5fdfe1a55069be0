//! Step: etcd's list has the member no more, whatever `kubeadm reset` said.
use std::net::IpAddr;

use async_trait::async_trait;

use crate::{
    etcd::member_at,
    lifecycle::{
        cluster::{Cluster, members, remove_member_at},
        engine::{Act, Check, Run, Step},
        failure::Failure,
    },
    remote::Host,
};

/// The member is off etcd's list, as a master that stays sees it, whatever `kubeadm reset` said.
#[derive(Debug)]
pub(crate) struct VerifyEtcdMemberGone {
    /// The cluster, through one of its masters.
    pub cluster: Cluster,
    /// The member's address.
    pub address: IpAddr,
}

#[async_trait]
impl Step for VerifyEtcdMemberGone {
    fn title(&self) -> &'static str {
        "verify that the etcd member is gone"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        is_gone(run, &self.cluster.via().await, self.address).await
    }

    async fn perform(&self, act: Act<'_>) -> Result<(), Failure> {
        remove_member_at(act, &self.cluster.via().await, self.address).await
    }

    fn finishes(&self) -> bool {
        true
    }
}

/// Whether etcd lists no member with this address.
pub(crate) async fn is_gone(run: &Run, via: &Host, address: IpAddr) -> Result<Check, Failure> {
    Ok(match member_at(&members(run, via).await?, address) {
        None => Check::Done,
        Some(member) => Check::Needed(format!("etcd still lists member {:x}", member.id)),
    })
}
