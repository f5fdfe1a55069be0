//! Whether the hosts of a cluster reach each other: tried before anything is changed, and again where a join failed.
//!
//! Masters try each other, each way. A worker tries the endpoint, and one master tries the worker: in a cluster of 200
//! nobody tries all the others.
use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    net::IpAddr,
};

use futures::future::join_all;

use super::{
    failure::{Failure, FailureKind},
    loadbalancer::LoadbalancerSpec,
    spec::{NodeWishes, REACH_CHECK},
};
use crate::{
    command::Script,
    kubeadm::{API_SERVER_PORT, Endpoint},
    node::{
        Answers, Facts, Network, Query,
        connectivity::{
            Connection, Verdict, parse_verdicts, runs_vrrp_command, try_connections_script, try_vrrp_script,
        },
        preflight::{self, Problem},
    },
    remote::Host,
};

/// etcd's clients: kubeadm asks every member before it adds one.
const ETCD_CLIENT_PORT: u16 = 2379;
const ETCD_PEER_PORT: u16 = 2380;
const KUBELET_PORT: u16 = 10250;

/// A port that a host needs to reach, and what it is there for.
#[derive(Clone, Debug)]
struct Need {
    to: String,
    port: u16,
    purpose: &'static str,
}

/// A host, and where others find its node.
#[derive(Clone, Debug)]
pub struct Place {
    host: Host,
    /// The API server's and etcd's address.
    address: IpAddr,
    /// The kubelet's, where the API server asks it for logs.
    kubelet: IpAddr,
}

impl Place {
    /// Where a node that is to be made will be.
    pub fn of_node(host: &Host, facts: &Facts, wishes: &NodeWishes) -> Option<Self> {
        let network = facts.network();
        let address = wishes
            .advertise_address
            .or_else(|| network.own_address(host.name()))?;
        let named = wishes.kubelet_extra_args.get("node-ip");
        let named = named.and_then(|text| text.split(',').next()?.trim().parse().ok());
        Some(Self {
            host: host.clone(),
            address,
            kubelet: named.or_else(|| network.default_address()).unwrap_or(address),
        })
    }

    /// Where a master is or will be, as far as the host itself knows; none if it does not say.
    async fn ask(host: &Host) -> Option<Self> {
        let query = Network::sections(Query::new())
            .section(
                "advertise",
                "grep -o -e '--advertise-address=[^ \"]*' /etc/kubernetes/manifests/kube-apiserver.yaml",
            )
            .section(
                "node_ip",
                "grep -o -e '--node-ip=[^ \",]*' /var/lib/kubelet/kubeadm-flags.env",
            );
        let stdout = host.run_ok(&query.script("read the node's address")).await.ok()?;
        let answers = Answers::parse(&stdout).ok()?;
        let network = Network::parse(&answers);
        let flag = |key| -> Option<IpAddr> { answers.text(key)?.trim().split_once('=')?.1.parse().ok() };
        let address = flag("advertise").or_else(|| network.own_address(host.name()))?;
        Some(Self {
            host: host.clone(),
            address,
            kubelet: flag("node_ip")
                .or_else(|| network.default_address())
                .unwrap_or(address),
        })
    }
}

/// Asks masters, there or to be, where their nodes are. Who does not answer is left out: others say so.
pub async fn places(hosts: &[Host]) -> Vec<Place> {
    join_all(hosts.iter().map(Place::ask))
        .await
        .into_iter()
        .flatten()
        .collect()
}

/// What keeps masters from each other: `own` tries all others, and they try it.
pub async fn check_masters(own: &Place, others: &[Place], ignored: &[String]) -> Vec<Problem> {
    let others: Vec<&Place> = others
        .iter()
        .filter(|other| other.address != own.address)
        .collect();
    let there = others.iter().flat_map(|other| master_needs(other)).collect();
    let mut tries = vec![(own.host.clone(), there)];
    tries.extend(others.iter().map(|other| (other.host.clone(), master_needs(own))));
    problem(&try_all(tries, ignored).await, ignored_hint(true))
}

/// What keeps a worker from its cluster: it tries the endpoint if the cluster runs already, and one of the masters tries
/// it.
pub async fn check_worker(
    own: &Place,
    endpoint: Option<&Endpoint>,
    masters: &[Host],
    ignored: &[String],
) -> Vec<Problem> {
    let to_endpoint = endpoint.map(|endpoint| Need {
        to: endpoint.host.clone(),
        port: endpoint.port,
        purpose: "the API server's endpoint",
    });
    let mut tries = vec![(own.host.clone(), to_endpoint.into_iter().collect())];
    if let Some(master) = one_of(masters, own.host.name()) {
        tries.push((master.clone(), vec![kubelet_need(own)]));
    }
    problem(&try_all(tries, ignored).await, ignored_hint(true))
}

/// What keeps a load balancer from its API servers and from the other members.
pub async fn check_loadbalancer(host: &Host, spec: &LoadbalancerSpec, members: &[Host]) -> Vec<Problem> {
    let other = |address: &&String| address.parse() != Ok(spec.address);
    let need = |to: &String, port, purpose| Need {
        to: to.clone(),
        port,
        purpose,
    };
    let backends = spec.haproxy.backends.values().filter(other);
    let needs = backends.map(|to| need(to, API_SERVER_PORT, "the API server behind the load balancer"));
    let peers = spec.members.values().filter(other);
    let needs = needs.chain(peers.map(|to| need(to, spec.haproxy.port, "the load balancer")));
    let tries = try_all(vec![(host.clone(), needs.collect())], &[]);
    let (mut lines, vrrp) = futures::future::join(tries, try_vrrp(host, spec, members)).await;
    lines.extend(vrrp);
    problem(&lines, ignored_hint(false))
}

