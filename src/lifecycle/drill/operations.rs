//! The provider's operations on a small world: three masters with load balancers and a worker.
use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    link::Lab,
    world::{Machine, World},
};
use crate::{
    haproxy::HaproxySpec,
    kubeadm::{ClusterSpec, DEFAULT_CRI_SOCKET, NodeSpec},
    lifecycle::{
        create::{create_master, create_worker},
        engine::{Progress, Run},
        failure::Failure,
        loadbalancer::{apply_loadbalancer, remove_loadbalancer},
        lock::Locks,
        remove::{Departures, remove_master, remove_worker},
        spec::{
            IfUnreachable, Join, LoadbalancerSpec, MasterSpec, NodeChange, NodeSettings, RemovalSpec,
            WorkerSpec,
        },
        update::update_node,
    },
};

pub(super) const M1: &str = "10.0.0.11";
pub(super) const M2: &str = "10.0.0.12";
pub(super) const M3: &str = "10.0.0.13";
pub(super) const W1: &str = "10.0.0.21";
pub(super) const MASTERS: [&str; 3] = [M1, M2, M3];
pub(super) const ENDPOINT: &str = "10.0.0.100:8443";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    CreateFirstMaster,
    /// In the symmetric form: with `cluster` and `peers`.
    CreateSecondMaster,
    /// In the ordered form: with `join`.
    JoinSecondMaster,
    CreateWorker,
    RemoveMasterOfThree,
    RemoveLastMaster,
    RemoveWorker,
    /// The host of one of three masters does not answer.
    RemoveLostMaster,
    RemoveLostWorker,
    /// The host was taken out of the cluster while it was down.
    RejoinStaleMaster,
    RejoinStaleWorker,
    ApplyLoadbalancer,
    RemoveLoadbalancer,
    UpdateNode,
}

impl Operation {
    pub(super) const ALL: [Self; 14] = [
        Self::CreateFirstMaster,
        Self::CreateSecondMaster,
        Self::JoinSecondMaster,
        Self::CreateWorker,
        Self::RemoveMasterOfThree,
        Self::RemoveLastMaster,
        Self::RemoveWorker,
        Self::RemoveLostMaster,
        Self::RemoveLostWorker,
        Self::RejoinStaleMaster,
        Self::RejoinStaleWorker,
        Self::ApplyLoadbalancer,
        Self::RemoveLoadbalancer,
        Self::UpdateNode,
    ];

    /// The host that the operation is about.
    pub(super) fn target(self) -> &'static str {
        match self {
            Self::CreateSecondMaster
            | Self::JoinSecondMaster
            | Self::RemoveLostMaster
            | Self::RejoinStaleMaster => M2,
            Self::CreateWorker | Self::RemoveWorker | Self::RemoveLostWorker | Self::RejoinStaleWorker => W1,
            _ => M1,
        }
    }

    fn masters_before(self) -> usize {
        match self {
            Self::CreateFirstMaster | Self::ApplyLoadbalancer => 0,
            Self::RemoveMasterOfThree | Self::RemoveLostMaster | Self::RejoinStaleMaster => 3,
            _ => 1,
        }
    }

    /// The world just before the operation.
    pub(super) async fn world_before(self) -> World {
        let lab = Lab::new(empty_world());
        if self != Self::ApplyLoadbalancer {
            for master in MASTERS {
                let run = new_run(&lab, master);
                apply_loadbalancer(&run, &loadbalancer(master), &[], None)
                    .await
                    .unwrap();
            }
        }
        for master in MASTERS.iter().take(self.masters_before()) {
            let run = new_run(&lab, master);
            let spec = symmetric_master(&lab, master);
            create_master(&run, &spec, &Locks::default(), None).await.unwrap();
        }
        if matches!(
            self,
            Self::RemoveWorker | Self::RemoveLostWorker | Self::RejoinStaleWorker
        ) {
            create_worker(&new_run(&lab, W1), &worker(&lab), &Locks::default(), None)
                .await
                .unwrap();
        }
        match self {
            Self::RemoveLostMaster | Self::RemoveLostWorker => lab.world().silence(self.target()),
            Self::RejoinStaleMaster => {
                lab.world().silence(M2);
                let leaving = leaving(&lab, "m2", Some(M2));
                let (locks, departures) = (Locks::default(), Departures::default());
                remove_master(&new_run(&lab, M2), &leaving, &locks, &departures)
                    .await
                    .unwrap();
                lab.world().come_back(M2);
            }
            Self::RejoinStaleWorker => {
                lab.world().clusters[0].nodes.remove("w1");
            }
            _ => {}
        }
        let mut world = lab.world().clone();
        assert_eq!(world.violations, Vec::<String>::new());
        world.log.clear();
        world.writes.clear();
        world
    }

    /// Runs the operation as a process of its own would.
    pub(super) async fn run(self, lab: &Lab) -> Result<(), Failure> {
        self.run_until(lab, CancellationToken::new()).await
    }

    /// The same, told to the progress log.
    pub(super) async fn run_logged(self, lab: &Lab, progress: Arc<Progress>) -> Result<(), Failure> {
        self.run_in(
            lab,
            Run {
                progress,
                ..new_run(lab, self.target())
            },
        )
        .await
    }

    pub(super) async fn run_until(self, lab: &Lab, cancel: CancellationToken) -> Result<(), Failure> {
        self.run_in(
            lab,
            Run {
                cancel,
                ..new_run(lab, self.target())
            },
        )
        .await
    }

    async fn run_in(self, lab: &Lab, run: Run) -> Result<(), Failure> {
        let locks = Locks::default();
        match self {
            Self::CreateFirstMaster | Self::CreateSecondMaster | Self::RejoinStaleMaster => {
                let spec = symmetric_master(lab, self.target());
                create_master(&run, &spec, &locks, None).await.map(drop)
            }
            Self::JoinSecondMaster => {
                let spec = joining_master(lab);
                create_master(&run, &spec, &locks, None).await.map(drop)
            }
            Self::CreateWorker | Self::RejoinStaleWorker => {
                create_worker(&run, &worker(lab), &locks, None).await.map(drop)
            }
            Self::RemoveMasterOfThree | Self::RemoveLastMaster => {
                let leaving = leaving(lab, "m1", Some(M1));
                remove_master(&run, &leaving, &locks, &Departures::default())
                    .await
                    .map(drop)
            }
            Self::RemoveLostMaster => {
                let leaving = leaving(lab, "m2", Some(M2));
                remove_master(&run, &leaving, &locks, &Departures::default())
                    .await
                    .map(drop)
            }
            Self::RemoveWorker | Self::RemoveLostWorker => {
                remove_worker(&run, &leaving(lab, "w1", None), &locks)
                    .await
                    .map(drop)
            }
            Self::ApplyLoadbalancer => apply_loadbalancer(&run, &loadbalancer(M1), &[], None)
                .await
                .map(drop),
            Self::RemoveLoadbalancer => remove_loadbalancer(&run, IfUnreachable::default(), "10.0.0.100")
                .await
                .map(drop),
            Self::UpdateNode => {
                let change = NodeChange {
                    name: "m1".to_owned(),
                    masters: hosts(lab, &[M1]),
                    labels: [
                        ("tier".to_owned(), None),
                        ("rack".to_owned(), Some("r2".to_owned())),
                    ]
                    .into(),
                    annotations: BTreeMap::new(),
                    taints: None,
                    files: Vec::new(),
                };
                update_node(&run, change, &locks).await
            }
        }
    }
}

