//! Whether a load balancer reaches its API servers and the other members, by TCP and by VRRP.
use std::{net::IpAddr, time::Duration};

use futures::future::{join, join_all};

use super::connectivity::{Need, closed_needs, ignored_hint, problem, try_needs, verdicts};
use crate::{
    command::Look,
    kubeadm::API_SERVER_PORT,
    lifecycle::spec::LoadbalancerSpec,
    node::connectivity::{Verdict, hear_vrrp_script, runs_vrrp_command, try_vrrp_script},
    preflight::Problem,
    remote::Host,
};

/// What keeps a load balancer from its API servers and from the other members.
///
/// `others`: their hosts. Who is down, or cannot be asked, says nothing of the way to it.
pub(crate) async fn check_loadbalancer_connections(
    host: &Host,
    spec: &LoadbalancerSpec,
    others: &[Host],
) -> Vec<Problem> {
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
    let needs: Vec<Need> = needs.collect();
    let tries = async {
        let closed = closed_needs(host, &needs).await;
        let asked = closed.iter().map(async |(need, _)| {
            let is_up = match host_at(others, &need.to) {
                Some(other) => other.answers_within(ANSWER).await,
                None => false,
            };
            is_up.then(|| (*need).clone())
        });
        // One that is up now may not have been when it was tried.
        let again: Vec<Need> = join_all(asked).await.into_iter().flatten().collect();
        try_needs(host, &again).await
    };
    let (mut lines, vrrp) = join(tries, try_vrrp(host, spec, others)).await;
    lines.extend(vrrp);
    problem(&lines, ignored_hint(false))
}

/// How long a host may take to answer that is asked whether it is up at all.
const ANSWER: Duration = Duration::from_secs(15);

fn host_at<'a>(hosts: &'a [Host], address: &str) -> Option<&'a Host> {
    let address: IpAddr = address.parse().ok()?;
    hosts.iter().find(|host| host.name().parse() == Ok(address))
}

/// A line for each way between two members that VRRP does not pass.
///
/// A first try of this host alone needs the other one's ICMP error to come back, which a firewall may drop too. So a member
/// that said nothing is tried again from both sides at once: then each must see the other's packet. Where keepalived runs,
/// silence says nothing; create proves afterwards that one host alone has the floating IP.
async fn try_vrrp(host: &Host, spec: &LoadbalancerSpec, members: &[Host]) -> Vec<String> {
    let addresses = spec.members.values().filter_map(|member| member.parse().ok());
    let peers: Vec<IpAddr> = addresses
        .filter(|peer: &IpAddr| *peer != spec.address && peer.is_ipv4() == spec.address.is_ipv4())
        .collect();
    if peers.is_empty() {
        return Vec::new();
    }
    let tried = verdicts(host, try_vrrp_script(spec.address, &peers), peers.len()).await;
    let silent = peers.iter().zip(tried);
    let silent = silent.filter(|(_, verdict)| matches!(verdict, Verdict::Closed(_)));
    let lines = silent.map(async |(peer, _)| {
        let its_host = host_at(members, &peer.to_string())?;
        let script = Look::new("look for VRRP", runs_vrrp_command());
        if its_host.look(&script).await.ok()?.status == 0 {
            return None;
        }
        let (own, its) = join(
            verdicts(host, hear_vrrp_script(spec.address, *peer), 1),
            verdicts(its_host, hear_vrrp_script(*peer, spec.address), 1),
        )
        .await;
        let line = |from: &str, to: &str, verdicts: &[Verdict]| match verdicts {
            [Verdict::Closed(why)] => Some(format!(
                "VRRP (IP protocol 112) of {from} does not reach {to}: {why}."
            )),
            _ => None,
        };
        let lines = [
            line(its_host.name(), host.name(), &own),
            line(host.name(), its_host.name(), &its),
        ];
        Some(lines.into_iter().flatten().collect::<Vec<_>>())
    });
    join_all(lines).await.into_iter().flatten().flatten().collect()
}
