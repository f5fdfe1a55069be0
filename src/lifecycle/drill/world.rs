//! The truth of a drill: machines, clusters and the floating IP, and what goes wrong on the way to them.
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    haproxy, keepalived,
    node::{
        MARKER,
        lock::{LEASE, Owner, Scope},
    },
};

#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each goes wrong by itself")]
pub(super) struct World {
    pub(super) machines: BTreeMap<String, Machine>,
    pub(super) clusters: Vec<Cluster>,
    pub(super) vip_holder: Option<String>,
    /// A machine outside of the project has the floating IP.
    pub(super) vip_stranger: bool,
    /// Addresses and ports that a firewall lets nobody else reach.
    pub(super) closed: BTreeSet<(String, u16)>,
    /// kubeadm init and join end half-done with status 1, so many times.
    pub(super) kubeadm_fails: usize,
    /// So many looks longer a new etcd member votes before it answers.
    pub(super) silent_looks: usize,
    /// A master's join fails only after its etcd member votes.
    pub(super) kubeadm_fails_late: bool,
    /// `kubeadm reset` ends with status 1 after it did its work, so many times.
    pub(super) reset_fails: usize,
    /// `kubeadm reset` ends with 0 and leaves the etcd member.
    pub(super) reset_keeps_member: bool,
    /// The next drain cordons the Node and can evict nothing.
    pub(super) budget_forbids: bool,
    /// How long it takes to see that a machine does not answer.
    pub(super) connect_timeout: Duration,
    pub(super) fault: Option<Fault>,
    /// What must never happen and did.
    pub(super) violations: Vec<String>,
    /// Address and title of each script since the log was taken last.
    pub(super) log: Vec<(String, &'static str)>,
    /// Those of them that change something.
    pub(super) writes: Vec<(String, &'static str)>,
}

/// A host, by its address.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a state of its own")]
pub(super) struct Machine {
    pub(super) name: String,
    pub(super) address: String,
    /// `/etc/machine-id`; clones of one image share it.
    pub(super) identity: String,
    pub(super) silent: bool,
    /// It has the floating IP beside the one who should: its keepalived came back, and the others do not know of it.
    pub(super) has_vip_too: bool,
    /// It answers, and lets nobody in.
    pub(super) is_locked: bool,
    /// So many scripts longer it lets nobody in as it goes down or boots.
    pub(super) refusals: usize,
    pub(super) files: BTreeMap<String, String>,
    pub(super) operations: BTreeMap<String, Operation>,
    /// Names of units whose command has ended and whose control group systemd does not know to be empty yet.
    pub(super) ending: BTreeSet<String>,
    pub(super) has_images: bool,
    /// How the kubelet's unit is, and its log.
    pub(super) kubelet_log: String,
    /// So many looks longer cloud-init is at work, which installs what Kubernetes needs at its end.
    pub(super) setup_looks: usize,
    /// What Kubernetes needs is not installed, whatever cloud-init does.
    pub(super) lacks_kubeadm: bool,
    /// The owner of each lock as it was written, and when.
    pub(super) locks: BTreeMap<Scope, (Owner, Instant)>,
    /// Index of the cluster whose files are here.
    pub(super) cluster: Option<usize>,
}

/// What `kubeadm init` made.
#[derive(Clone, Debug, Default)]
pub(super) struct Cluster {
    pub(super) name: String,
    pub(super) endpoint: String,
    pub(super) ca_pem: String,
    pub(super) ca_hash: String,
    pub(super) members: Vec<Member>,
    pub(super) nodes: BTreeMap<String, Node>,
    pub(super) tokens: BTreeSet<String>,
    /// Key of the uploaded certificates and the token that owns them.
    pub(super) certificates: Option<(String, String)>,
    /// `kubeadm-config` is in the cluster.
    pub(super) is_founded: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) address: String,
    pub(super) is_learner: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub(super) machine_id: String,
    pub(super) address: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) unschedulable: bool,
}

