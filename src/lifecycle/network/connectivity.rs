//! Whether the hosts of a cluster reach each other: tried before anything is changed, and again where a join failed.
//!
//! Masters try each other, each way. A worker tries the endpoint, and one master tries the worker: in a cluster of 200
//! nobody tries all the others. Only what is certain counts: an address that is only guessed, or a host that is down, says
//! nothing of the ports between.
use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    net::IpAddr,
};

use futures::future::join_all;

use crate::{
    command::Look,
    kubeadm::{API_SERVER_PORT, ETCD_CLIENT_PORT, ETCD_PEER_PORT, Endpoint, KUBELET_PORT},
    lifecycle::{
        failure::{Failure, FailureKind},
        host::answers_of,
        spec::{Join, NodeSettings, REACH_CHECK},
    },
    node::{
        Facts, Network, Query,
        connectivity::{Connection, Verdict, parse_verdicts, try_connections_script},
    },
    preflight::{self, Problem},
    remote::Host,
};

/// A port that a host needs to reach, and what it is there for.
#[derive(Clone, Debug)]
pub(super) struct Need {
    pub(super) to: String,
    pub(super) port: u16,
    pub(super) purpose: &'static str,
}

/// A host, and where others find its node.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    host: Host,
    /// The API server's and etcd's address.
    address: IpAddr,
    /// The kubelet's, where the API server asks it for logs; none if the kubelet may choose another one than is seen.
    kubelet: Option<IpAddr>,
}

impl Place {
    /// Where a node that is to be made will be.
    pub(crate) fn of_node(host: &Host, facts: &Facts, settings: &NodeSettings) -> Option<Self> {
        let network = facts.network();
        let address = settings
            .kubeadm
            .advertise_address
            .or_else(|| network.own_address(host.name()))?;
        let named = settings.kubeadm.kubelet_extra_args.get("node-ip");
        let named = named.and_then(|text| text.split(',').next()?.trim().parse().ok());
        Some(Self {
            host: host.clone(),
            address,
            kubelet: named.or_else(|| kubelet_address(&network, address)),
        })
    }

    /// Where a master is, or will be if its host is reached by an address of its own; none if that is not certain.
    async fn ask(host: &Host) -> Option<Self> {
        let query = Network::sections(Query::new())
            .section(
                "advertise",
                "grep -o -e '--advertise-address=[^ \"]*' /etc/kubernetes/manifests/kube-apiserver.yaml",
            )
            .section(
                "node_ip",
                "grep -hos -e '--node-ip=[^ \",]*' /var/lib/kubelet/kubeadm-flags.env /etc/default/kubelet /etc/sysconfig/kubelet | head -n 1",
            );
        let stdout = host
            .look_ok(&query.script("read the node's address"))
            .await
            .ok()?;
        let answers = answers_of(host, &stdout, &[]).ok()?;
        let network = Network::parse(&answers);
        let flag = |key| -> Option<IpAddr> { answers.text(key)?.trim().split_once('=')?.1.parse().ok() };
        let named = || {
            host.name()
                .parse()
                .ok()
                .filter(|named| network.has_address(*named))
        };
        let address = flag("advertise").or_else(named)?;
        Some(Self {
            host: host.clone(),
            address,
            kubelet: flag("node_ip").or_else(|| kubelet_address(&network, address)),
        })
    }
}

/// The kubelet takes the default route's address unless it is told another one, or finds one by the Node's name: certain
/// only where all come to the same.
fn kubelet_address(network: &Network, address: IpAddr) -> Option<IpAddr> {
    network.default_address().filter(|default| *default == address)
}

/// What keeps a master to be from the others. A node that is there already has shown that it works.
pub(crate) async fn master_connections(
    host: &Host,
    facts: &Facts,
    settings: &NodeSettings,
    others: &[Place],
) -> Vec<Problem> {
    match Place::of_node(host, facts, settings) {
        Some(own) if !facts.kubernetes.kubelet_conf => {
            check_master_connections(&own, others, &settings.kubeadm.ignore_preflight_errors).await
        }
        _ => Vec::new(),
    }
}

/// What keeps a worker to be from its cluster, which runs if its CA is known.
pub(crate) async fn worker_connections(
    host: &Host,
    facts: &Facts,
    settings: &NodeSettings,
    join: &Join,
) -> Vec<Problem> {
    let endpoint = Some(&join.endpoint).filter(|_| !join.ca_cert_hash.is_empty());
    match Place::of_node(host, facts, settings) {
        Some(own) if !facts.kubernetes.kubelet_conf => {
            check_worker_connections(
                &own,
                endpoint,
                &join.masters,
                &settings.kubeadm.ignore_preflight_errors,
            )
            .await
        }
        _ => Vec::new(),
    }
}

/// Asks masters, there or to be, where their nodes are. Who does not answer is left out: others say so.
pub(crate) async fn places(hosts: &[Host]) -> Vec<Place> {
    join_all(hosts.iter().map(Place::ask))
        .await
        .into_iter()
        .flatten()
        .collect()
}

/// What keeps masters from each other: `own` tries all others, and they try it.
pub(crate) async fn check_master_connections(
    own: &Place,
    others: &[Place],
    ignored: &[String],
) -> Vec<Problem> {
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
pub(crate) async fn check_worker_connections(
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
        tries.push((master.clone(), kubelet_need(own).into_iter().collect()));
    }
    problem(&try_all(tries, ignored).await, ignored_hint(true))
}

