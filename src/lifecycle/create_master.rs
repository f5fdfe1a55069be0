//! Makes a host a master: the first founds the cluster on proof that there is none, all others join it.
use super::{
    cluster_lock::ClusterLocks,
    credentials::kubeadm_version,
    failure::Failure,
    find_way::{Through, Way, await_founder, find_way},
    look::look_at,
    preflight::{master_problems, refuse_foreign_node},
    runner::run_steps,
    spec::MasterSpec,
    step::{Run, Step},
    steps::{
        AdminKubeconfig, ApplyNodeSettings, AwaitEndpoint, AwaitEtcdVoter, AwaitLocalApi, CheckHost,
        ControlPlane, DeleteNode, KubeadmInit, KubeadmJoin, KubeadmReset, NodeNameIsFree, PullImages,
        RecordMembership, RevokeCredentials,
    },
};
use crate::{
    kubeadm::{self, ClusterSpec, Endpoint, NodeSpec, Version},
    node::{Facts, files::File},
    remote::Host,
};

/// Makes the host a master. The cluster's lock is held from the look for a running cluster until the new etcd
/// member votes and the Node is as it should be.
///
/// After a failure anywhere the same call goes on from there: nothing is undone that is done.
pub async fn create_master(run: &Run, spec: &MasterSpec, locks: &ClusterLocks) -> Result<(), Failure> {
    let facts = look_at(run).await?;
    let master = Master::new(run, spec, facts)?;
    // A master of some cluster is judged by what that cluster says of itself, later.
    if !master.facts.kubernetes.admin_conf {
        refuse_foreign_node(&run.host, &master.facts, &master.endpoint.to_string())?;
    }
    run_steps(run, &master.preparation()?).await?;

    loop {
        let lock = locks.lock(&master.endpoint.to_string(), &run.cancel).await?;
        let steps = match find_way(run, spec).await? {
            Way::Init(cluster) => master.init_steps(&cluster),
            Way::Join(through) => master.join_steps(&through),
            Way::Rejoin(through) => master.rejoin_steps(&through),
            Way::Member => master.member_steps(),
            Way::After(founder) => {
                drop(lock);
                await_founder(run, &founder).await?;
                continue;
            }
        };
        return run_steps(run, &steps).await;
    }
}

/// The master to be, as far as it is known before the look for a cluster.
#[derive(Debug)]
struct Master<'a> {
    host: Host,
    spec: &'a MasterSpec,
    facts: Facts,
    kubeadm: Version,
    endpoint: Endpoint,
    node: NodeSpec,
}

impl<'a> Master<'a> {
    fn new(run: &Run, spec: &'a MasterSpec, facts: Facts) -> Result<Self, Failure> {
        let endpoint = spec.endpoint().cloned().ok_or_else(|| {
            Failure::new(
                "Neither cluster nor join",
                "The resource has neither a cluster block nor a join argument.",
            )
            .at("cluster")
        })?;
        let kubeadm = kubeadm_version(&facts).ok_or_else(|| {
            Failure::new(
                "kubeadm is missing on the host",
                "There is no working kubeadm in PATH.",
            )
            .at("host")
            .advise("Install kubeadm, kubelet and kubectl of the wanted version on the host.")
        })?;
        let node = spec.node.node_spec(&facts, &run.host);
        Ok(Self {
            host: run.host.clone(),
            spec,
            facts,
            kubeadm,
            endpoint,
            node,
        })
    }

    /// What needs no lock: other masters may be joining meanwhile.
    fn preparation(&self) -> Result<Vec<Box<dyn Step>>, Failure> {
        let mut steps: Vec<Box<dyn Step>> = vec![Box::new(CheckHost {
            problems: master_problems(&self.facts, self.spec),
        })];
        if let Some(cluster) = &self.spec.cluster {
            steps.push(Box::new(PullImages {
                config: render_cluster(&self.kubeadm, cluster)?,
            }));
        }
        Ok(steps)
    }

    fn init_steps(&self, cluster: &ClusterSpec) -> Vec<Box<dyn Step>> {
        let mut steps: Vec<Box<dyn Step>> = vec![
            Box::new(KubeadmInit {
                kubeadm: self.kubeadm.clone(),
                cluster: cluster.clone(),
                node: self.node.clone(),
            }),
            Box::new(RevokeCredentials {
                via: self.host.clone(),
                with_certificates: false,
            }),
            Box::new(AwaitLocalApi),
            Box::new(AwaitEndpoint {
                endpoint: self.endpoint.clone(),
            }),
        ];
        steps.extend(self.closing_steps());
        steps
    }

