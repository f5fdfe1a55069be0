//! Step: etcd keeps its quorum without the member that is to leave.
use std::net::IpAddr;

use async_trait::async_trait;

use crate::{
    etcd::{self, member_at},
    lifecycle::{
        cluster::{Cluster, health, removal_refused},
        engine::{Act, Check, Run, Step},
        failure::Failure,
    },
};

/// Refuses to go on where the remaining members could not decide anything.
#[derive(Debug)]
pub(crate) struct GuardQuorum {
    /// The cluster, through one of its masters.
    pub cluster: Cluster,
    /// Address of the member that is to leave.
    pub leaving: IpAddr,
}

#[async_trait]
impl Step for GuardQuorum {
    fn title(&self) -> &'static str {
        "check that etcd keeps its quorum"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        let health = health(run, &self.cluster.via().await).await?;
        let Some(victim) = member_at(&health.members, self.leaving).filter(|member| member.is_voter()) else {
            return Ok(Check::Done);
        };
        etcd::allow_removal(&health.voters(), &health.healthy, victim.id)
            .map(|()| Check::Done)
            .map_err(|refusal| removal_refused(&refusal, &health, &victim.name))
    }

    async fn perform(&self, _act: Act<'_>) -> Result<(), Failure> {
        Ok(())
    }
}
