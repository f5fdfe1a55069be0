//! Step: no learner that a failed join left is in the way of this host's: etcd takes one at a time.
use std::{net::IpAddr, time::Duration};

use async_trait::async_trait;

use crate::{
    etcd::Member,
    lifecycle::{
        cluster::{Cluster, membership},
        engine::{Act, Check, Run, Step, wait_until_done},
        failure::{Failure, FailureKind},
    },
};

/// How long a join on a host that cannot be asked may take to make its learner a voter.
const PATIENCE: Duration = Duration::from_secs(30);

/// Removes them. Under the cluster's lock, and after the joins that run on hosts that answer: what is a learner still
/// then was left by a host that went down, or is cut off, in the middle of its join. Should that go on, it fails there,
/// and the next create of that host begins anew.
#[derive(Debug)]
pub(crate) struct RemoveLearners {
    /// The cluster, through one of its masters.
    pub cluster: Cluster,
    /// The joining host's own address: what it left itself is its own join's to undo.
    pub own: Option<IpAddr>,
}

impl RemoveLearners {
    async fn learners(&self, run: &Run) -> Result<Vec<Member>, Failure> {
        let mut members = membership::members(run, &self.cluster.via().await).await?;
        members.retain(|member| member.is_learner && self.own.is_none_or(|own| !member.has_address(own)));
        Ok(members)
    }
}

#[async_trait]
impl Step for RemoveLearners {
    fn title(&self) -> &'static str {
        "remove learners of failed joins"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        let learners = self.learners(run).await?;
        let urls: Vec<&str> = learners
            .iter()
            .flat_map(|member| &member.peer_urls)
            .map(String::as_str)
            .collect();
        Ok(if learners.is_empty() {
            Check::Done
        } else {
            Check::Needed(format!("etcd has a learner at {}", urls.join(", ")))
        })
    }

    async fn perform(&self, act: Act<'_>) -> Result<(), Failure> {
        let run = &*act;
        let gone = wait_until_done(run, self, "the learner votes", PATIENCE).await;
        match gone {
            Err(failure) if failure.kind == FailureKind::Permanent => {}
            gone => return gone,
        }
        for address in self.learners(run).await?.iter().filter_map(Member::peer_address) {
            let via = self.cluster.via().await;
            tracing::warn!(%address, host = via.name(), "removing a learner that a failed join left");
            membership::remove_member_at(act, &via, address).await?;
        }
        Ok(())
    }
}
