//! What the commands do, in order: up, down, reset, status, build; kill, start, remove, cut and heal; exec and ssh.
use std::ffi::OsString;
use std::fmt::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use anyhow::{Context as _, Result, anyhow, bail};

use super::address::{CGROUP_PREFIX, LAB_NETNS, NodeName};
use super::cache::{self, Cache};
use super::disk::{self, Template};
use super::recipe::{DEFAULT_KUBERNETES, Kubernetes};
use super::state::State;
use super::store::Store;
use super::{cgroup, network, node, progress, requirements, rootfs};

/// Which Kubernetes is asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// A release, e.g. `1.37.2`.
    pub kubernetes: Option<String>,
    /// A folder with programs of the user's own.
    pub binaries: Option<PathBuf>,
}

/// What all nodes of a lab share.
struct Parts {
    base: PathBuf,
    kubernetes: Kubernetes,
    store: Store,
}

impl Parts {
    fn build(cache: &Cache, kubernetes: impl FnOnce() -> Result<Kubernetes>) -> Result<Self> {
        let base = rootfs::build(cache)?;
        let kubernetes = kubernetes()?;
        let store = Store::build(cache, &kubernetes, &base)?;
        Ok(Self {
            base,
            kubernetes,
            store,
        })
    }

    fn template<'a>(&'a self, cache: &'a Cache) -> Template<'a> {
        Template {
            cache,
            base: &self.base,
            kubernetes: &self.kubernetes,
            store: &self.store,
        }
    }
}

/// Builds all that nodes are made of, and no node.
pub fn build(cache: &Cache, wanted: &Wanted) -> Result<()> {
    let _lock = cache.lock()?;
    requirements::meet(cache, is_warm(cache))?;
    Parts::build(cache, || choose(cache, wanted, None)).map(drop)
}

/// Makes a lab with these nodes, or adds those that are missing; nodes that run and answer are left as they are.
pub fn up(cache: &Cache, names: &[NodeName], wanted: &Wanted) -> Result<()> {
    let _lock = cache.lock()?;
    requirements::meet(cache, is_warm(cache))?;
    let before = State::read(cache)?;
    let parts = Parts::build(cache, || choose(cache, wanted, before.as_ref()))?;
    disk::make_key(cache)?;
    let mut nodes: Vec<NodeName> = before
        .iter()
        .flat_map(|state| &state.nodes)
        .chain(names)
        .copied()
        .collect();
    nodes.sort_unstable();
    nodes.dedup();
    let (kubernetes, kubernetes_key) = (parts.kubernetes.version.clone(), parts.kubernetes.key.clone());
    let state = State {
        kubernetes,
        kubernetes_key,
        nodes,
    };
    state.write(cache)?;
    network::make()?;
    let mut names = names.to_vec();
    names.sort_unstable();
    names.dedup();
    // The host keys of nodes that are there; without them ssh would trust none.
    let known: Vec<NodeName> = state
        .nodes
        .iter()
        .filter(|name| cache.node(**name).exists())
        .copied()
        .collect();
    disk::write_known_hosts(cache, &known)?;
    let started = each(&names, |name| {
        if node::is_running(name) {
            network::set_cable(name, true)?;
            if known.contains(&name) && node::answers(cache, name) {
                return Ok(None);
            }
        }
        node::power_off(name)?;
        parts.template(cache).make(name)?;
        progress::line(&format!("booting {name} ({})", name.address()));
        node::power_on(cache, name)?;
        Ok(Some(name))
    })?;
    let started: Vec<NodeName> = started.into_iter().flatten().collect();
    if started.is_empty() {
        progress::line("all nodes run and answer");
    }
    finish_boot(cache, &state, &started, &parts.store)
}

/// Gives all nodes fresh disks and boots them.
pub fn reset(cache: &Cache) -> Result<()> {
    let _lock = cache.lock()?;
    requirements::meet(cache, true)?;
    let state = State::of_lab(cache)?;
    let parts = Parts::build(cache, || {
        Kubernetes::cached(cache, &state.kubernetes, &state.kubernetes_key)
    })?;
    network::make()?;
    progress::line(&format!("resetting {}", join(&state.nodes)));
    each(&state.nodes, |name| {
        node::power_off(name)?;
        cache::remove(&cache.node(name))?;
        parts.template(cache).make(name)?;
        node::power_on(cache, name)
    })?;
    finish_boot(cache, &state, &state.nodes, &parts.store)
}

