//! Takes HAProxy and keepalived off a host.
use crate::lifecycle::{
    engine::Run,
    failure::Failure,
    host::{Reached, reach_for_removal},
    notice::Notice,
    spec::IfUnreachable,
    stages::{Held, Plan, Stage, run_plan, step},
    steps::loadbalancer::{RemoveLoadbalancer, StopKeepalived},
};

/// Stops keepalived first, so that another member has the floating IP before HAProxy goes. What could not be cleaned is
/// told.
pub(crate) async fn remove_loadbalancer(
    run: &Run,
    policy: IfUnreachable,
    vip: &str,
) -> Result<Vec<Notice>, Failure> {
    if let Reached::No(why) = reach_for_removal(run, policy).await? {
        return Ok(vec![loadbalancer_left(run.host.name(), &why, vip)]);
    }
    let plan = Plan::new([Stage::under_host_lock([
        step(StopKeepalived),
        step(RemoveLoadbalancer),
    ])]);
    run_plan(run, &plan, Held::default()).await?;
    Ok(Vec::new())
}

/// The load balancer's host did not answer.
pub(super) fn loadbalancer_left(host: &str, why: &str, vip: &str) -> Notice {
    Notice {
        summary: "Host not reached, load balancer left there",
        detail: format!(
            "Host: {host}\n\n{why}. Left on the host, as nobody could log in: the static pods of HAProxy and keepalived (/etc/kubernetes/manifests/haproxy.yaml, keepalived.yaml) and their configuration (/etc/kubernetes/haproxy, /etc/kubernetes/keepalived).\n\nIf the host comes back with a running kubelet, its keepalived runs again; the members that do not list it as a member any more do not talk to it, so that it takes the floating IP {vip} beside the one that has it. Remove the manifests there before that, or create an ha_loadbalancer on it again. If the machine is gone for good, there is nothing to do."
        ),
    }
}
