//! Step: at the very end of a removal the host is as it was before it became a node.
use async_trait::async_trait;

use crate::lifecycle::{
    engine::{Act, Check, Run, Step},
    failure::Failure,
    host::{Marker, clean_host},
};

/// Removes what `kubeadm reset` leaves, and the note that the host is a node. As long as that is there, a refresh knows
/// that somebody has to finish the removal; so this is its last step.
#[derive(Debug)]
pub(crate) struct CleanHost;

#[async_trait]
impl Step for CleanHost {
    fn title(&self) -> &'static str {
        "clean the host"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        let marker = Marker::read(&run.host).await?;
        Ok(marker.map_or(Check::Done, |_| {
            Check::Needed("the host is recorded as a node".into())
        }))
    }

    async fn perform(&self, act: Act<'_>) -> Result<(), Failure> {
        clean_host(act).await
    }

    fn finishes(&self) -> bool {
        true
    }
}