/// Ends the lab: no process, mount, namespace, cgroup or disk of it stays; what was built stays in the cache.
pub fn down(cache: &Cache) -> Result<()> {
    let _lock = cache.lock()?;
    // Not from the state alone: a killed run may have left nodes half made.
    let mut nodes = network::nodes();
    let groups = cgroup::groups()?;
    nodes.extend(
        groups
            .iter()
            .filter_map(|group| group.strip_prefix(CGROUP_PREFIX)?.parse::<NodeName>().ok()),
    );
    nodes.extend(
        State::read(cache)
            .ok()
            .flatten()
            .iter()
            .flat_map(|state| &state.nodes),
    );
    nodes.sort_unstable();
    nodes.dedup();
    let killed = each(&nodes, |name| {
        let killed = node::power_off(name)?;
        cache::remove(&cache.node(name))?;
        Ok(killed)
    })?;
    for group in cgroup::groups()? {
        cgroup::kill(&group)?;
    }
    network::remove()?;
    cache::remove(&cache.path("nodes"))?;
    State::remove(cache)?;
    cgroup::wait_until_buried(&killed.concat());
    progress::line("the lab is down");
    Ok(())
}

/// Cuts a node's power; its disk stays.
pub fn kill(cache: &Cache, name: NodeName) -> Result<()> {
    let _lock = cache.lock()?;
    member(cache, name)?;
    node::power_off(name).map(drop)
}

/// Takes a node away with its disk, as whoever deletes a machine does.
pub fn remove(cache: &Cache, name: NodeName) -> Result<()> {
    let _lock = cache.lock()?;
    let mut state = member(cache, name)?;
    let killed = node::power_off(name)?;
    cache::remove(&cache.node(name))?;
    state.nodes.retain(|node| *node != name);
    state.write(cache)?;
    cgroup::wait_until_buried(&killed);
    Ok(())
}

/// Boots a node again from its disk.
pub fn start(cache: &Cache, name: NodeName) -> Result<()> {
    let _lock = cache.lock()?;
    let state = member(cache, name)?;
    if node::is_running(name) {
        progress::line(&format!("{name} runs already"));
        return Ok(());
    }
    let parts = Parts::build(cache, || {
        Kubernetes::cached(cache, &state.kubernetes, &state.kubernetes_key)
    })?;
    network::make()?;
    node::power_off(name)?;
    parts.template(cache).make(name)?;
    node::power_on(cache, name)?;
    finish_boot(cache, &state, &[name], &parts.store)
}

/// Takes a node's network cable out (`plugged` false), or puts it in again.
pub fn cable(cache: &Cache, name: NodeName, plugged: bool) -> Result<()> {
    member(cache, name)?;
    network::set_cable(name, plugged)
}

/// What `lab status` prints, and whether there is a lab.
pub fn status(cache: &Cache) -> Result<(String, bool)> {
    let Some(state) = State::read(cache)? else {
        return Ok(("the lab is down\n".into(), false));
    };
    let mut text = format!(
        "Kubernetes  {} (programs and images only; no cluster is made)\n",
        state.kubernetes
    );
    writeln!(
        text,
        "SSH key     {} (root and {} on each node)",
        cache.key().display(),
        disk::USER
    )?;
    writeln!(text, "host keys   {}", cache.known_hosts().display())?;
    writeln!(
        text,
        "network     10.88.0.0/24 in the namespace {LAB_NETNS}, floating addresses from 10.88.0.100\n"
    )?;
    writeln!(text, "NODE  ADDRESS      POWER  CABLE  SSH")?;
    let lines = each(&state.nodes, |name| {
        let (running, plugged) = (
            node::is_running(name),
            network::is_up() && network::is_plugged(name),
        );
        let answers = if running && plugged && node::answers(cache, name) {
            "answers"
        } else {
            "silent"
        };
        let (power, cable) = (
            if running { "on" } else { "off" },
            if plugged { "in" } else { "out" },
        );
        Ok(format!(
            "{name:<5} {:<12} {power:<6} {cable:<6} {answers}\n",
            name.address().to_string()
        ))
    })?;
    text.extend(lines);
    Ok((text, true))
}

