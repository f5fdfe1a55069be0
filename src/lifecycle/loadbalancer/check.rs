//! What keeps a host from carrying the floating IP.
use std::{
    net::IpAddr,
    time::{SystemTime, UNIX_EPOCH},
};

use futures::future::join;

use crate::{
    command::Look,
    lifecycle::{
        failure::Failure,
        host::{Checked, LoadbalancerNote, read_facts},
        network::check_loadbalancer_connections,
        spec::LoadbalancerSpec,
    },
    node::{Facts, address::parse_address, interface, vip},
    preflight::{self, LoadbalancerExpectations, Problem},
    remote::Host,
};

/// What keeps the host from carrying the floating IP. Reads only.
///
/// `others`: hosts of the other members and of the backends, by their addresses, as far as they can be reached.
pub(crate) async fn check_loadbalancer(
    host: &Host,
    spec: &LoadbalancerSpec,
    others: &[Host],
) -> Result<Checked, Failure> {
    let (between, is_installed, facts) = look(host, spec, others).await?;
    let mut problems = problems(spec, &facts, is_installed);
    problems.extend(between);
    Ok(Checked::at_plan(problems, facts.hostname.clone(), facts))
}

/// What is wrong between this host and others, whether the balancer is there already, and the host.
pub(super) async fn look(
    host: &Host,
    spec: &LoadbalancerSpec,
    others: &[Host],
) -> Result<(Vec<Problem>, bool, Facts), Failure> {
    let is_installed = LoadbalancerNote::read(host).await?.is_some();
    let between = async {
        if is_installed {
            return Ok(Vec::new());
        }
        let closed = check_loadbalancer_connections(host, spec, others);
        let (taken, mut problems) = join(vip_problem(host, spec), closed).await;
        problems.extend(taken?);
        Ok::<_, Failure>(problems)
    };
    let (facts, between) = join(read_facts(host), between).await;
    Ok((between?, is_installed, facts?))
}

/// The interface for the floating IP.
pub(super) fn interface_of(spec: &LoadbalancerSpec, facts: &Facts) -> Option<String> {
    spec.interface
        .clone()
        .or_else(|| interface::interface_for(&facts.interfaces, spec.address).map(|found| found.name.clone()))
}

pub(super) fn problems(spec: &LoadbalancerSpec, facts: &Facts, is_installed: bool) -> Vec<Problem> {
    preflight::check_loadbalancer(
        facts,
        &LoadbalancerExpectations {
            vip: spec.vip,
            port: spec.haproxy.port,
            health_port: spec.haproxy.health_port,
            interface: spec.interface.as_deref(),
            address: spec.address,
            has_api_server: spec
                .haproxy
                .backends
                .values()
                .any(|backend| parse_address(backend) == Some(spec.address.to_canonical())),
            is_installed,
            local_clock: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX)),
        },
    )
}

/// Whether a machine that is none of the members has the floating IP.
async fn vip_problem(host: &Host, spec: &LoadbalancerSpec) -> Result<Option<Problem>, Failure> {
    let members: Vec<IpAddr> = spec
        .members
        .values()
        .filter_map(|address| address.parse().ok())
        .collect();
    let command = vip::vip_answers_command(spec.vip, spec.interface.as_deref(), spec.address, &members);
    let answers = host.look(&Look::new("ask for the floating IP", command)).await?;
    Ok((answers.status == 0).then(|| preflight::vip_is_taken(spec.vip, answers.stdout.trim())))
}