/// Adds to a failure that came after the checks what they say now: a port may have been closed since, or nobody could be
/// asked then.
pub(crate) fn explain(failure: Failure, problems: &[Problem]) -> Failure {
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
pub(crate) fn may_be_explained(failure: &Failure) -> bool {
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

impl Need {
    fn line(&self, from: &Host, why: &str) -> String {
        let Self { to, port, purpose } = self;
        format!(
            "{} does not reach {to} on {port}/tcp ({purpose}): {why}.",
            from.name()
        )
    }
}

fn kubelet_need(place: &Place) -> Option<Need> {
    Some(Need {
        to: place.kubelet?.to_string(),
        port: KUBELET_PORT,
        purpose: "the kubelet, for logs and exec",
    })
}

fn master_needs(place: &Place) -> Vec<Need> {
    let need = |port, purpose| Need {
        to: place.address.to_string(),
        port,
        purpose,
    };
    let mut needs = vec![
        need(API_SERVER_PORT, "the API server"),
        need(ETCD_CLIENT_PORT, "etcd's clients"),
        need(ETCD_PEER_PORT, "etcd's peers"),
    ];
    needs.extend(kubelet_need(place));
    needs
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

/// Tries what a host needs; a line for each way that is closed.
pub(super) async fn try_needs(host: &Host, needs: &[Need]) -> Vec<String> {
    let closed = closed_needs(host, needs).await;
    closed.iter().map(|(need, why)| need.line(host, why)).collect()
}

/// Those of a host's needs that are closed, and why.
pub(super) async fn closed_needs<'a>(host: &Host, needs: &'a [Need]) -> Vec<(&'a Need, String)> {
    let connection = |need: &Need| Connection {
        to: need.to.clone(),
        port: need.port,
    };
    let connections: Vec<Connection> = needs.iter().map(connection).collect();
    if connections.is_empty() {
        return Vec::new();
    }

    let verdicts = verdicts(host, try_connections_script(&connections), needs.len()).await;
    let closed = needs
        .iter()
        .zip(verdicts)
        .filter_map(|(need, verdict)| match verdict {
            Verdict::Closed(why) => Some((need, why)),
            Verdict::Open | Verdict::Unknown => None,
        });
    closed.collect()
}

pub(super) async fn verdicts(host: &Host, script: Look, count: usize) -> Vec<Verdict> {
    match host.look_ok(&script).await {
        Ok(stdout) => parse_verdicts(&stdout, count),
        Err(error) => {
            tracing::debug!(host = host.name(), title = script.title, %error, "the ways could not be tried");
            vec![Verdict::Unknown; count]
        }
    }
}

pub(super) fn ignored_hint(has_argument: bool) -> &'static str {
    if has_argument {
        " If a port is closed on purpose, add its name, for example \"Reach-10250\", to ignore_preflight_errors."
    } else {
        ""
    }
}

/// One problem with all the lines.
pub(super) fn problem(lines: &[String], hint: &str) -> Vec<Problem> {
    let lines: BTreeSet<&String> = lines.iter().collect();
    if lines.is_empty() {
        return Vec::new();
    }
    let lines: Vec<&str> = lines.into_iter().map(String::as_str).collect();
    vec![preflight::hosts_do_not_reach_each_other(&lines, hint)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{command::Output, node::Answers, remote::fake::FakeHost};

    /// Where a host is found that is reached by this name and says this of itself.
    async fn place(
        name: &str,
        sections: &[(&'static str, i32, &'static str)],
    ) -> Option<(String, Option<String>)> {
        let stdout = Answers::from_sections(sections.iter().copied()).render();
        let host = FakeHost::new(name).on("read the node's address", move |_, _| Output {
            stdout: stdout.clone(),
            ..Output::default()
        });
        let place = Place::ask(&host.host()).await?;
        Some((
            place.address.to_string(),
            place.kubelet.map(|kubelet| kubelet.to_string()),
        ))
    }

    const PRIVATE: (&str, i32, &str) = ("addresses", 0, "2: eth0    inet 10.0.0.12/24 scope global eth0");
    const DEFAULT: (&str, i32, &str) = ("routes", 0, "default via 10.0.0.1 dev eth0");

    #[tokio::test]
    async fn only_an_address_that_is_certain_is_tried() {
        let own = Some("10.0.0.12".to_owned());
        assert_eq!(
            place("10.0.0.12", &[PRIVATE, DEFAULT]).await,
            Some(("10.0.0.12".to_owned(), own.clone()))
        );
        // The advertise_address of a master to be is not known here.
        assert_eq!(
            place("203.0.113.12", &[PRIVATE, DEFAULT]).await,
            None,
            "behind a NAT"
        );
        assert_eq!(place("m2.example", &[PRIVATE, DEFAULT]).await, None, "by name");
        let manifest = ("advertise", 0, "--advertise-address=10.0.0.12\n");
        let running = place("m2.example", &[PRIVATE, DEFAULT, manifest]).await;
        assert_eq!(running, Some(("10.0.0.12".to_owned(), own)));
        let late = ("advertise", 124, "");
        assert_eq!(
            place("10.0.0.12", &[PRIVATE, DEFAULT, late]).await,
            None,
            "too slow to say"
        );
    }

    #[tokio::test]
    async fn a_kubelet_that_may_choose_another_address_is_not_tried() {
        let two = (
            "addresses",
            0,
            "2: eth0    inet 10.0.0.12/24 scope global eth0\n3: eth1    inet 203.0.113.12/24 scope global eth1",
        );
        let public = ("routes", 0, "default via 203.0.113.1 dev eth1");
        let kubelet = place("10.0.0.12", &[two, public]).await.unwrap().1;
        assert_eq!(kubelet, None);
        let node_ip = ("node_ip", 0, "--node-ip=10.0.0.12\n");
        let kubelet = place("10.0.0.12", &[two, public, node_ip]).await.unwrap().1;
        assert_eq!(kubelet.as_deref(), Some("10.0.0.12"));
    }
}
