//! Step: `kubeadm join` makes this host a master or a worker of a running cluster.
use std::{net::IpAddr, time::Duration};

use async_trait::async_trait;
use futures::future::{OptionFuture, join};

use crate::{
    etcd::{self, Member},
    kube,
    kubeadm::{self, Endpoint, JoinSpec, NodeSpec, Version},
    lifecycle::{
        cluster::{
            Cluster, Joined, await_vote, membership, mint_token, new_bootstrap_token, revoke,
            upload_certificates,
        },
        engine::{Act, Check, Run, Step},
        failure::Failure,
        host::{
            Credentials, InProgress, KUBEADM_JOIN, Marker, clean_host, detached, has_credentials,
            is_finished_node, node_failure, refuse_finished_node, remove_config, reset_kubeadm,
            validate_config, write_config, write_discovery,
        },
    },
    node::detached::Progress,
};

const LIMIT: Duration = Duration::from_secs(15 * 60);

/// What a joining master needs besides what any node needs.
#[derive(Clone, Debug)]
pub(crate) struct ControlPlane {
    /// Its API server's and etcd's address.
    pub advertise_address: IpAddr,
    /// The cluster's version.
    pub kubernetes_version: Version,
}

/// Runs `kubeadm join`, detached, with credentials made for it, or waits for the one that runs already. Steps of their
/// own take them back.
///
/// A worker's is done when kubeadm has ended, a master's as soon as its etcd member votes: kubeadm then goes on for some
/// seconds that need no lock, for which [`super::FinishJoin`] waits.
#[derive(Clone, Debug)]
pub(crate) struct KubeadmJoin {
    /// kubeadm's own version on the host.
    pub kubeadm: Version,
    /// The cluster, through one of its masters.
    pub cluster: Cluster,
    /// The cluster's endpoint.
    pub endpoint: Endpoint,
    /// The cluster CA's certificate.
    pub ca_cert_pem: String,
    /// The joining node.
    pub node: NodeSpec,
    /// Set for a master.
    pub control_plane: Option<ControlPlane>,
}

impl KubeadmJoin {
    async fn start(&self, act: Act<'_>) -> Result<(), Failure> {
        let token = new_bootstrap_token()?;
        let credentials = Credentials {
            token_id: Some(token.id().to_owned()),
            has_certificates: self.control_plane.is_some(),
        };
        let marker = Marker::begun(
            self.endpoint.to_string(),
            self.node.name.clone(),
            InProgress::Join(credentials),
        );
        act.change(&act.host, &marker.write_script()).await?;
        let via = self.cluster.via().await;
        // Both to their end, also when one fails: what is made after the undo would stay.
        let (minted, key) = join(
            mint_token(act, &via, &token, &self.node.name),
            OptionFuture::from(
                self.control_plane
                    .as_ref()
                    .map(|wanted| upload_certificates(act, &via, &wanted.kubernetes_version)),
            ),
        )
        .await;
        minted?;
        let key = key.transpose()?;
        let discovery = kubeadm::discovery_kubeconfig(&self.endpoint, &self.ca_cert_pem);
        let spec = JoinSpec {
            discovery_file: &write_discovery(act, &act.host, &discovery).await?,
            token: &token,
            node: &self.node,
            control_plane: key.as_ref(),
        };
        let config = kubeadm::render_join(&self.kubeadm, &spec)
            .map_err(|error| Failure::new("Cannot render the kubeadm configuration", error.to_string()))?;
        let path = write_config(act, &act.host, "join", &config).await?;
        validate_config(&act.host, &self.kubeadm, &path).await?;
        let join = kubeadm::join_command(&path, &config.flags);
        let command = if self.control_plane.is_some() {
            let hasten = kube::hasten_kubelet_bootstrap_command(&Endpoint::local_api_server());
            // Waits beside kubeadm in the same unit, and ends with it whatever became of the join.
            format!("{{ {hasten}; }} >/dev/null 2>&1 &\n{join}")
        } else {
            join
        };
        detached::start(act, &act.host, KUBEADM_JOIN, &command, LIMIT).await?;
        Ok(())
    }

