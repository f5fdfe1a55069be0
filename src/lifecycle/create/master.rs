//! Makes a host a master: the first initialises the cluster on proof that there is none, all others join it.
use async_trait::async_trait;

use super::{
    bootstrap::{Bootstrap, await_init_on, decide_bootstrap},
    preflight::{joining_etcd, master_problems, refuse_foreign_node, without_kubeadm},
};
use crate::{
    kubeadm::{ClusterSpec, Endpoint, NodeSpec, Topology, Version},
    lifecycle::{
        cluster::{Cluster, JoinTarget, kubeadm_version, with_itself},
        engine::Run,
        failure::{Failure, failure_of},
        host::{Marker, await_setup, cluster_file, look_again, look_unless, marker_of, render_cluster},
        lock::{Lock, Locks},
        network::{Place, check_master_connections, explain, may_be_explained, places},
        spec::{Identity, MasterSpec},
        stages::{Decide, Decision, Held, Plan, Site, Stage, drive, run_plan, step},
        steps::{
            join::{
                ApplyNodeSettings, AwaitEndpoint, AwaitEtcdVoter, AwaitLocalApi, CheckHost, CheckNodeName,
                ControlPlane, CopyAdminKubeconfig, FinishJoin, KubeadmInit, KubeadmJoin, Others, PullImages,
                RecordMembership, RemoveCertificates, RemoveLearners, RevokeCredentials, TryConnections,
            },
            leave::{DeleteNode, KubeadmReset, StayInCluster},
        },
    },
    node::{Facts, facts::ETCD_FOLDER, files::File},
    remote::Host,
};

/// Makes the host a master, and gives what it goes by. The host is locked all the time, the cluster from the
/// look for a running cluster until etcd's membership has changed; what kubeadm and this provider do after that needs none.
///
/// `looked`: what a look at the host has just seen, so that it need not be looked at again. After a failure anywhere
/// the same call goes on from there: nothing is undone that is done.
pub(crate) async fn create_master(
    run: &Run,
    spec: &MasterSpec,
    locks: &Locks,
    looked: Option<Facts>,
) -> Result<Identity, Failure> {
    // What has looked at the host has tried its connections too.
    let is_tried = looked.is_some();
    let facts = look_unless(looked, run, spec.etcd_folder().unwrap_or(ETCD_FOLDER)).await?;
    let facts = await_setup(run, facts, |facts| master_problems(facts, spec)).await?;
    let lock = locks.lock_host(run).await?;
    let made = lock.around(async |host| {
        let facts = look_again(run, facts.clone()).await?;
        let master = Master::new(run, spec, facts)?;
        run_plan(run, &master.preparation(is_tried)?, Held::by_host(host)).await?;
        let site = Site {
            locks,
            endpoint: master.endpoint.to_string(),
            hosts: master.hosts.clone(),
        };
        drive(run, &site, Some(host), &master).await?;
        Ok(master.identity())
    });
    match made.await {
        Err(failure) if may_be_explained(&failure) => {
            let places = places(&spec.candidates()).await;
            let problems = match Place::of_node(&run.host, &facts, &spec.node) {
                Some(own) => {
                    check_master_connections(&own, &places, &spec.node.kubeadm.ignore_preflight_errors).await
                }
                None => Vec::new(),
            };
            Err(explain(failure, &problems))
        }
        made => made,
    }
}

/// The master to be, as far as it is known before the look for a cluster.
#[derive(Debug)]
struct Master<'a> {
    run: &'a Run,
    /// Every host that may have the cluster.
    hosts: Vec<Host>,
    spec: &'a MasterSpec,
    facts: Facts,
    marker: Option<Marker>,
    kubeadm: Version,
    endpoint: Endpoint,
    node: NodeSpec,
}

#[async_trait]
impl Decide for Master<'_> {
    type End = ();

    async fn decide(&self, lock: &Lock) -> Result<Decision<'_, ()>, Failure> {
        Ok(match decide_bootstrap(self.run, self.spec).await? {
            Bootstrap::Init(_) if !lock.covers(&self.hosts) => Decision::Again,
            Bootstrap::Init(cluster) => Decision::Go(self.init(&cluster), ()),
            Bootstrap::Join(target) => {
                self.refuse_external_etcd(&target)?;
                self.check_etcd_folder(&target).await?;
                Decision::Go(self.join(&target), ())
            }
            Bootstrap::Rejoin(target) => Decision::Go(self.rejoin(&target), ()),
            Bootstrap::Member => Decision::Go(self.adopt(), ()),
            Bootstrap::After(initialiser) => {
                Decision::WaitFor(Box::pin(
                    async move { await_init_on(self.run, &initialiser).await },
                ))
            }
        })
    }
}

impl<'a> Master<'a> {
    fn new(run: &'a Run, spec: &'a MasterSpec, facts: Facts) -> Result<Self, Failure> {
        let endpoint = spec.endpoint().cloned().ok_or_else(|| {
            Failure::new(
                "Missing cluster or join",
                "The resource has neither a cluster block nor a join argument.",
            )
            .at("cluster")
        })?;
        let kubeadm = kubeadm_version(&facts)
            .ok_or_else(|| without_kubeadm(&master_problems(&facts, spec)).on(run.host.name()))?;
        // A master of some cluster is judged by what that cluster says of itself, later.
        if !facts.kubernetes.admin_conf {
            refuse_foreign_node(&run.host, &facts, &endpoint.to_string())?;
        }
        let node = spec.node.node_spec(&facts, &run.host);
        Ok(Self {
            run,
            hosts: with_itself(run, &spec.candidates()),
            spec,
            marker: marker_of(&facts)?,
            facts,
            kubeadm,
            endpoint,
            node,
        })
    }