/// Becomes a command in the lab's network; returns only if that fails.
pub fn exec(cache: &Cache, command: &[OsString]) -> Result<()> {
    State::of_lab(cache)?;
    let mut enter = Command::new("ip");
    enter.args(["netns", "exec", LAB_NETNS]).args(command);
    enter
        .env("HA_LAB_SSH_KEY", cache.key())
        .env("HA_LAB_KNOWN_HOSTS", cache.known_hosts());
    Err(enter.exec()).context("cannot start ip")
}

/// Becomes an ssh session or command on a node; returns only if that fails.
pub fn ssh(cache: &Cache, user: &str, name: NodeName, command: &[OsString]) -> Result<()> {
    member(cache, name)?;
    Err(node::ssh(cache, user, name, &[]).args(command).exec()).context("cannot start ssh")
}

fn finish_boot(cache: &Cache, state: &State, started: &[NodeName], store: &Store) -> Result<()> {
    let on: Vec<NodeName> = state
        .nodes
        .iter()
        .filter(|name| node::is_running(**name))
        .copied()
        .collect();
    let with_disk: Vec<NodeName> = state
        .nodes
        .iter()
        .filter(|name| cache.node(**name).exists())
        .copied()
        .collect();
    network::route_pods(&on)?;
    disk::write_known_hosts(cache, &with_disk)?;
    each(started, |name| node::wait_until_ready(cache, name, store))?;
    progress::line(&format!(
        "the lab is up: {} with Kubernetes {}",
        join(&on),
        state.kubernetes
    ));
    Ok(())
}

fn choose(cache: &Cache, wanted: &Wanted, state: Option<&State>) -> Result<Kubernetes> {
    let chosen = match (&wanted.binaries, &wanted.kubernetes, state) {
        (Some(binaries), version, _) => {
            let own = Kubernetes::own(cache, binaries)?;
            if let Some(version) = version.as_ref().filter(|version| **version != own.version) {
                bail!(
                    "{} holds Kubernetes {}, not {version}",
                    binaries.display(),
                    own.version
                );
            }
            own
        }
        (None, Some(version), state) if state.is_none_or(|state| state.kubernetes != *version) => {
            refuse_other(state, version)?;
            Kubernetes::release(cache, version)?
        }
        (None, _, Some(state)) => Kubernetes::cached(cache, &state.kubernetes, &state.kubernetes_key)?,
        (None, version, None) => {
            Kubernetes::release(cache, version.as_deref().unwrap_or(DEFAULT_KUBERNETES))?
        }
    };
    refuse_other(state, &chosen.key)?;
    Ok(chosen)
}

fn refuse_other(state: Option<&State>, key: &str) -> Result<()> {
    match state {
        Some(state) if state.kubernetes_key != key => {
            bail!(
                "the lab has Kubernetes {}, not {key}: `lab down` first",
                state.kubernetes_key
            )
        }
        _ => Ok(()),
    }
}

fn is_warm(cache: &Cache) -> bool {
    rootfs::folder(cache).exists() && cache.path("images").exists()
}

fn member(cache: &Cache, name: NodeName) -> Result<State> {
    let state = State::of_lab(cache)?;
    if !state.nodes.contains(&name) {
        bail!("the lab has no node {name}; it has {}", join(&state.nodes));
    }
    Ok(state)
}

fn join(names: &[NodeName]) -> String {
    names
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

/// Does the same for all nodes at once; all come to their end, then the first error is told.
fn each<T: Send>(names: &[NodeName], work: impl Fn(NodeName) -> Result<T> + Sync) -> Result<Vec<T>> {
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = names
            .iter()
            .map(|name| (name, scope.spawn(move || work(*name))))
            .collect();
        let ended: Vec<_> = threads
            .into_iter()
            .map(|(name, thread)| (name, thread.join()))
            .collect();
        ended
            .into_iter()
            .map(|(name, result)| match result {
                Ok(result) => result.with_context(|| format!("node {name}")),
                Err(_) => Err(anyhow!("the work on node {name} panicked")),
            })
            .collect()
    })
}
