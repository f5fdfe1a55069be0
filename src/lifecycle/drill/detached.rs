//! What kubeadm does to the world when it runs in the background: half of it when it begins, the rest at its end.
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{CertificateParams, KeyPair};

use super::{
    shell::{paths, word_after, words, yaml_value},
    world::{Cluster, Member, Node, Operation, Work, World},
};
use crate::{haproxy, keepalived, kubeadm, node::DIRECTORY};

impl World {
    /// What was begun in the background comes to its end.
    pub(super) fn let_time_pass(&mut self) {
        for at in self.machines.keys().cloned().collect::<Vec<_>>() {
            for name in self.machines[&at].operations.keys().cloned().collect::<Vec<_>>() {
                end(self, &at, &name);
            }
        }
        self.settle_vip();
    }

    /// The machine goes down and comes up again: what ran in the background is gone, and so is `/run`.
    pub(super) fn lose_power(&mut self, at: &str) {
        let machine = self.machines.get_mut(at).unwrap();
        machine
            .operations
            .retain(|_, operation| matches!(operation, Operation::Ended(..)));
        machine.remove("/run");
        machine.locks.clear();
        self.settle_vip();
    }
}

/// Starts the command under its name.
pub(super) fn begin(world: &mut World, at: &str, name: &str, command: &str) {
    let work = match name {
        "kubeadm-init" => begin_init(world, at, command),
        "kubeadm-join" => begin_join(world, at, command),
        "kubeadm-reset" => Ok(begin_reset(world, at, command)),
        "pull-images" => config(world, at, command).map(|_| Work::Pull),
        other => Err(format!("nobody knows {other}")),
    };
    let work = work.unwrap_or_else(Work::Nothing);
    world
        .machines
        .get_mut(at)
        .unwrap()
        .operations
        .insert(name.to_owned(), Operation::Running(work));
}

/// A little time passes: a master that joins votes first, then answers, and kubeadm goes on; everything else comes to
/// its end.
pub(super) fn proceed(world: &mut World, at: &str, name: &str) {
    let own = world.machines[at].cluster.and_then(|index| {
        let mut members = world.clusters[index].members.iter();
        members.find(|member| member.address == at).cloned()
    });
    let running = world.machines[at].operations.get(name).cloned();
    match (running, own) {
        (Some(Operation::Running(work @ Work::Join { is_master: true, .. })), Some(own))
            if own.name.is_empty() && (world.kubeadm_fails == 0 || world.kubeadm_fails_late) =>
        {
            if own.is_learner {
                finish(world, at, &work);
            } else if world.silent_looks > 0 {
                world.silent_looks -= 1;
            } else {
                register(world, at, &work);
            }
        }
        _ => end(world, at, name),
    }
}

/// Brings the command to its end, if it runs.
pub(super) fn end(world: &mut World, at: &str, name: &str) {
    let Some(Operation::Running(work)) = world.machines[at].operations.get(name).cloned() else {
        return;
    };
    let fails = matches!(work, Work::Init { .. } | Work::Join { .. }) && world.kubeadm_fails > 0;
    let (status, output) = match work {
        Work::Nothing(why) => (1, why),
        Work::Init { .. } | Work::Join { .. } if world.machines[at].cluster.is_none() => {
            (1, "its files are gone".to_owned())
        }
        _ if fails => {
            world.kubeadm_fails -= 1;
            register(world, at, &work);
            (
                1,
                "[preflight] some text\nerror execution phase addon/kube-proxy: timed out".to_owned(),
            )
        }
        Work::Reset => {
            end_reset(world, at);
            let fails = world.reset_fails > 0;
            world.reset_fails = world.reset_fails.saturating_sub(1);
            if fails {
                (1, "cannot unmount".to_owned())
            } else {
                (0, "reset done".to_owned())
            }
        }
        Work::Pull => {
            world.machines.get_mut(at).unwrap().has_images = true;
            (0, "pulled".to_owned())
        }
        Work::Init { .. } | Work::Join { .. } => {
            register(world, at, &work);
            finish(world, at, &work);
            (0, "done".to_owned())
        }
    };
    let machine = world.machines.get_mut(at).unwrap();
    machine.ending.insert(name.to_owned());
    machine
        .operations
        .insert(name.to_owned(), Operation::Ended(status, output));
}

fn config(world: &World, at: &str, command: &str) -> Result<String, String> {
    let path = word_after(command, "--config ");
    world.machines[at]
        .files
        .get(&path)
        .cloned()
        .ok_or_else(|| format!("{path}: no such file"))
}

