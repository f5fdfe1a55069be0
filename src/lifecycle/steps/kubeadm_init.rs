//! Step: `kubeadm init` founds the cluster on this host.
use std::time::Duration;

use async_trait::async_trait;

use super::super::{
    credentials::new_bootstrap_token,
    detached::{self, KUBEADM_INIT},
    failure::Failure,
    kubeadm_file::{node_failure, remove_config, validate_config, write_config},
    look::{has_credentials, is_finished_node, refuse_finished_node},
    marker::{Marker, Phase},
    reset::reset_host,
    step::{Check, Run, Step},
};
use crate::{
    kube,
    kubeadm::{self, ClusterSpec, NodeSpec, Version},
    node::detached::Progress,
};

const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Runs `kubeadm init`, detached, or waits for the one that runs already.
#[derive(Debug)]
pub struct KubeadmInit {
    /// kubeadm's own version on the host.
    pub kubeadm: Version,
    /// The cluster to found.
    pub cluster: ClusterSpec,
    /// Its first node.
    pub node: NodeSpec,
}

impl KubeadmInit {
    fn marker(&self, token_id: Option<&str>) -> Marker {
        Marker {
            endpoint: self
                .cluster
                .control_plane_endpoint
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            node_name: self.node.name.clone(),
            phase: Phase::Init,
            token_id: token_id.map(str::to_owned),
            has_certificates: false,
            leaving: None,
        }
    }
}

#[async_trait]
impl Step for KubeadmInit {
    fn title(&self) -> &'static str {
        "kubeadm init"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        Ok(match detached::progress_of(&run.host, KUBEADM_INIT).await? {
            Progress::Ended { status: 0, .. } => has_credentials(run, kube::ADMIN_CONF).await?,
            Progress::Ended { .. } => Check::Needed("an earlier kubeadm init failed".into()),
            Progress::Running => Check::Needed("kubeadm init runs on the host".into()),
            Progress::Unknown => Check::Needed("the host has no cluster".into()),
        })
    }

    async fn perform(&self, run: &Run) -> Result<(), Failure> {
        if detached::progress_of(&run.host, KUBEADM_INIT).await? != Progress::Running {
            let marker = Marker::read(&run.host).await?;
            refuse_finished_node(run, marker.as_ref()).await?;
            if marker.is_some() {
                self.undo(run).await?;
            }
            // kubeadm makes a token of 24 h if none is given; this one is nobody's and is revoked soon.
            let token = new_bootstrap_token()?;
            let config =
                kubeadm::render_init(&self.kubeadm, &self.cluster, &self.node, &token).map_err(|error| {
                    Failure::new("Cannot render the kubeadm configuration", error.to_string()).at("cluster")
                })?;
            let path = write_config(&run.host, "init", &config).await?;
            validate_config(&run.host, &self.kubeadm, &path).await?;
            run.host
                .run_ok(&self.marker(Some(token.id())).write_script())
                .await?;
            let command = kubeadm::init_command(&path, &config.flags);
            detached::start(&run.host, KUBEADM_INIT, &command, LIMIT).await?;
        }
        let (status, output) = detached::await_end(&run.host, KUBEADM_INIT).await?;
        if status == 0 {
            Ok(())
        } else {
            Err(node_failure(&run.host, "kubeadm init failed", &output).await)
        }
    }

    /// Nothing else can have joined yet, so the host alone is put back.
    async fn undo(&self, run: &Run) -> Result<(), Failure> {
        let marker = Marker::read(&run.host).await?;
        if marker.is_none() {
            // kubeadm was not begun: what is on the host is not ours.
            return remove_config(&run.host, "init").await;
        }
        if is_finished_node(run, marker.as_ref()).await? {
            return Ok(());
        }
        // The result goes first: a good one must not outlive what it stands for.
        detached::settle(run, &run.host, KUBEADM_INIT).await?;
        detached::forget(&run.host, KUBEADM_INIT).await?;
        reset_host(run, &self.node.cri_socket).await
    }
}
