//! Step: the certificates that were uploaded for a master's join are out of the cluster again.
use async_trait::async_trait;

use crate::lifecycle::{
    cluster::{Cluster, remove_certificates},
    engine::{Act, Check, Run, Step},
    failure::Failure,
    host::Marker,
};

/// Removes them. Under the cluster's lock: the next join's are in the same Secret.
#[derive(Debug)]
pub(crate) struct RemoveCertificates {
    /// The cluster, through one of its masters.
    pub cluster: Cluster,
}

async fn uploaded(run: &Run) -> Result<Option<Marker>, Failure> {
    Ok(Marker::read(&run.host).await?.filter(|marker| {
        marker
            .credentials()
            .is_some_and(|credentials| credentials.has_certificates)
    }))
}

#[async_trait]
impl Step for RemoveCertificates {
    fn title(&self) -> &'static str {
        "remove the uploaded certificates"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        Ok(match uploaded(run).await? {
            None => Check::Done,
            Some(_) => Check::Needed("the uploaded certificates are in the cluster still".into()),
        })
    }

    async fn perform(&self, act: Act<'_>) -> Result<(), Failure> {
        let run = &*act;
        let Some(marker) = uploaded(run).await? else {
            return Ok(());
        };
        remove_certificates(act, &self.cluster.via().await).await?;
        let without = marker.with_credentials(|credentials| credentials.has_certificates = false);
        act.change(&run.host, &without.write_script()).await?;
        Ok(())
    }

    fn finishes(&self) -> bool {
        true
    }
}