/// What goes wrong at the script of this number, counted from 0 over all hosts.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) kind: FaultKind,
    pub(super) seen: usize,
    pub(super) hit: Option<&'static str>,
}

impl Fault {
    /// One that has not struck yet.
    pub(super) fn new(at: usize, kind: FaultKind) -> Self {
        Self {
            at,
            kind,
            seen: 0,
            hit: None,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) enum FaultKind {
    /// The link breaks before the script runs.
    CutBefore,
    /// The link breaks after the script ran.
    CutAfter,
    /// The provider is killed before the script runs.
    KillBefore,
    /// The provider is killed after the script ran.
    KillAfter,
    /// The script ends with 1 and does nothing.
    Status1,
    /// The machine goes down before the script runs, and lets nobody in for so many scripts more.
    GoesDown(usize),
    /// The host does not answer from this script on.
    Dies,
    /// Terraform asks to stop while the script runs.
    Cancel(CancellationToken),
}

impl World {
    /// Etcd's members or the uploaded certificates are about to change through this machine.
    pub(super) fn changes_membership(&mut self, at: &str, what: &str) {
        let lock = self.machines[at].locks.get(&Scope::Cluster);
        if lock.is_none_or(|(_, taken)| taken.elapsed() >= LEASE) {
            self.violations
                .push(format!("{what} on {at} without the cluster's lock"));
        }
    }

    pub(super) fn settle_vip(&mut self) {
        let carries = |machine: &Machine| {
            machine.has(keepalived::MANIFEST_PATH)
                && machine.has("/etc/kubernetes/kubelet.conf")
                && !machine.silent
        };
        if !self
            .vip_holder
            .as_ref()
            .is_some_and(|holder| carries(&self.machines[holder]))
        {
            let next = self.machines.values().find(|machine| carries(machine));
            self.vip_holder = next.map(|machine| machine.address.clone());
        }
    }

    pub(super) fn has_quorum(&self, cluster: usize) -> bool {
        let voters: Vec<&Member> = self.clusters[cluster]
            .members
            .iter()
            .filter(|member| !member.is_learner)
            .collect();
        let up = voters.iter().filter(|voter| {
            self.machines.values().any(|machine| {
                machine.address == voter.address
                    && machine.cluster == Some(cluster)
                    && !machine.silent
                    && machine.has("/etc/kubernetes/manifests/etcd.yaml")
            })
        });
        up.count() * 2 > voters.len()
    }

    /// The cluster whose API server answers on this machine.
    pub(super) fn api_on(&self, at: &str) -> Option<usize> {
        let machine = &self.machines[at];
        let cluster = machine.cluster?;
        let votes = self.clusters[cluster]
            .members
            .iter()
            .any(|member| member.address == at && !member.is_learner && !member.name.is_empty());
        let serves = machine.has("/etc/kubernetes/manifests/kube-apiserver.yaml") && !machine.silent;
        (votes && serves && self.has_quorum(cluster)).then_some(cluster)
    }

    /// The cluster that answers at an endpoint.
    pub(super) fn api_at(&self, endpoint: &str) -> Option<usize> {
        self.machines
            .keys()
            .filter_map(|at| self.api_on(at))
            .find(|cluster| self.clusters[*cluster].endpoint == endpoint)
    }

    /// The machine loses its power.
    pub(super) fn silence(&mut self, at: &str) {
        self.machines.get_mut(at).unwrap().silent = true;
        self.settle_vip();
    }

    /// The machine has power again, and its kubelet registers its Node.
    pub(super) fn come_back(&mut self, at: &str) {
        let machine = self.machines.get_mut(at).unwrap();
        machine.silent = false;
        machine.has_vip_too = machine.has(keepalived::MANIFEST_PATH);
        let (name, node) = (
            machine.name.clone(),
            Node {
                machine_id: machine.identity.clone(),
                address: machine.address.clone(),
                ..Node::default()
            },
        );
        if let Some(cluster) = machine.cluster {
            self.clusters[cluster].nodes.insert(name, node);
        }
    }

    /// The process that holds the locks has ended.
    pub(super) fn owners_are_gone(&mut self) {
        let locks = self
            .machines
            .values_mut()
            .flat_map(|machine| machine.locks.values_mut());
        locks.for_each(|(owner, _)| owner.started += 1);
    }

    /// Whether any host is locked for somebody.
    pub(super) fn is_locked(&self) -> bool {
        self.machines.values().any(|machine| !machine.locks.is_empty())
    }

    /// Clusters without a machine are as if they had never been.
    pub(super) fn forget_dead_clusters(&mut self) {
        for index in (0..self.clusters.len()).rev() {
            if self
                .machines
                .values()
                .all(|machine| machine.cluster != Some(index))
            {
                self.clusters.remove(index);
                for machine in self.machines.values_mut() {
                    machine.cluster = machine
                        .cluster
                        .map(|cluster| cluster - usize::from(cluster > index));
                }
            }
        }
    }

    /// Everything that an operation's end is judged by. Numbers and names that are made at random are left out.
    pub(super) fn summary(&self) -> String {
        let mut text = String::new();
        for machine in self.machines.values() {
            let _ = writeln!(text, "{} in cluster: {}", machine.name, machine.cluster.is_some());
            for (path, content) in &machine.files {
                let shown = if path == MARKER { content.trim() } else { "" };
                let _ = writeln!(text, "  {path} {shown}");
            }
            for name in machine.operations.keys() {
                let _ = writeln!(text, "  left: {name}");
            }
        }
        let holder = self.vip_holder.as_ref().map_or("nobody", |_| "a member");
        let _ = writeln!(text, "the floating IP is held by {holder}");
        let alive = |index: &usize| {
            self.machines
                .values()
                .any(|machine| machine.cluster == Some(*index))
        };
        for cluster in (0..self.clusters.len())
            .filter(alive)
            .map(|index| &self.clusters[index])
        {
            let _ = writeln!(text, "cluster {} at {}", cluster.name, cluster.endpoint);
            let mut members: Vec<_> = cluster.members.iter().collect();
            members.sort_by_key(|member| &member.address);
            for member in members {
                let _ = writeln!(
                    text,
                    "  member {} {} learner: {}",
                    member.name, member.address, member.is_learner
                );
            }
            for (name, node) in &cluster.nodes {
                let Node {
                    labels,
                    annotations,
                    unschedulable,
                    ..
                } = node;
                let _ = writeln!(
                    text,
                    "  node {name} {labels:?} {annotations:?} cordoned: {unschedulable}"
                );
            }
            let _ = writeln!(
                text,
                "  tokens: {}, certificates: {}",
                cluster.tokens.len(),
                cluster.certificates.is_some()
            );
        }
        text
    }
}

impl Machine {
    pub(super) fn new(name: &str, address: &str) -> Self {
        Self {
            name: name.to_owned(),
            address: address.to_owned(),
            identity: format!("{name}-machine"),
            ..Self::default()
        }
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
            || self
                .files
                .keys()
                .any(|file| file.starts_with(&format!("{path}/")))
    }

    pub(super) fn remove(&mut self, path: &str) {
        self.files
            .retain(|file, _| file != path && !file.starts_with(&format!("{path}/")));
    }

    pub(super) fn has_loadbalancer(&self) -> bool {
        self.has(haproxy::MANIFEST_PATH) && self.has("/etc/kubernetes/kubelet.conf")
    }
}

/// A command in the background.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    Running(Work),
    Ended(i32, String),
}

/// What it is going to do at its end.
#[derive(Clone, Debug)]
pub(super) enum Work {
    Init {
        node: String,
        token: String,
    },
    Join {
        node: String,
        is_master: bool,
    },
    Reset,
    Pull,
    /// It stops at once.
    Nothing(String),
}
