//! Scripts about the cluster: kubectl, etcd, the API server, credentials.
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    answer_host::{addresses, boot, state},
    detached::upload_certificates,
    reply::{fails, says, whether},
    shell::{name_after, word_after},
    world::{Cluster, Node, World},
};
use crate::{
    command::{Output, Script},
    node::{Answers, MARKER},
};

pub(super) fn answer(world: &mut World, at: &str, script: &Script) -> Option<Output> {
    let body = script.body.as_str();
    if let Some(output) = answer_on_host(world, at, script.title, body) {
        return Some(output);
    }
    // Everything else is asked of the API server or etcd of this very machine.
    let Some(index) = world.api_on(at) else {
        return is_known(script.title).then(|| fails("connection refused"));
    };
    if script.title == "upload certificates" {
        return Some(upload_certificates(world, at, body).map_or_else(fails, |()| Output::default()));
    }
    if script.title == "kubectl delete node" {
        watch_deletion(world, index, &word_after(body, " node "));
    }
    if script.title == "etcd member remove" {
        world.changes_membership(at, script.title);
    }
    if script.title == "get node" {
        let name = word_after(body, " node ");
        let is_ready = world.machines.values().any(|machine| {
            machine.name == name
                && machine.cluster == Some(index)
                && !machine.silent
                && machine.has("/etc/kubernetes/kubelet.conf")
        });
        let node = world.clusters[index].nodes.get(&name);
        return Some(says(
            node.map(|node| show(&name, node, is_ready)).unwrap_or_default(),
        ));
    }
    let forbids = script.title == "kubectl drain" && std::mem::take(&mut world.budget_forbids);
    let cluster = &mut world.clusters[index];
    Some(match script.title {
        "create bootstrap token" => {
            cluster.tokens.insert(name_after(body, "bootstrap-token-"));
            Output::default()
        }
        "remove uploaded certificates" => {
            if let Some((_, owner)) = cluster.certificates.take() {
                cluster.tokens.remove(&owner);
            }
            Output::default()
        }
        "revoke join credentials" => {
            cluster.tokens.remove(&name_after(body, "bootstrap-token-"));
            if body.contains("kubeadm-certs")
                && let Some((_, owner)) = cluster.certificates.take()
            {
                cluster.tokens.remove(&owner);
            }
            Output::default()
        }
        "kubectl delete node" => {
            cluster.nodes.remove(&word_after(body, " node "));
            Output::default()
        }
        "kubectl drain" => match cluster.nodes.get_mut(&word_after(body, " drain ")) {
            Some(node) => {
                node.unschedulable = true;
                if forbids {
                    fails("Cannot evict pod as it would violate the pod's disruption budget.")
                } else {
                    Output::default()
                }
            }
            None => fails("node not found"),
        },
        "kubectl patch node" => match cluster.nodes.get_mut(&word_after(body, " node ")) {
            Some(node) => {
                patch(node, &serde_json::from_str(&word_after(body, " -p ")).unwrap());
                Output::default()
            }
            None => fails("node not found"),
        },
        "etcd member list" => says(members(cluster)),
        "etcd member remove" => {
            let id: u64 = name_after(body, "{\"ID\":\"").parse().unwrap();
            cluster.members.retain(|member| member.id != id);
            says(members(cluster))
        }
        _ => return None,
    })
}

/// What a host answers without its API server: looks, and what its own etcd knows.
fn answer_on_host(world: &World, at: &str, title: &str, body: &str) -> Option<Output> {
    Some(match title {
        "survey" => says(survey(world, at)),
        "ask readyz" => {
            let url = word_after(body, "--max-time 5 ");
            let endpoint = url.strip_prefix("https://")?.strip_suffix("/readyz")?;
            let answers = if endpoint == "127.0.0.1:6443" {
                world.api_on(at)
            } else {
                world.api_at(endpoint)
            };
            whether(answers.is_some())
        }
        "ask the endpoint" => {
            let (_, rest) = body.split_once("https://")?;
            let answers = world.api_at(rest.split('/').next()?);
            let is_own =
                answers.is_some() && answers == world.machines[at].cluster && body.contains("--cacert");
            whether(answers.is_some() && !is_own)
        }
        // etcd's own member answers this as long as it runs, quorum or not.
        "known etcd members" => {
            let machine = &world.machines[at];
            let runs = machine.has("/etc/kubernetes/manifests/etcd.yaml") && !machine.silent;
            let cluster = machine
                .cluster
                .filter(|_| runs)
                .map(|index| &world.clusters[index]);
            let known = cluster.filter(|cluster| cluster.members.iter().any(|member| member.address == at));
            says(known.map(members).unwrap_or_default())
        }
        "etcd status" => {
            let cluster = world.machines[at].cluster;
            says(cluster.map(|index| status(world, index)).unwrap_or_default())
        }
        _ => return None,
    })
}

