//! A node's life: power on, power off, and the conditions under which it is ready.
use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::Pid;

use super::address::{LAB_NETNS, NodeName};
use super::cache::Cache;
use super::disk::USER;
use super::store::Store;
use super::wait::wait_until;
use super::{cgroup, network, program, progress, rootfs};

const BOOT: &str = include_str!("files/boot.sh");
/// How long a node may take from power on until it is ready; ten times of what it takes on a slow machine.
const BOOT_PATIENCE: Duration = Duration::from_secs(120);

/// A node whose power is cut says no goodbye: without the interval a session to it would hang for ever.
const SSH_OPTIONS: [&str; 5] = [
    "IdentitiesOnly=yes",
    "LogLevel=ERROR",
    "ServerAliveCountMax=3",
    "ServerAliveInterval=5",
    "StrictHostKeyChecking=yes",
];

/// Whether the node has power.
pub fn is_running(name: NodeName) -> bool {
    cgroup::is_populated(&name.cgroup())
}

/// Boots a node from its disk. What ran under its name before must be off.
pub fn power_on(cache: &Cache, name: NodeName) -> Result<()> {
    network::make_node(name)?;
    let groups = cgroup::make(&name.cgroup())?;
    let folder = cache.node(name);
    let console = File::create(folder.join("console.log"))?;
    let unified = if cgroup::is_v1() { "0" } else { "1" };
    let mut command = Command::new("setsid");
    command.args([
        "unshare",
        "--mount",
        "--propagation",
        "slave",
        "sh",
        "-c",
        BOOT,
        "boot",
        &name.to_string(),
    ]);
    command
        .arg(&folder)
        .arg(rootfs::folder(cache))
        .args([&name.netns(), unified])
        .args(groups);
    command
        .stdin(Stdio::null())
        .stderr(console.try_clone()?)
        .stdout(console)
        .current_dir("/");
    command.spawn().with_context(|| format!("cannot start {name}"))?;
    if wait_until(BOOT_PATIENCE, || is_running(name)) {
        Ok(())
    } else {
        bail!("{name} does not start")
    }
}

/// Cuts a node's power: its processes end at once, its network is gone, its disk stays. Returns who was ended.
pub fn power_off(name: NodeName) -> Result<Vec<Pid>> {
    if network::is_up() && network::is_plugged(name) {
        network::set_cable(name, false)?;
    }
    let killed = cgroup::kill(&name.cgroup())?;
    network::remove_node(name)?;
    Ok(killed)
}

/// A command that runs ssh to a node from within the lab's network. `known_hosts` has the node's own keys.
pub fn ssh(cache: &Cache, user: &str, name: NodeName, options: &[&str]) -> Command {
    let mut command = Command::new("ip");
    command
        .args(["netns", "exec", LAB_NETNS, "ssh", "-F", "none", "-i"])
        .arg(cache.key());
    command.args(SSH_OPTIONS.iter().flat_map(|option| ["-o", option]));
    command
        .arg("-o")
        .arg(format!("UserKnownHostsFile={}", cache.known_hosts().display()));
    command.args(options).arg(format!("{user}@{}", name.address()));
    command
}

/// A command that runs a shell within a node as root without asking its network or sshd: as if at its console.
pub fn console(name: NodeName) -> Result<Command> {
    let init = cgroup::init(&name.cgroup()).with_context(|| format!("{name} is off"))?;
    let mut command = Command::new("nsenter");
    command.args(["--target", &init.as_raw_nonzero().to_string()]);
    command.args([
        "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd=/", "--",
    ]);
    command.args([
        "env",
        "-i",
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL=C",
        "sh",
        "-s",
    ]);
    Ok(command)
}

/// Runs a script on a node as root, by way of the user with sudo; so it answers whether login, sudo and command work.
fn on_node(cache: &Cache, name: NodeName, script: &str) -> Command {
    let options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=2"];
    let mut command = ssh(cache, USER, name, &options);
    command.arg(format!("sudo -n sh -c '{script}'"));
    command
}

/// Whether a login works within two seconds.
pub fn answers(cache: &Cache, name: NodeName) -> bool {
    program::run(&mut on_node(cache, name, "true")).is_ok()
}

/// Waits until a node takes logins, containerd answers and has all images; imports what is missing.
pub fn wait_until_ready(cache: &Cache, name: NodeName, store: &Store) -> Result<()> {
    let start = Instant::now();
    let mut images = Vec::new();
    let ready = wait_until(BOOT_PATIENCE, || {
        let list = program::run(&mut on_node(cache, name, "ctr -n k8s.io images ls -q"));
        images = list
            .iter()
            .flat_map(|text| text.lines())
            .map(str::to_owned)
            .collect();
        list.is_ok() || !is_running(name)
    });
    if !ready || !is_running(name) {
        let console = fs::read(cache.node(name).join("console.log")).unwrap_or_default();
        let console = String::from_utf8_lossy(&console);
        let lines: Vec<&str> = console.trim_end().lines().collect();
        let last = lines
            .get(lines.len().saturating_sub(15)..)
            .unwrap_or_default()
            .join("\n  ");
        let what = if is_running(name) {
            "does not get ready"
        } else {
            "went off while it booted"
        };
        bail!("{name} {what}; its console's last lines:\n  {last}");
    }
    if store
        .references
        .iter()
        .any(|reference| !images.contains(reference))
    {
        progress::step(&format!("importing missing images on {name}"), || {
            import(cache, name, store)
        })?;
    }
    progress::line(&format!(
        "{name} is ready, after {:.1} s",
        start.elapsed().as_secs_f64()
    ));
    Ok(())
}

fn import(cache: &Cache, name: NodeName, store: &Store) -> Result<()> {
    let mut import = on_node(
        cache,
        name,
        "ctr -n k8s.io images import - >&2 && ctr -n k8s.io images ls -q",
    );
    let output = import
        .stdin(File::open(store.archive())?)
        .stderr(Stdio::null())
        .output()?;
    let present = String::from_utf8_lossy(&output.stdout);
    let missing = store
        .references
        .iter()
        .filter(|reference| !present.lines().any(|line| line == *reference));
    let missing: Vec<&String> = missing.collect();
    if missing.is_empty() {
        return Ok(());
    }
    bail!("{name} lacks {missing:?} also after another import")
}