pub(super) fn empty_world() -> World {
    let machines = [("m1", M1), ("m2", M2), ("m3", M3), ("w1", W1)];
    World {
        machines: machines
            .map(|(name, address)| (address.to_owned(), Machine::new(name, address)))
            .into(),
        ..World::default()
    }
}

pub(super) fn new_run(lab: &Lab, address: &str) -> Run {
    Run {
        operation: format!("drill {address}"),
        host: lab.host(address),
        cancel: CancellationToken::new(),
        deadline: Instant::now() + Duration::from_secs(1800),
        progress: Arc::new(Progress::default()),
        keeps_journal: Arc::new(true.into()),
    }
}

pub(super) fn hosts(lab: &Lab, addresses: &[&str]) -> Vec<crate::remote::Host> {
    addresses.iter().map(|address| lab.host(address)).collect()
}

fn settings() -> NodeSettings {
    NodeSettings {
        kubeadm: NodeSpec::new(""),
        labels: [("tier".to_owned(), "gold".to_owned())].into(),
        annotations: BTreeMap::new(),
    }
}

pub(super) fn symmetric_master(lab: &Lab, address: &str) -> MasterSpec {
    let peers: Vec<&str> = MASTERS
        .iter()
        .copied()
        .filter(|master| *master != address)
        .collect();
    MasterSpec {
        node: settings(),
        cluster: Some(ClusterSpec::new(
            "prod",
            "1.37.2".parse().unwrap(),
            ENDPOINT.parse().unwrap(),
        )),
        join: None,
        peers: hosts(lab, &peers),
    }
}

pub(super) fn joining_master(lab: &Lab) -> MasterSpec {
    MasterSpec {
        node: settings(),
        cluster: None,
        join: Some(join(lab)),
        peers: Vec::new(),
    }
}

pub(super) fn join(lab: &Lab) -> Join {
    Join {
        endpoint: ENDPOINT.parse().unwrap(),
        ca_cert_hash: ca_hash(lab),
        cluster_name: "prod".to_owned(),
        masters: hosts(lab, &[M1]),
    }
}

fn ca_hash(lab: &Lab) -> String {
    lab.world()
        .clusters
        .first()
        .map_or_else(String::new, |cluster| cluster.ca_hash.clone())
}

pub(super) fn worker(lab: &Lab) -> WorkerSpec {
    WorkerSpec {
        node: settings(),
        join: join(lab),
    }
}

pub(super) fn leaving(lab: &Lab, name: &str, advertise_address: Option<&str>) -> RemovalSpec {
    RemovalSpec {
        node_name: name.to_owned(),
        endpoint: ENDPOINT.to_owned(),
        advertise_address: advertise_address.map(|address| address.parse().unwrap()),
        ca_cert_hash: ca_hash(lab),
        masters: hosts(lab, &MASTERS),
        cri_socket: DEFAULT_CRI_SOCKET.to_owned(),
        if_unreachable: IfUnreachable::default(),
    }
}

pub(super) fn loadbalancer(address: &str) -> LoadbalancerSpec {
    let members: BTreeMap<String, String> = MASTERS
        .iter()
        .map(|master| (format!("m{}", &master[8..]), (*master).to_owned()))
        .collect();
    LoadbalancerSpec {
        vip: IpAddr::from([10, 0, 0, 100]),
        interface: None,
        address: address.parse().unwrap(),
        haproxy: HaproxySpec::new(8443, members.clone()),
        members,
        virtual_router_id: 100,
        priority: 100,
        preempt: false,
        keepalived_image: "registry.example.net/keepalived:1".to_owned(),
    }
}
