//! Step: `kubeadm join` makes this host a master or a worker of a running cluster.
use std::{net::IpAddr, time::Duration};

use async_trait::async_trait;

use super::super::{
    credentials::{mint_token, new_bootstrap_token, revoke, upload_certificates, wait_until_signed},
    detached::{self, KUBEADM_JOIN},
    failure::Failure,
    kubeadm_file::{kubeadm_failure, remove_config, validate_config, write_config},
    look::has_credentials,
    marker::{Marker, Phase},
    membership,
    reset::{clean_host, reset_kubeadm},
    step::{Check, Run, Step},
};
use crate::{
    etcd::Member,
    kube,
    kubeadm::{self, Endpoint, JoinSpec, NodeSpec, Version},
    node::detached::Progress,
    remote::Host,
};

const LIMIT: Duration = Duration::from_secs(15 * 60);

/// What a joining master needs besides what any node needs.
#[derive(Clone, Debug)]
pub struct ControlPlane {
    /// Its API server's and etcd's address.
    pub advertise_address: IpAddr,
    /// The cluster's version.
    pub kubernetes_version: Version,
}

/// Runs `kubeadm join`, detached, with credentials made for it, or waits for the one that runs already. A step of its
/// own revokes them.
#[derive(Debug)]
pub struct KubeadmJoin {
    /// kubeadm's own version on the host.
    pub kubeadm: Version,
    /// The master that makes the credentials.
    pub via: Host,
    /// The cluster's endpoint.
    pub endpoint: Endpoint,
    /// `sha256:…` of the CA's public key.
    pub ca_cert_hash: String,
    /// The joining node.
    pub node: NodeSpec,
    /// Set for a master.
    pub control_plane: Option<ControlPlane>,
}

impl KubeadmJoin {
    async fn start(&self, run: &Run) -> Result<(), Failure> {
        let token = new_bootstrap_token()?;
        let marker = Marker {
            endpoint: self.endpoint.to_string(),
            node_name: self.node.name.clone(),
            phase: Phase::Join,
            token_id: Some(token.id().to_owned()),
        };
        run.host.run_ok(&marker.write_script()).await?;
        mint_token(&self.via, &token, &self.node.name).await?;
        let key = match &self.control_plane {
            Some(wanted) => Some(upload_certificates(&self.via, &wanted.kubernetes_version).await?),
            None => None,
        };
        let join = JoinSpec {
            endpoint: &self.endpoint,
            ca_cert_hash: &self.ca_cert_hash,
            token: &token,
            node: &self.node,
            control_plane: key.as_ref(),
        };
        let config = kubeadm::render_join(&self.kubeadm, &join)
            .map_err(|error| Failure::new("Cannot render the kubeadm configuration", error.to_string()))?;
        let path = write_config(&run.host, "join", &config).await?;
        validate_config(&run.host, &self.kubeadm, &path).await?;
        wait_until_signed(run, &self.via, &token).await?;
        let command = kubeadm::join_command(&path, &config.flags);
        detached::start(&run.host, KUBEADM_JOIN, &command, LIMIT).await?;
        Ok(())
    }

    /// A host that was reinstalled knows nothing of the member that its earlier life left in etcd.
    async fn remove_orphan(&self, run: &Run) -> Result<(), Failure> {
        let Some(wanted) = &self.control_plane else {
            return Ok(());
        };
        let members = membership::members(run, &self.via).await?;
        let own = |member: &&Member| member.name.is_empty() || member.name == self.node.name;
        match membership::member_at(&members, wanted.advertise_address).filter(own) {
            Some(_) => membership::remove_member_at(run, &self.via, wanted.advertise_address).await,
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Step for KubeadmJoin {
    fn title(&self) -> &'static str {
        "kubeadm join"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        Ok(match detached::progress_of(&run.host, KUBEADM_JOIN).await? {
            Progress::Ended { status: 0, .. } => has_credentials(run, kube::KUBELET_CONF).await?,
            Progress::Ended { .. } => Check::Needed("an earlier kubeadm join failed".into()),
            Progress::Running => Check::Needed("kubeadm join runs on the host".into()),
            Progress::Unknown => Check::Needed("the host is not a node of the cluster".into()),
        })
    }

    async fn perform(&self, run: &Run) -> Result<(), Failure> {
        if detached::progress_of(&run.host, KUBEADM_JOIN).await? != Progress::Running {
            if Marker::read(&run.host).await?.is_some() {
                self.undo(run).await?;
            } else {
                self.remove_orphan(run).await?;
            }
            self.start(run).await?;
        }
        let (status, output) = detached::await_end(&run.host, KUBEADM_JOIN).await?;
        if status == 0 {
            Ok(())
        } else {
            Err(kubeadm_failure("kubeadm join failed", &output))
        }
    }

    /// An orphan member would count for quorum, so it goes first; then the host, then the Node. The marker goes last:
    /// it is how the next run knows of all that, should this be cut.
    async fn undo(&self, run: &Run) -> Result<(), Failure> {
        let Some(begun) = Marker::read(&run.host).await? else {
            // kubeadm was not begun: what is on the host is not ours.
            return remove_config(&run.host, "join").await;
        };
        detached::settle(run, &run.host, KUBEADM_JOIN).await?;
        detached::forget(&run.host, KUBEADM_JOIN).await?;
        if let Some(wanted) = &self.control_plane {
            membership::remove_member_at(run, &self.via, wanted.advertise_address).await?;
        }
        if let Some(id) = &begun.token_id {
            revoke(&self.via, id, self.control_plane.is_some()).await?;
        }
        reset_kubeadm(run, &self.node.cri_socket).await?;
        self.via
            .run_ok(&kube::delete_node_script(&self.node.name))
            .await?;
        clean_host(run).await
    }
}