/// Adds to a failure that came after the checks what they say now: a port may have been closed since, or nobody could be
/// asked then.
pub fn explain(failure: Failure, problems: &[Problem]) -> Failure {
    let Some(problem) = problems.first() else {
        return failure;
    };
    let detail = format!(
        "{}\n\n{}:\n{}",
        failure.detail.trim_end(),
        problem.summary,
        problem.detail
    );
    Failure { detail, ..failure }
}

/// Whether closed ports may be the cause.
pub fn may_be_explained(failure: &Failure) -> bool {
    failure.kind == FailureKind::Permanent
        && failure.step.is_some_and(|step| {
            step.starts_with("kubeadm")
                || step.starts_with("wait for")
                || step == "remove learners of failed joins"
        })
}

/// One of them, the same for the same name and different ones for different names.
fn one_of<'a>(hosts: &'a [Host], name: &str) -> Option<&'a Host> {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let index = hasher.finish().checked_rem(u64::try_from(hosts.len()).ok()?)?;
    hosts.get(usize::try_from(index).ok()?)
}

fn kubelet_need(place: &Place) -> Need {
    Need {
        to: place.kubelet.to_string(),
        port: KUBELET_PORT,
        purpose: "the kubelet, for logs and exec",
    }
}

fn master_needs(place: &Place) -> Vec<Need> {
    let need = |port, purpose| Need {
        to: place.address.to_string(),
        port,
        purpose,
    };
    vec![
        need(API_SERVER_PORT, "the API server"),
        need(ETCD_CLIENT_PORT, "etcd's clients"),
        need(ETCD_PEER_PORT, "etcd's peers"),
        kubelet_need(place),
    ]
}

/// Tries what each host needs; a line for each way that is closed.
async fn try_all(tries: Vec<(Host, Vec<Need>)>, ignored: &[String]) -> Vec<String> {
    let ignored: BTreeSet<String> = ignored.iter().map(|name| name.to_lowercase()).collect();
    let is_ignored =
        |need: &Need| ignored.contains("all") || ignored.contains(&format!("{REACH_CHECK}{}", need.port));
    let tries = tries.into_iter().map(async |(host, mut needs)| {
        needs.retain(|need| !is_ignored(need));
        try_needs(&host, &needs).await
    });
    join_all(tries).await.concat()
}

async fn try_needs(host: &Host, needs: &[Need]) -> Vec<String> {
    let connections: Vec<Connection> = needs
        .iter()
        .map(|need| Connection {
            to: need.to.clone(),
            port: need.port,
        })
        .collect();
    if connections.is_empty() {
        return Vec::new();
    }
    let verdicts = match host.run_ok(&try_connections_script(&connections)).await {
        Ok(stdout) => parse_verdicts(&stdout, needs.len()),
        Err(error) => {
            tracing::debug!(host = host.name(), %error, "the connections could not be tried");
            return Vec::new();
        }
    };
    let closed = needs
        .iter()
        .zip(verdicts)
        .filter_map(|(need, verdict)| match verdict {
            Verdict::Closed(why) => Some(format!(
                "{} does not reach {} on {}/tcp ({}): {why}.",
                host.name(),
                need.to,
                need.port,
                need.purpose
            )),
            Verdict::Open | Verdict::Unknown => None,
        });
    closed.collect()
}

/// A line for each member that no VRRP packet comes to or back from. Where keepalived runs, silence says nothing: create
/// proves afterwards that one host alone has the floating IP.
async fn try_vrrp(host: &Host, spec: &LoadbalancerSpec, members: &[Host]) -> Vec<String> {
    let addresses = spec.members.values().filter_map(|member| member.parse().ok());
    let peers: Vec<IpAddr> = addresses
        .filter(|peer: &IpAddr| *peer != spec.address && peer.is_ipv4() == spec.address.is_ipv4())
        .collect();
    if peers.is_empty() {
        return Vec::new();
    }
    let Ok(output) = host.run(&try_vrrp_script(spec.address, &peers)).await else {
        return Vec::new();
    };
    let verdicts = peers.iter().zip(parse_verdicts(&output.stdout, peers.len()));
    let lines = verdicts.map(async |(peer, verdict)| {
        let Verdict::Closed(why) = verdict else {
            return None;
        };
        let its_host = members.iter().find(|member| member.name().parse() == Ok(*peer))?;
        let script = Script::new("look for VRRP", runs_vrrp_command());
        let runs = its_host.run(&script).await.ok()?.status == 0;
        (!runs).then(|| {
            format!(
                "VRRP (IP protocol 112) does not pass between {} and {peer}: {why}.",
                host.name()
            )
        })
    });
    join_all(lines).await.into_iter().flatten().collect()
}

fn ignored_hint(has_argument: bool) -> &'static str {
    if has_argument {
        " If a port is closed on purpose, add its name, for example \"Reach-10250\", to ignore_preflight_errors."
    } else {
        ""
    }
}

fn problem(lines: &[String], hint: &str) -> Vec<Problem> {
    let lines: BTreeSet<&String> = lines.iter().collect();
    if lines.is_empty() {
        return Vec::new();
    }
    let lines: Vec<&str> = lines.into_iter().map(String::as_str).collect();
    vec![preflight::hosts_do_not_reach_each_other(&lines, hint)]
}