    /// Waits for kubeadm's own end.
    pub(crate) async fn await_end(&self, run: &Run) -> Result<(), Failure> {
        match detached::await_end(&run.host, KUBEADM_JOIN).await? {
            (0, _) => Ok(()),
            (_, output) => Err(node_failure(&run.host, "kubeadm join failed", &output).await),
        }
    }

    /// Whether these are all the members that this join makes: its own votes. Before 1.29 kubeadm adds a voter and no
    /// learner (the feature gate `EtcdLearnerMode`), so that only one that has started is a member.
    fn is_member(&self, wanted: &ControlPlane, members: &[Member]) -> bool {
        etcd::member_at(members, wanted.advertise_address)
            .is_some_and(|own| own.is_voter() && (self.kubeadm.minor() >= 29 || own.is_started()))
    }

    /// A host that was reinstalled knows nothing of the member that its earlier life left in etcd.
    async fn remove_orphan(&self, act: Act<'_>) -> Result<(), Failure> {
        let Some(wanted) = &self.control_plane else {
            return Ok(());
        };
        let members = membership::members(&act, &self.cluster.via().await).await?;
        let own = |member: &&Member| member.name.is_empty() || member.name == self.node.name;
        match etcd::member_at(&members, wanted.advertise_address).filter(own) {
            Some(_) => {
                membership::remove_member_at(act, &self.cluster.via().await, wanted.advertise_address).await
            }
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
            Progress::Running => match &self.control_plane {
                Some(wanted)
                    if self.is_member(
                        wanted,
                        &membership::members(run, &self.cluster.via().await).await?,
                    ) =>
                {
                    Check::Done
                }
                _ => Check::Needed("kubeadm join runs on the host".into()),
            },
            Progress::Unknown => Check::Needed("the host is not a node of the cluster".into()),
        })
    }

    async fn perform(&self, act: Act<'_>) -> Result<(), Failure> {
        let run = &*act;
        if detached::progress_of(&run.host, KUBEADM_JOIN).await? != Progress::Running {
            let marker = Marker::read(&run.host).await?;
            refuse_finished_node(run, marker.as_ref()).await?;
            if marker.is_some() {
                self.undo(act).await?;
            } else {
                self.remove_orphan(act).await?;
            }
            self.start(act).await?;
        }
        if let Some(wanted) = &self.control_plane
            && await_vote(run, &self.cluster, |members| self.is_member(wanted, members)).await?
                == Joined::Votes
        {
            return Ok(());
        }
        self.await_end(run).await
    }

    /// An orphan member would count for quorum, so it goes first; then the host, then the Node. The marker goes last:
    /// it is how the next run knows of all that, should this be cut.
    async fn undo(&self, act: Act<'_>) -> Result<(), Failure> {
        let run = &*act;
        let Some(begun) = Marker::read(&run.host).await? else {
            // kubeadm was not begun: what is on the host is not ours.
            return remove_config(act, &run.host, "join").await;
        };
        if is_finished_node(run, Some(&begun)).await? {
            return Ok(());
        }
        detached::settle(run, &run.host, KUBEADM_JOIN).await?;
        detached::forget(act, &run.host, KUBEADM_JOIN).await?;
        if let Some(wanted) = &self.control_plane {
            membership::remove_member_at(act, &self.cluster.via().await, wanted.advertise_address).await?;
        }
        if let Some(credentials) = begun.credentials()
            && let Some(id) = &credentials.token_id
        {
            revoke(act, &self.cluster.via().await, id, credentials.has_certificates).await?;
        }
        reset_kubeadm(act, &self.node.cri_socket).await?;
        act.change(
            &self.cluster.via().await,
            &kube::delete_node_script(&self.node.name),
        )
        .await?;
        clean_host(act).await
    }
}