    fn join_steps(&self, through: &Through) -> Vec<Box<dyn Step>> {
        let via = &through.via;
        let mut steps: Vec<Box<dyn Step>> = vec![Box::new(NodeNameIsFree {
            via: via.clone(),
            name: self.node.name.clone(),
            machine_id: self.facts.machine_id.clone(),
            addresses: self
                .facts
                .interfaces
                .iter()
                .flat_map(|interface| interface.addresses.iter().map(ipnet::IpNet::addr))
                .collect(),
            advertise_address: self.node.advertise_address,
        })];
        steps.push(Box::new(KubeadmJoin {
            kubeadm: self.kubeadm.clone(),
            via: via.clone(),
            endpoint: self.endpoint.clone(),
            ca_cert_hash: through.ca_cert_hash.clone(),
            node: self.node.clone(),
            control_plane: self.node.advertise_address.map(|advertise_address| ControlPlane {
                advertise_address,
                kubernetes_version: through.kubernetes_version.clone(),
            }),
        }));
        steps.push(Box::new(RevokeCredentials {
            via: via.clone(),
            with_certificates: true,
        }));
        if let Some(advertise_address) = self.node.advertise_address {
            steps.push(Box::new(AwaitEtcdVoter {
                via: via.clone(),
                advertise_address,
            }));
        }
        steps.push(Box::new(AwaitLocalApi));
        steps.extend(self.closing_steps());
        steps
    }

    /// What an earlier life left on the host and in the cluster goes first; a Node that is Ready still would keep
    /// kubeadm from joining.
    fn rejoin_steps(&self, through: &Through) -> Vec<Box<dyn Step>> {
        let mut steps: Vec<Box<dyn Step>> = vec![
            Box::new(KubeadmReset {
                cri_socket: self.node.cri_socket.clone(),
                verify: None,
            }),
            Box::new(DeleteNode {
                via: through.via.clone(),
                name: self.node.name.clone(),
            }),
        ];
        steps.extend(self.join_steps(through));
        steps
    }

    fn member_steps(&self) -> Vec<Box<dyn Step>> {
        let mut steps: Vec<Box<dyn Step>> = vec![Box::new(AwaitLocalApi)];
        steps.extend(self.closing_steps());
        steps
    }

    /// What every master gets in the end, through its own API server.
    fn closing_steps(&self) -> Vec<Box<dyn Step>> {
        let set = |wanted: &std::collections::BTreeMap<String, String>| {
            wanted
                .iter()
                .map(|(key, value)| (key.clone(), Some(value.clone())))
                .collect()
        };
        let wishes = &self.spec.node;
        let mut steps: Vec<Box<dyn Step>> = vec![Box::new(ApplyNodeSettings {
            via: self.host.clone(),
            name: self.node.name.clone(),
            labels: set(&wishes.labels),
            annotations: set(&wishes.annotations),
            taints: wishes.taints.clone(),
        })];
        if let Some(user) = self.facts.user.clone() {
            steps.push(Box::new(AdminKubeconfig { user }));
        }
        steps.push(Box::new(RecordMembership {
            endpoint: self.endpoint.to_string(),
            node_name: self.node.name.clone(),
            files: self.files(),
        }));
        steps
    }

    fn files(&self) -> Vec<File> {
        let text = self
            .spec
            .cluster
            .as_ref()
            .and_then(|cluster| render_cluster(&cluster.kubernetes_version, cluster).ok());
        text.map(cluster_file).into_iter().collect()
    }
}

/// The kubeadm configuration without secrets that stays on a master for people to read.
pub fn cluster_file(content: String) -> File {
    File {
        path: CLUSTER_FILE.to_owned(),
        mode: "0644",
        content,
    }
}

/// Where it lies.
pub const CLUSTER_FILE: &str = "/var/lib/terraform-provider-ha/files/kubeadm.yaml";

/// Its text.
pub fn render_cluster(kubeadm: &Version, cluster: &ClusterSpec) -> Result<String, Failure> {
    kubeadm::render_cluster(kubeadm, cluster).map_err(|error| {
        Failure::new("Cannot render the kubeadm configuration", error.to_string())
            .at("cluster.kubernetes_version")
    })
}
