//! Makes a host a master: the first founds the cluster on proof that there is none, all others join it.
use super::{
    await_setup::await_setup,
    cluster_lock::{ClusterLock, ClusterLocks},
    connectivity::{Place, check_masters, explain, may_be_explained, places},
    credentials::kubeadm_version,
    failure::Failure,
    find_way::{Through, Way, await_founder, find_way, with_itself},
    look::{look_again, look_unless, marker_of},
    preflight::{joining_etcd, master_problems, refuse_foreign_node, without_kubeadm},
    runner::{run_some, run_steps},
    spec::{Identity, MasterSpec},
    step::{Run, Step},
    steps::{
        AdminKubeconfig, ApplyNodeSettings, AwaitEndpoint, AwaitEtcdVoter, AwaitLocalApi, CheckHost,
        ControlPlane, DeleteNode, FinishJoin, KubeadmInit, KubeadmJoin, KubeadmReset, NodeNameIsFree, Others,
        PullImages, RecordMembership, RemoveCertificates, RemoveLearners, RevokeCredentials, StayInCluster,
        TryConnections, failure_of,
    },
};
use crate::{
    kubeadm::{self, ClusterSpec, Endpoint, NodeSpec, Version},
    node::{Facts, facts::ETCD_FOLDER, files::File},
    remote::Host,
};

/// Makes the host a master, and gives what it goes by. The host is locked all the time, the cluster from the
/// look for a running cluster until etcd's membership has changed; what kubeadm and this provider do after that needs none.
///
/// `looked`: what a look at the host has just seen, so that it need not be looked at again. After a failure anywhere
/// the same call goes on from there: nothing is undone that is done.
pub async fn create_master(
    run: &Run,
    spec: &MasterSpec,
    locks: &ClusterLocks,
    looked: Option<Facts>,
) -> Result<Identity, Failure> {
    // What has looked at the host has tried its connections too.
    let connections = if looked.is_some() {
        Connections::Tried
    } else {
        Connections::Untried
    };
    let facts = look_unless(looked, run, spec.etcd_folder().unwrap_or(ETCD_FOLDER)).await?;
    let facts = await_setup(run, facts, |facts| master_problems(facts, spec)).await?;
    let lock = locks.lock_host(run).await?;
    let made = lock.around(async |_| {
        let facts = look_again(run, facts.clone()).await?;
        make_master(run, spec, locks, facts, connections).await
    });
    match made.await {
        Err(failure) if may_be_explained(&failure) => {
            let places = places(&spec.candidates()).await;
            let problems = match Place::of_node(&run.host, &facts, &spec.node) {
                Some(own) => check_masters(&own, &places, &spec.node.kubeadm.ignore_preflight_errors).await,
                None => Vec::new(),
            };
            Err(explain(failure, &problems))
        }
        made => made,
    }
}

/// Whether the host's connections were tried just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connections {
    Tried,
    Untried,
}

/// With the host's lock.
async fn make_master(
    run: &Run,
    spec: &MasterSpec,
    locks: &ClusterLocks,
    facts: Facts,
    connections: Connections,
) -> Result<Identity, Failure> {
    let master = Master::new(run, spec, facts)?;
    // A master of some cluster is judged by what that cluster says of itself, later.
    if !master.facts.kubernetes.admin_conf {
        refuse_foreign_node(&run.host, &master.facts, &master.endpoint.to_string())?;
    }
    run_steps(run, &master.preparation(connections)?).await?;

    let hosts = with_itself(run, &spec.candidates());
    loop {
        let lock = locks.lock(run, &master.endpoint.to_string(), &hosts).await?;
        let changed = lock
            .around(async |lock| master.change_membership(run, locks, lock, &hosts).await)
            .await?;
        match changed {
            Next::Steps(steps, first) => {
                run_some(run, &steps, first..steps.len(), None).await?;
                return Ok(master.identity());
            }
            Next::After(founder) => await_founder(run, &founder).await?,
            Next::LockAll => {}
        }
    }
}

/// What comes after the part that needs the lock.
enum Next {
    /// These steps, from this one on.
    Steps(Steps, usize),
    /// All over again, after that host has finished or cleaned the half of a cluster that it has.
    After(Host),
    /// All over again: a host has come up since the lock was taken, and is not locked.
    LockAll,
}

