//! Step: the member leaves etcd.
use std::net::IpAddr;

use super::verify_etcd_member_gone::is_gone;
use crate::{
    lifecycle::{
        cluster::remove_member_at,
        engine::{Check, Run, Step},
        failure::Failure,
    },
    remote::Host,
};

use async_trait::async_trait;

/// The member leaves etcd while it still runs, so that a majority stays at every moment.
#[derive(Debug)]
pub(crate) struct RemoveEtcdMember {
    /// The master that is asked.
    pub via: Host,
    /// The member's address.
    pub address: IpAddr,
}

#[async_trait]
impl Step for RemoveEtcdMember {
    fn title(&self) -> &'static str {
        "remove the etcd member"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        is_gone(run, &self.via, self.address).await
    }

    async fn perform(&self, run: &Run) -> Result<(), Failure> {
        remove_member_at(run, &self.via, self.address).await
    }
}