fn is_known(title: &str) -> bool {
    [
        "etcd",
        "kubectl",
        "get node",
        "create bootstrap",
        "revoke",
        "upload",
        "remove uploaded",
    ]
    .iter()
    .any(|start| title.starts_with(start))
}

/// A kubelet that runs would register its Node again.
fn watch_deletion(world: &mut World, cluster: usize, name: &str) {
    let runs = world.machines.values().any(|machine| {
        machine.name == name
            && machine.cluster == Some(cluster)
            && !machine.silent
            && world.clusters[cluster]
                .nodes
                .get(name)
                .is_some_and(|node| node.machine_id == machine.identity)
    });
    if runs {
        world
            .violations
            .push(format!("Node {name} is deleted while its kubelet runs"));
    }
}

fn survey(world: &World, at: &str) -> String {
    let machine = &world.machines[at];
    let join = state(world, at, "kubeadm-join");
    let api = world.api_on(at).filter(|_| join != "running\n");
    let api = api.map(|index| &world.clusters[index]);
    let is_master = machine.has("/etc/kubernetes/admin.conf");
    let ca = machine
        .files
        .get("/etc/kubernetes/pki/ca.crt")
        .filter(|_| is_master);
    let config = api.filter(|cluster| cluster.is_founded).map(|cluster| {
        let text = format!(
            "clusterName: {}\ncontrolPlaneEndpoint: {}\nkubernetesVersion: v1.37.2\n",
            cluster.name, cluster.endpoint
        );
        json!({"data": {"ClusterConfiguration": text}}).to_string()
    });
    let section = |key, text: Option<&str>| {
        (
            key,
            i32::from(text.is_none()),
            text.unwrap_or_default().to_owned(),
        )
    };
    let sections = [
        section("machine_id", Some(&machine.identity)),
        section("boot", Some(&boot(machine))),
        section("addresses", Some(&addresses(at))),
        section("ca", ca.map(String::as_str)),
        section("ready", api.map(|_| "")),
        section("cluster", config.as_deref()),
        section("members", api.map(members).as_deref()),
        section("init", Some(&state(world, at, "kubeadm-init"))),
        section("join", Some(&join)),
        section("marker", machine.files.get(MARKER).map(String::as_str)),
    ];
    let borrowed = sections
        .iter()
        .map(|(key, status, text)| (*key, *status, text.as_str()));
    Answers::from_sections(borrowed).render()
}

fn members(cluster: &Cluster) -> String {
    let members: Vec<Value> = cluster
        .members
        .iter()
        .map(|member| {
            let started = !member.name.is_empty();
            json!({
                "ID": member.id.to_string(),
                "name": member.name,
                "peerURLs": [format!("https://{}:2380", member.address)],
                "clientURLs": if started { vec![format!("https://{}:2379", member.address)] } else { vec![] },
                "isLearner": member.is_learner,
            })
        })
        .collect();
    json!({ "members": members }).to_string()
}

fn status(world: &World, index: usize) -> String {
    let up = world.clusters[index].members.iter().filter(|member| {
        // One that has just begun to vote does not answer yet.
        !member.name.is_empty()
            && world.machines.get(&member.address).is_some_and(|machine| {
                machine.cluster == Some(index)
                    && !machine.silent
                    && machine.has("/etc/kubernetes/manifests/etcd.yaml")
            })
    });
    let leader = if world.has_quorum(index) { "1" } else { "0" };
    up.fold(String::new(), |text, member| {
        let id = member.id.to_string();
        let answer = json!({"header": {"member_id": id}, "version": "3.7.0", "leader": leader});
        text + &format!("https://{}:2379\t{answer}\n", member.address)
    })
}

fn show(name: &str, node: &Node, is_ready: bool) -> String {
    let ready = if is_ready { "True" } else { "Unknown" };
    json!({
        "metadata": {"name": name, "uid": name, "labels": node.labels, "annotations": node.annotations},
        "spec": {"unschedulable": node.unschedulable},
        "status": {
            "conditions": [{"type": "Ready", "status": ready}],
            "addresses": [{"type": "InternalIP", "address": node.address}],
            "nodeInfo": {"kubeletVersion": "v1.37.2", "machineID": node.machine_id, "systemUUID": ""},
        },
    })
    .to_string()
}

fn patch(node: &mut Node, patch: &Value) {
    let merge = |into: &mut BTreeMap<String, String>, patch: &Value| {
        for (key, value) in patch.as_object().into_iter().flatten() {
            match value.as_str() {
                Some(text) => into.insert(key.clone(), text.to_owned()),
                None => into.remove(key),
            };
        }
    };
    merge(&mut node.labels, &patch["metadata"]["labels"]);
    merge(&mut node.annotations, &patch["metadata"]["annotations"]);
    if let Some(unschedulable) = patch["spec"]["unschedulable"].as_bool() {
        node.unschedulable = unschedulable;
    }
}