type Steps = Vec<Box<dyn Step>>;

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
        let kubeadm = kubeadm_version(&facts)
            .ok_or_else(|| without_kubeadm(&master_problems(&facts, spec)).on(run.host.name()))?;
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
    fn preparation(&self, connections: Connections) -> Result<Steps, Failure> {
        let mut steps: Steps = vec![Box::new(CheckHost {
            problems: master_problems(&self.facts, self.spec),
        })];
        if connections == Connections::Untried {
            steps.push(Box::new(TryConnections {
                facts: self.facts.clone(),
                wishes: self.spec.node.clone(),
                others: Others::Masters(self.spec.candidates()),
            }));
        }
        if let Some(cluster) = &self.spec.cluster {
            steps.push(Box::new(PullImages {
                config: render_cluster(&self.kubeadm, cluster)?,
            }));
        }
        Ok(steps)
    }

    /// Finds the way and goes it as far as the lock is needed.
    async fn change_membership(
        &self,
        run: &Run,
        locks: &ClusterLocks,
        lock: &ClusterLock,
        hosts: &[Host],
    ) -> Result<Next, Failure> {
        let (mut steps, after) = match find_way(run, self.spec).await? {
            Way::Init(_) if !lock.covers(hosts) => return Ok(Next::LockAll),
            Way::Init(cluster) => self.init_steps(&cluster),
            Way::Join(through) => {
                let (host, folder) = (&run.host, &through.etcd_folder);
                let problems = joining_etcd(host, &self.facts, &self.spec.node, folder).await?;
                if let Some(failure) = failure_of(&problems) {
                    return Err(failure.on(host.name()));
                }
                self.join_steps(&through, locks)
            }
            Way::Rejoin(through) => self.rejoin_steps(&through, locks),
            Way::Member => (Vec::new(), self.member_steps()),
            Way::After(founder) => return Ok(Next::After(founder)),
        };
        let locked = steps.len();
        steps.extend(after);
        run_some(run, &steps, 0..locked, Some(lock)).await?;
        Ok(Next::Steps(steps, locked))
    }

    fn identity(&self) -> Identity {
        Identity {
            node_name: self.node.name.clone(),
            address: self.node.advertise_address,
        }
    }

    /// What needs the lock, and what comes after it.
    fn init_steps(&self, cluster: &ClusterSpec) -> (Steps, Steps) {
        let locked: Steps = vec![
            Box::new(KubeadmInit {
                kubeadm: self.kubeadm.clone(),
                cluster: cluster.clone(),
                node: self.node.clone(),
            }),
            Box::new(AwaitLocalApi),
            Box::new(AwaitEndpoint {
                endpoint: self.endpoint.clone(),
            }),
        ];
        let mut after: Steps = vec![Box::new(RevokeCredentials {
            via: self.host.clone(),
        })];
        after.extend(self.closing_steps());
        (locked, after)
    }

    /// What needs the lock, and what comes after it.
    fn join_steps(&self, through: &Through, locks: &ClusterLocks) -> (Steps, Steps) {
        let via = &through.via;
        let name_is_free = NodeNameIsFree {
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
        };
        let join = KubeadmJoin {
            kubeadm: self.kubeadm.clone(),
            via: via.clone(),
            endpoint: self.endpoint.clone(),
            ca_cert_pem: through.ca_cert_pem.clone(),
            node: self.node.clone(),
            control_plane: self.node.advertise_address.map(|advertise_address| ControlPlane {
                advertise_address,
                kubernetes_version: through.kubernetes_version.clone(),
            }),
        };
        let locked: Steps = vec![
            Box::new(name_is_free),
            Box::new(RemoveLearners {
                via: via.clone(),
                own: self.node.advertise_address,
            }),
            Box::new(join.clone()),
            Box::new(RemoveCertificates { via: via.clone() }),
        ];
        let mut after: Steps = vec![
            Box::new(FinishJoin {
                join,
                locks: locks.clone(),
            }),
            Box::new(RevokeCredentials { via: via.clone() }),
        ];
        if let Some(advertise_address) = self.node.advertise_address {
            after.push(Box::new(AwaitEtcdVoter {
                via: via.clone(),
                advertise_address,
            }));
        }
        after.push(Box::new(AwaitLocalApi));
        after.extend(self.closing_steps());
        (locked, after)
    }

    /// What an earlier life left on the host and in the cluster goes first; a Node that is Ready still would keep
    /// kubeadm from joining.
    fn rejoin_steps(&self, through: &Through, locks: &ClusterLocks) -> (Steps, Steps) {
        let mut locked: Steps = vec![
            Box::new(KubeadmReset {
                cri_socket: self.node.cri_socket.clone(),
                verify: None,
            }),
            Box::new(DeleteNode {
                via: through.via.clone(),
                name: self.node.name.clone(),
            }),
        ];
        let (join, after) = self.join_steps(through, locks);
        locked.extend(join);
        (locked, after)
    }

    fn member_steps(&self) -> Steps {
        let mut steps: Steps = vec![Box::new(AwaitLocalApi)];
        if marker_of(&self.facts).is_some_and(|marker| marker.leaving.is_some()) {
            steps.push(Box::new(StayInCluster {
                via: self.host.clone(),
                name: self.node.name.clone(),
            }));
        }
        steps.extend(self.closing_steps());
        steps
    }

    /// What every master gets in the end, through its own API server.
    fn closing_steps(&self) -> Steps {
        let set = |wanted: &std::collections::BTreeMap<String, String>| {
            wanted
                .iter()
                .map(|(key, value)| (key.clone(), Some(value.clone())))
                .collect()
        };
        let wishes = &self.spec.node;
        let mut steps: Steps = vec![Box::new(ApplyNodeSettings {
            via: self.host.clone(),
            name: self.node.name.clone(),
            labels: set(&wishes.labels),
            annotations: set(&wishes.annotations),
            taints: wishes.kubeadm.taints.clone(),
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
