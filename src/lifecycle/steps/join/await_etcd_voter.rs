//! Step: the new master's etcd member is a voter, as every other master sees it.
use std::{net::IpAddr, time::Duration};

use async_trait::async_trait;

use crate::{
    etcd,
    lifecycle::{
        cluster::{Cluster, membership},
        engine::{Act, Check, Run, Step, wait_until_done},
        failure::Failure,
    },
};

/// Waits until the member with this address is started and no learner.
#[derive(Debug)]
pub(crate) struct AwaitEtcdVoter {
    /// The cluster, through one of its masters.
    pub cluster: Cluster,
    /// The new member's address.
    pub advertise_address: IpAddr,
}

#[async_trait]
impl Step for AwaitEtcdVoter {
    fn title(&self) -> &'static str {
        "wait for the etcd member to vote"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        let member = etcd::member_at(
            &membership::members(run, &self.cluster.via().await).await?,
            self.advertise_address,
        )
        .cloned();
        Ok(match member {
            Some(member) if !member.is_learner && !member.name.is_empty() => Check::Done,
            Some(_) => Check::Needed("the member is a learner or has not started".into()),
            None => Check::Needed("etcd has no member with this address".into()),
        })
    }

    async fn perform(&self, act: Act<'_>) -> Result<(), Failure> {
        let run = &*act;
        wait_until_done(run, self, "the etcd member is a voter", Duration::from_secs(180)).await
    }

    fn finishes(&self) -> bool {
        true
    }
}
