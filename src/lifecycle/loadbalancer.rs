//! Puts HAProxy and keepalived on a host as static pods, keeps them as they should be, and takes them away.
use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures::future::join;

use super::{
    await_setup::await_setup,
    connectivity,
    failure::Failure,
    left_behind::{IfUnreachable, Notice, loadbalancer_left},
    loadbalancer_note::LoadbalancerNote,
    look::{reach_within, read_facts},
    preflight::Checked,
    reach::{Reached, reach},
    runner::run_steps,
    step::{Run, Step},
    steps::{AwaitHaproxy, CheckHost, RemoveLoadbalancer, StopKeepalived, WriteLoadbalancer},
};
use crate::{
    command::Script,
    haproxy::{self, HaproxySpec},
    keepalived::{self, KeepalivedSpec},
    node::{
        Facts,
        address::parse_address,
        files::File,
        interface,
        preflight::{self, LoadbalancerExpectations, Problem},
        vip,
    },
    remote::Host,
};

/// A host's part in carrying a floating IP, as far as the user says it.
#[derive(Clone, Debug)]
pub struct LoadbalancerSpec {
    /// The floating IP.
    pub vip: IpAddr,
    /// The interface; by default the one that has the host's member address.
    pub interface: Option<String>,
    /// This host's address among the members.
    pub address: IpAddr,
    /// All members by name.
    pub members: BTreeMap<String, String>,
    /// HAProxy's side.
    pub haproxy: HaproxySpec,
    /// VRRP's id, given or derived.
    pub virtual_router_id: u8,
    /// This host's priority.
    pub priority: u8,
    /// Whether the floating IP moves back.
    pub preempt: bool,
    /// keepalived's container image.
    pub keepalived_image: String,
}

impl LoadbalancerSpec {
    /// The files of both static pods on a host with this interface.
    pub fn files(&self, interface: &str) -> Vec<File> {
        let keepalived = keepalived::render_config(&KeepalivedSpec {
            vip: self.vip,
            interface: interface.to_owned(),
            virtual_router_id: self.virtual_router_id,
            priority: self.priority,
            address: self.address,
            peers: self
                .members
                .values()
                .filter_map(|address| address.parse().ok())
                .filter(|peer| *peer != self.address)
                .collect(),
            preempt: self.preempt,
            advert_int: KeepalivedSpec::ADVERT_INT,
            health_port: self.haproxy.health_port,
        });
        let haproxy = haproxy::render_config(&self.haproxy);
        let haproxy_pod = haproxy::render_static_pod(&self.haproxy);
        let keepalived_pod = keepalived::render_static_pod(&self.keepalived_image);
        // Manifests last: the kubelet starts a pod as soon as it sees one.
        [
            (haproxy::CONFIG_PATH, haproxy::CONFIG_MODE, haproxy),
            (keepalived::CONFIG_PATH, keepalived::CONFIG_MODE, keepalived),
            (haproxy::MANIFEST_PATH, haproxy::MANIFEST_MODE, haproxy_pod),
            (
                keepalived::MANIFEST_PATH,
                keepalived::MANIFEST_MODE,
                keepalived_pod,
            ),
        ]
        .map(|(path, mode, content)| File {
            path: path.to_owned(),
            mode,
            content,
        })
        .to_vec()
    }
}

/// The host's own address among the members: the one that it is reached by, or one that is on an interface. Waits for
/// the host where it has to be looked at.
pub async fn own_member(run: &Run, members: &[IpAddr]) -> Result<IpAddr, Failure> {
    if named_member(&run.host, members).is_none() {
        reach_within(run).await?;
    }
    look_for_own_member(&run.host, members).await
}

/// The same without waiting.
pub async fn look_for_own_member(host: &Host, members: &[IpAddr]) -> Result<IpAddr, Failure> {
    if let Some(named) = named_member(host, members) {
        return Ok(named);
    }
    let facts = read_facts(host).await?;
    let own = members.iter().find(|member| facts.has_address(**member));
    own.copied().ok_or_else(|| {
        Failure::new(
            "Host is none of the members",
            "No address in members is this host's own.",
        )
        .at("members")
        .on(host.name())
        .advise("Add this host's name and address to members.")
    })
}

fn named_member(host: &Host, members: &[IpAddr]) -> Option<IpAddr> {
    let named = host.name().parse().ok()?;
    members.contains(&named).then_some(named)
}

/// Writes the files, new or changed, and waits until HAProxy runs where a kubelet runs already. Gives the
/// interface.
///
/// `looked`: what [`check_loadbalancer`] has just seen, so that neither the host nor who has the floating IP need be
/// looked at again.
pub async fn apply_loadbalancer(
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
    let mut steps: Vec<Box<dyn Step>> = vec![
        Box::new(CheckHost { problems }),
        Box::new(WriteLoadbalancer {
            files: spec.files(&interface),
            note,
        }),
    ];
    if facts.kubernetes.kubelet_conf {
        steps.push(Box::new(AwaitHaproxy {
            health_port: spec.haproxy.health_port,
        }));
    }
    run_steps(run, &steps).await?;
    Ok(interface)
}

/// Stops keepalived first, so that another member has the floating IP before HAProxy goes. What could not be cleaned is
/// told.
pub async fn remove_loadbalancer(
    run: &Run,
    policy: IfUnreachable,
    vip: &str,
) -> Result<Vec<Notice>, Failure> {
    if let Reached::No(why) = reach(run, policy).await? {
        return Ok(vec![loadbalancer_left(run.host.name(), &why, vip)]);
    }
    run_steps(
        run,
        &[
            Box::new(StopKeepalived) as Box<dyn Step>,
            Box::new(RemoveLoadbalancer),
        ],
    )
    .await?;
    Ok(Vec::new())
}

/// What keeps the host from carrying the floating IP. Reads only.
///
/// `others`: hosts of the other members and of the backends, by their addresses, as far as they can be reached.
pub async fn check_loadbalancer(
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
async fn look(
    host: &Host,
    spec: &LoadbalancerSpec,
    others: &[Host],
) -> Result<(Vec<Problem>, bool, Facts), Failure> {
    let is_installed = LoadbalancerNote::read(host).await?.is_some();
    let between = async {
        if is_installed {
            return Ok(Vec::new());
        }
        let closed = connectivity::check_loadbalancer(host, spec, others);
        let (taken, mut problems) = join(vip_problem(host, spec), closed).await;
        problems.extend(taken?);
        Ok::<_, Failure>(problems)
    };
    let (facts, between) = join(read_facts(host), between).await;
    Ok((between?, is_installed, facts?))
}

/// The interface for the floating IP.
fn interface_of(spec: &LoadbalancerSpec, facts: &Facts) -> Option<String> {
    spec.interface
        .clone()
        .or_else(|| interface::interface_for(&facts.interfaces, spec.address).map(|found| found.name.clone()))
}

fn problems(spec: &LoadbalancerSpec, facts: &Facts, is_installed: bool) -> Vec<Problem> {
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
    let answers = host.run(&Script::new("ask for the floating IP", command)).await?;
    Ok((answers.status == 0).then(|| preflight::vip_is_taken(spec.vip, answers.stdout.trim())))
}

/// How long HAProxy may take to start.
pub(super) const START_LIMIT: Duration = Duration::from_secs(180);
