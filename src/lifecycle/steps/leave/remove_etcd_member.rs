//! Step: the member leaves etcd.
use std::net::IpAddr;

use async_trait::async_trait;

use super::verify_etcd_member_gone::is_gone;
use crate::lifecycle::{
    cluster::{Cluster, remove_member_at},
    engine::{Act, Check, Run, Step},
    failure::Failure,
};

/// The member leaves etcd while it still runs, so that a majority stays at every moment.
#[derive(Debug)]
pub(crate) struct RemoveEtcdMember {
    /// The cluster, through one of its masters.
    pub cluster: Cluster,
    /// The member's address.
    pub address: IpAddr,
}

#[async_trait]
impl Step for RemoveEtcdMember {
    fn title(&self) -> &'static str {
        "remove the etcd member"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        is_gone(run, &self.cluster.via().await, self.address).await
    }

    fn may_change_masters(&self) -> bool {
        false
    }

    async fn perform(&self, act: Act<'_>) -> Result<(), Failure> {
        remove_member_at(act, &self.cluster.via().await, self.address).await
    }
}
