//! Step: the credentials that `kubeadm init` or `kubeadm join` needed are gone, from the cluster and from the host.
use async_trait::async_trait;

use crate::{
    command::Script,
    lifecycle::{
        cluster::{Cluster, revoke},
        engine::{Act, Check, Run, Step},
        failure::Failure,
        host::{Marker, remove_own_configs_command},
    },
};

/// Revokes the token that the host's marker names. A step of its own, so that a run that was cut right after the
/// join is made up for by the next.
#[derive(Debug)]
pub(crate) struct RevokeCredentials {
    /// The cluster, through one of its masters.
    pub cluster: Cluster,
}

async fn begun(run: &Run) -> Result<Option<(Marker, String)>, Failure> {
    let marker = Marker::read(&run.host).await?;
    Ok(marker.and_then(|marker| {
        let id = marker.credentials()?.token_id.clone()?;
        Some((marker, id))
    }))
}

#[async_trait]
impl Step for RevokeCredentials {
    fn title(&self) -> &'static str {
        "revoke the join credentials"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        Ok(match begun(run).await? {
            None => Check::Done,
            Some((_, id)) => Check::Needed(format!("the token {id} is not revoked yet")),
        })
    }

    async fn perform(&self, act: Act<'_>) -> Result<(), Failure> {
        let run = &*act;
        let Some((marker, id)) = begun(run).await? else {
            return Ok(());
        };
        revoke(act, &self.cluster.via().await, &id, false).await?;
        let without = marker.with_credentials(|credentials| credentials.token_id = None);
        let body = format!(
            "{}\n{}",
            remove_own_configs_command(),
            without.write_script().body
        );
        act.change(&run.host, &Script::new("forget the join credentials", body))
            .await?;
        Ok(())
    }

    fn finishes(&self) -> bool {
        true
    }
}
