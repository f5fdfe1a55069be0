//! Step: `kubeadm init` makes the cluster on this host.
use std::time::Duration;

use async_trait::async_trait;

use crate::{
    kube,
    kubeadm::{self, ClusterSpec, NodeSpec, Version},
    lifecycle::{
        cluster::new_bootstrap_token,
        engine::{Act, Check, Run, Step},
        failure::Failure,
        host::{
            Credentials, InProgress, KUBEADM_INIT, Marker, detached, has_credentials, is_finished_node,
            node_failure, refuse_finished_node, remove_config, reset_host, validate_config, write_config,
        },
    },
    node::detached::Progress,
};

const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Runs `kubeadm init`, detached, or waits for the one that runs already.
#[derive(Debug)]
pub(crate) struct KubeadmInit {
    /// kubeadm's own version on the host.
    pub kubeadm: Version,
    /// The cluster to initialise.
    pub cluster: ClusterSpec,
    /// Its first node.
    pub node: NodeSpec,
}

impl KubeadmInit {
    fn marker(&self, token_id: Option<&str>) -> Marker {
        let endpoint = self.cluster.control_plane_endpoint.as_ref();
        let endpoint = endpoint.map(ToString::to_string).unwrap_or_default();
        let credentials = Credentials {
            token_id: token_id.map(str::to_owned),
            has_certificates: false,
        };
        Marker::begun(endpoint, self.node.name.clone(), InProgress::Init(credentials))
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

    async fn perform(&self, act: Act<'_>) -> Result<(), Failure> {
        let run = &*act;
        if detached::progress_of(&run.host, KUBEADM_INIT).await? != Progress::Running {
            let marker = Marker::read(&run.host).await?;
            refuse_finished_node(run, marker.as_ref()).await?;
            if marker.is_some() {
                self.undo(act).await?;
            }
            // kubeadm makes a token of 24 h if none is given; this one is nobody's and is revoked soon.
            let token = new_bootstrap_token()?;
            let config =
                kubeadm::render_init(&self.kubeadm, &self.cluster, &self.node, &token).map_err(|error| {
                    Failure::new("Cannot render the kubeadm configuration", error.to_string()).at("cluster")
                })?;
            let path = write_config(act, &run.host, "init", &config).await?;
            validate_config(&run.host, &self.kubeadm, &path).await?;
            act.change(&run.host, &self.marker(Some(token.id())).write_script())
                .await?;
            let command = kubeadm::init_command(&path, &config.flags);
            detached::start(act, &run.host, KUBEADM_INIT, &command, LIMIT).await?;
        }
        let (status, output) = detached::await_end(&run.host, KUBEADM_INIT).await?;
        if status == 0 {
            Ok(())
        } else {
            Err(node_failure(&run.host, "kubeadm init failed", &output).await)
        }
    }

    /// Nothing else can have joined yet, so the host alone is put back.
    async fn undo(&self, act: Act<'_>) -> Result<(), Failure> {
        let run = &*act;
        let marker = Marker::read(&run.host).await?;
        if marker.is_none() {
            // kubeadm was not begun: what is on the host is not ours.
            return remove_config(act, &run.host, "init").await;
        }
        if is_finished_node(run, marker.as_ref()).await? {
            return Ok(());
        }
        // The result goes first: a good one must not outlive what it stands for.
        detached::settle(run, &run.host, KUBEADM_INIT).await?;
        detached::forget(act, &run.host, KUBEADM_INIT).await?;
        reset_host(act, &self.node.cri_socket).await
    }
}