fn begin_init(world: &mut World, at: &str, command: &str) -> Result<Work, String> {
    let config = config(world, at, command)?;
    refuse_used_host(world, at)?;
    let endpoint = yaml_value(&config, "controlPlaneEndpoint").unwrap();
    if world.api_at(&endpoint).is_some() {
        world
            .violations
            .push(format!("{at} initialises a second cluster at {endpoint}"));
    }
    let ca_pem = new_ca();
    world.changes_membership(at, "kubeadm init");
    let cluster = Cluster {
        name: yaml_value(&config, "clusterName").unwrap(),
        endpoint,
        ca_hash: kubeadm::ca_cert_hash(&ca_pem).unwrap(),
        ca_pem,
        ..Cluster::default()
    };
    world.clusters.push(cluster);
    let node = yaml_value(&config, "name").unwrap();
    let index = world.clusters.len() - 1;
    add_member(world, index, &node, at, false);
    lay_files(world, at, index, true);
    let token = yaml_value(&config, "token").unwrap();
    Ok(Work::Init {
        node,
        token: token.split('.').next().unwrap().to_owned(),
    })
}

fn new_ca() -> String {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::default().self_signed(&key).unwrap();
    let text = STANDARD.encode(certificate.der());
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

fn begin_join(world: &mut World, at: &str, command: &str) -> Result<Work, String> {
    let config = config(world, at, command)?;
    refuse_used_host(world, at)?;
    if world.machines[at].has_vip_too {
        return Err("the endpoint is this host itself, and nothing listens".to_owned());
    }
    let path = yaml_value(&config, "kubeConfigPath").unwrap();
    let discovery = &world.machines[at].files.get(&path).ok_or("no discovery file")?;
    let discovery: serde_json::Value = serde_json::from_str(discovery).unwrap();
    let known = &discovery["clusters"][0]["cluster"];
    let endpoint = known["server"].as_str().unwrap().trim_start_matches("https://");
    let index = world.api_at(endpoint).ok_or("no API server answers")?;
    let token = yaml_value(&config, "tlsBootstrapToken").unwrap();
    let cluster = &world.clusters[index];
    if !cluster.tokens.contains(token.split('.').next().unwrap()) {
        return Err("the token is not known".to_owned());
    }
    if known["certificate-authority-data"] != STANDARD.encode(&cluster.ca_pem) {
        return Err("the CA is another one".to_owned());
    }
    let node = yaml_value(&config, "name").unwrap();
    let key = yaml_value(&config, "certificateKey");
    if let Some(key) = &key {
        if cluster.certificates.as_ref().map(|(key, _)| key) != Some(key) {
            return Err("the certificates cannot be decrypted".to_owned());
        }
        if cluster.members.iter().any(|member| member.is_learner) {
            return Err("etcdserver: too many learner members in cluster".to_owned());
        }
        if cluster.members.iter().any(|member| member.address == at) {
            return Err("etcdserver: Peer URLs already exists".to_owned());
        }
        world.changes_membership(at, "kubeadm join");
        add_member(world, index, "", at, true);
    }
    lay_files(world, at, index, key.is_some());
    Ok(Work::Join {
        node,
        is_master: key.is_some(),
    })
}

fn begin_reset(world: &mut World, at: &str, command: &str) -> Work {
    let machine = world.machines.get_mut(at).unwrap();
    for name in ["kubeadm-init", "kubeadm-join"] {
        if matches!(machine.operations.get(name), Some(Operation::Running(_))) {
            world
                .violations
                .push(format!("{at}: kubeadm reset while {name} runs"));
        }
    }
    for path in [haproxy::MANIFEST_PATH, keepalived::MANIFEST_PATH] {
        if command.contains(&format!("mv {path} {DIRECTORY}/manifests/")) {
            put_aside(machine, path);
        }
    }
    Work::Reset
}

pub(super) fn put_aside(machine: &mut super::world::Machine, path: &str) {
    if let Some(content) = machine.files.remove(path) {
        let name = path.rsplit('/').next().unwrap();
        machine
            .files
            .insert(format!("{DIRECTORY}/manifests/{name}"), content);
    }
}

/// What `kubeadm reset` does, also when a person runs it.
pub(super) fn end_reset(world: &mut World, at: &str) {
    if let Some(cluster) = world.machines[at].cluster
        && world.has_quorum(cluster)
        && !world.reset_keeps_member
        && world.clusters[cluster].members.len() > 1
    {
        world.clusters[cluster]
            .members
            .retain(|member| member.address != at);
    }
    let machine = world.machines.get_mut(at).unwrap();
    machine.cluster = None;
    for path in FILES
        .iter()
        .chain(&["/etc/kubernetes/manifests", "/etc/kubernetes/pki"])
    {
        machine.remove(path);
    }
    put_back(machine);
}

pub(super) fn put_back(machine: &mut super::world::Machine) {
    let aside = format!("{DIRECTORY}/manifests/");
    for path in machine
        .files
        .keys()
        .filter(|path| path.starts_with(&aside))
        .cloned()
        .collect::<Vec<_>>()
    {
        let content = machine.files.remove(&path).unwrap();
        machine
            .files
            .entry(path.replace(&aside, "/etc/kubernetes/manifests/"))
            .or_insert(content);
    }
}

fn refuse_used_host(world: &World, at: &str) -> Result<(), String> {
    let machine = &world.machines[at];
    let left: Vec<&str> = FILES.iter().copied().filter(|path| machine.has(path)).collect();
    match left.as_slice() {
        [] => Ok(()),
        left => Err(format!(
            "[ERROR FileAvailable]: {} already exist",
            left.join(", ")
        )),
    }
}

const FILES: &[&str] = &[
    "/etc/kubernetes/pki/ca.crt",
    "/etc/kubernetes/kubelet.conf",
    "/var/lib/kubelet/config.yaml",
    "/etc/kubernetes/admin.conf",
    "/etc/kubernetes/manifests/etcd.yaml",
    "/etc/kubernetes/manifests/kube-apiserver.yaml",
    "/var/lib/etcd/member",
];

fn lay_files(world: &mut World, at: &str, cluster: usize, is_master: bool) {
    let ca_pem = world.clusters[cluster].ca_pem.clone();
    let machine = world.machines.get_mut(at).unwrap();
    machine.cluster = Some(cluster);
    for path in FILES.iter().take(if is_master { FILES.len() } else { 3 }) {
        machine
            .files
            .insert((*path).to_owned(), format!("cluster {cluster}"));
    }
    machine.files.insert(FILES[0].to_owned(), ca_pem);
}

fn add_member(world: &mut World, cluster: usize, name: &str, address: &str, is_learner: bool) {
    let id = 1000
        + world
            .clusters
            .iter()
            .map(|cluster| cluster.members.len() as u64)
            .sum::<u64>()
        + world.log.len() as u64;
    let member = Member {
        id,
        name: name.to_owned(),
        address: address.to_owned(),
        is_learner,
    };
    world.clusters[cluster].members.push(member);
}

/// The kubelet registers its Node, the learner follows.
fn register(world: &mut World, at: &str, work: &Work) {
    let (Work::Init { node, .. } | Work::Join { node, .. }) = work else {
        return;
    };
    let machine = world.machines[at].clone();
    let cluster = &mut world.clusters[machine.cluster.unwrap()];
    let object = Node {
        machine_id: machine.identity,
        address: machine.address,
        ..Node::default()
    };
    cluster.nodes.insert(node.clone(), object);
    for member in cluster.members.iter_mut().filter(|member| member.address == at) {
        member.name.clone_from(node);
    }
}

fn finish(world: &mut World, at: &str, work: &Work) {
    let cluster = world.machines[at].cluster.unwrap();
    let cluster = &mut world.clusters[cluster];
    match work {
        Work::Init { token, .. } => {
            cluster.tokens.insert(token.clone());
            cluster.is_founded = true;
        }
        Work::Join { is_master: true, .. } => {
            for member in cluster.members.iter_mut().filter(|member| member.address == at) {
                member.is_learner = false;
            }
        }
        _ => {}
    }
}

/// `kubeadm init phase upload-certs`: each upload has a token of its own that owns the Secret.
pub(super) fn upload_certificates(world: &mut World, at: &str, command: &str) -> Result<(), String> {
    let config = config(world, at, command)?;
    let key = yaml_value(&config, "certificateKey").ok_or("no key")?;
    let owner = format!("own{}", world.log.len());
    let index = world.api_on(at).ok_or("no API server answers")?;
    world.changes_membership(at, "upload-certs");
    let cluster = &mut world.clusters[index];
    cluster.tokens.insert(owner.clone());
    cluster.certificates = Some((key, owner));
    Ok(())
}

/// Removes what an `rm -rf` of a script names.
pub(super) fn remove_recursively(world: &mut World, at: &str, body: &str) {
    let (_, rest) = body.split_once("rm -rf ").unwrap();
    for path in words(rest).iter().flat_map(|word| paths(word)) {
        world.machines.get_mut(at).unwrap().remove(&path);
        if let Some(name) = path.strip_prefix(&format!("{DIRECTORY}/operations/")) {
            world.machines.get_mut(at).unwrap().operations.remove(name);
        }
    }
}