    /// What needs no lock: other masters may be joining meanwhile.
    fn preparation(&self, is_tried: bool) -> Result<Plan, Failure> {
        let images = match &self.spec.cluster {
            Some(cluster) => Some(render_cluster(&self.kubeadm, cluster)?),
            None => None,
        };
        Ok(Plan::new([Stage::under_host_lock([
            step(CheckHost {
                problems: master_problems(&self.facts, self.spec),
            }),
            (!is_tried)
                .then(|| TryConnections {
                    facts: self.facts.clone(),
                    settings: self.spec.node.clone(),
                    others: Others::Masters(self.spec.candidates()),
                })
                .and_then(step),
            images.and_then(|config| step(PullImages { config })),
        ])]))
    }

    /// Members, votes and removals here are those of etcd on the masters.
    fn refuse_external_etcd(&self, target: &JoinTarget) -> Result<(), Failure> {
        if target.topology == Topology::StackedEtcd {
            return Ok(());
        }
        let detail = "The cluster has external etcd, and this provider joins masters to clusters with etcd on the masters only. Workers can join it.";
        Err(Failure::new("Cluster has external etcd", detail)
            .at("join")
            .on(self.run.host.name())
            .advise("Nothing was changed."))
    }

    /// The cluster says where each of its masters has etcd's data.
    async fn check_etcd_folder(&self, target: &JoinTarget) -> Result<(), Failure> {
        let host = &self.run.host;
        let problems = joining_etcd(host, &self.facts, &self.spec.node, &target.etcd_folder).await?;
        match failure_of(&problems) {
            Some(failure) => Err(failure.on(host.name())),
            None => Ok(()),
        }
    }

    fn identity(&self) -> Identity {
        Identity {
            node_name: self.node.name.clone(),
            address: self.node.advertise_address,
        }
    }

    fn init(&self, cluster: &ClusterSpec) -> Plan {
        Plan::new([
            Stage::under_cluster_lock([
                step(KubeadmInit {
                    kubeadm: self.kubeadm.clone(),
                    cluster: cluster.clone(),
                    node: self.node.clone(),
                }),
                step(AwaitLocalApi),
                step(AwaitEndpoint {
                    endpoint: self.endpoint.clone(),
                }),
            ]),
            Stage::under_host_lock([step(RevokeCredentials {
                cluster: self.itself(),
            })]),
            self.closing(),
        ])
    }

    fn join(&self, target: &JoinTarget) -> Plan {
        let cluster = &target.cluster;
        let own = self.node.advertise_address;
        let join = KubeadmJoin {
            kubeadm: self.kubeadm.clone(),
            cluster: cluster.clone(),
            endpoint: self.endpoint.clone(),
            ca_cert_pem: target.ca_cert_pem.clone(),
            node: self.node.clone(),
            control_plane: own.map(|advertise_address| ControlPlane {
                advertise_address,
                kubernetes_version: target.kubernetes_version.clone(),
            }),
        };
        Plan::new([
            Stage::under_cluster_lock([
                step(CheckNodeName {
                    cluster: cluster.clone(),
                    name: self.node.name.clone(),
                    machine_id: self.facts.machine_id.clone(),
                    addresses: self.facts.addresses(),
                    advertise_address: own,
                }),
                step(RemoveLearners {
                    cluster: cluster.clone(),
                    own,
                }),
                step(join.clone()),
                step(RemoveCertificates {
                    cluster: cluster.clone(),
                }),
            ]),
            Stage::under_host_lock([
                step(FinishJoin { join }),
                step(RevokeCredentials {
                    cluster: cluster.clone(),
                }),
                own.and_then(|advertise_address| {
                    step(AwaitEtcdVoter {
                        cluster: cluster.clone(),
                        advertise_address,
                    })
                }),
                step(AwaitLocalApi),
            ]),
            self.closing(),
        ])
    }

    /// What an earlier life left on the host and in the cluster goes first; a Node that is Ready still would keep
    /// kubeadm from joining.
    fn rejoin(&self, target: &JoinTarget) -> Plan {
        self.join(target).after(Stage::under_cluster_lock([
            step(KubeadmReset {
                cri_socket: self.node.cri_socket.clone(),
                verify: None,
            }),
            step(DeleteNode {
                cluster: target.cluster.clone(),
                name: self.node.name.clone(),
            }),
        ]))
    }

    /// The host is a master of the cluster already; if its removal was begun, that is taken back.
    fn adopt(&self) -> Plan {
        let is_leaving = self
            .marker
            .as_ref()
            .is_some_and(|marker| marker.leaving().is_some());
        Plan::new([
            Stage::under_host_lock([
                step(AwaitLocalApi),
                is_leaving
                    .then(|| StayInCluster {
                        cluster: self.itself(),
                        name: self.node.name.clone(),
                        member: None,
                    })
                    .and_then(step),
            ]),
            self.closing(),
        ])
    }

    /// The cluster through this host's own API server.
    fn itself(&self) -> Cluster {
        Cluster::at(self.run.host.clone())
    }

    /// What every master gets in the end, through its own API server.
    fn closing(&self) -> Stage {
        Stage::under_host_lock([
            step(ApplyNodeSettings::all_of(
                &self.spec.node,
                self.itself(),
                &self.node.name,
            )),
            self.facts
                .user
                .clone()
                .and_then(|user| step(CopyAdminKubeconfig { user })),
            step(RecordMembership {
                endpoint: self.endpoint.to_string(),
                node_name: self.node.name.clone(),
                files: self.files(),
            }),
        ])
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
