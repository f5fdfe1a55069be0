//! Puts HAProxy and keepalived on a host as static pods, and keeps them as they should be.
use super::check::{interface_of, look, problems};
use crate::{
    lifecycle::{
        engine::Run,
        failure::Failure,
        host::{LoadbalancerNote, await_setup, reach_within},
        spec::LoadbalancerSpec,
        stages::{Held, Plan, Stage, run_plan, step},
        steps::{
            join::CheckHost,
            loadbalancer::{AwaitHaproxy, WriteLoadbalancer},
        },
    },
    node::Facts,
    remote::Host,
};

/// Writes the files, new or changed, and waits until HAProxy runs where a kubelet runs already. Gives the
/// interface.
///
/// Without the host's lock: a create of the host's master may hold that while it waits for this very balancer.
///
/// `looked`: what [`check_loadbalancer`] has just seen, so that neither the host nor who has the floating IP need be
/// looked at again.
pub(crate) async fn apply_loadbalancer(
    run: &Run,
    spec: &LoadbalancerSpec,
    others: &[Host],
    looked: Option<Facts>,
) -> Result<String, Failure> {
    let (between, is_installed, facts) = if let Some(facts) = looked {
        (
            Vec::new(),
            LoadbalancerNote::read(&run.host).await?.is_some(),
            facts,
        )
    } else {
        reach_within(run).await?;
        look(&run.host, spec, others).await?
    };
    let facts = await_setup(run, facts, |facts| problems(spec, facts, is_installed)).await?;
    let mut problems = problems(spec, &facts, is_installed);
    problems.extend(between);
    let interface = interface_of(spec, &facts).unwrap_or_default();
    let note = LoadbalancerNote {
        vip: spec.vip,
        interface: interface.clone(),
        port: spec.haproxy.port,
    };
    let plan = Plan::new([Stage::under_host_lock([
        step(CheckHost { problems }),
        step(WriteLoadbalancer {
            files: spec.files(&interface),
            note,
        }),
        facts
            .kubernetes
            .kubelet_conf
            .then_some(AwaitHaproxy {
                health_port: spec.haproxy.health_port,
            })
            .and_then(step),
    ])]);
    run_plan(run, &plan, Held::default()).await?;
    Ok(interface)
}
