//! The lab's network: a bridge in the namespace `lab`, a cable to each node's namespace, routes to the pods of the others.
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::address::{BRIDGE_ADDRESS, LAB_NETNS, NodeName, PREFIX_LENGTH};
use super::program;

const BRIDGE: &str = "br0";
const NETNS_FOLDER: &str = "/run/netns";
/// What a slow cable is: as a bad line over mobile radio.
const SLOW: [&str; 6] = ["rate", "3mbit", "burst", "16kb", "latency", "250ms"];

/// Whether the namespace `lab` exists.
pub fn is_up() -> bool {
    Path::new(NETNS_FOLDER).join(LAB_NETNS).exists()
}

/// Makes the namespace with the bridge unless it is there and whole.
pub fn make() -> Result<()> {
    if is_up()
        && ip(&["-n", LAB_NETNS, "addr", "show", "dev", BRIDGE]).is_ok_and(|text| text.contains("10.88.0.1/"))
    {
        return Ok(());
    }
    remove_netns(LAB_NETNS)?;
    ip(&["netns", "add", LAB_NETNS])?;
    let address = format!("{BRIDGE_ADDRESS}/{PREFIX_LENGTH}");
    batch(
        LAB_NETNS,
        &format!(
            "link set lo up\nlink add {BRIDGE} type bridge\nlink set {BRIDGE} up\naddr add {address} dev {BRIDGE}\n"
        ),
    )
}

/// Makes a node's namespace and cable; what was left of former ones is removed. The cable is made in its two namespaces,
/// never outside of them.
pub fn make_node(name: NodeName) -> Result<()> {
    remove_node(name)?;
    let (netns, link, mac) = (name.netns(), name.link(), name.mac());
    ip(&["netns", "add", &netns])?;
    let cable = format!(
        "link add {link} type veth peer name eth0 address {mac} netns {netns}\nlink set {link} master {BRIDGE} up\n"
    );
    batch(LAB_NETNS, &cable)?;
    let address = format!("{}/{PREFIX_LENGTH}", name.address());
    batch(
        &netns,
        &format!(
            "link set lo up\naddr add {address} dev eth0\nlink set eth0 up\nroute add default via {BRIDGE_ADDRESS}\n"
        ),
    )?;
    let mut sysctl = Command::new("ip");
    sysctl.args([
        "netns",
        "exec",
        &netns,
        "sh",
        "-c",
        "echo 1 >/proc/sys/net/ipv4/ip_forward",
    ]);
    program::run(&mut sysctl).map(drop)
}

/// Removes a node's cable and namespace; nothing to remove is fine.
pub fn remove_node(name: NodeName) -> Result<()> {
    // The cable first: a process that still looks at the namespace would keep it alive, with its addresses.
    if has_link(name) {
        ip(&["-n", LAB_NETNS, "link", "del", &name.link()])?;
    }
    remove_netns(&name.netns())
}

/// Removes the namespace with the bridge.
pub fn remove() -> Result<()> {
    remove_netns(LAB_NETNS)
}

/// Lets each node reach the pods of the others.
pub fn route_pods(names: &[NodeName]) -> Result<()> {
    for name in names {
        let others = names.iter().filter(|other| *other != name);
        let routes: Vec<String> = others
            .map(|other| format!("route replace {} via {}", other.pod_range(), other.address()))
            .collect();
        batch(&name.netns(), &routes.join("\n"))?;
    }
    Ok(())
}

/// Takes a node's cable out, or puts it in again.
pub fn set_cable(name: NodeName, plugged: bool) -> Result<()> {
    let state = if plugged { "up" } else { "down" };
    ip(&["-n", LAB_NETNS, "link", "set", &name.link(), state]).map(drop)
}

/// Makes a node's cable slow in both directions, or as fast as it was. What waits too long in its queue is lost.
pub fn set_slow(name: NodeName, slow: bool) -> Result<()> {
    for (netns, device) in [(LAB_NETNS.to_owned(), name.link()), (name.netns(), "eth0".into())] {
        let mut tc = Command::new("tc");
        tc.args(["-n", &netns, "qdisc"]);
        if slow {
            tc.args(["replace", "dev", &device, "root", "tbf"]).args(SLOW);
        } else {
            tc.args(["del", "dev", &device, "root"]);
        }
        program::run(&mut tc)?;
    }
    Ok(())
}

/// Whether a node's cable is in.
pub fn is_plugged(name: NodeName) -> bool {
    let flags = ip(&["-n", LAB_NETNS, "-o", "link", "show", "dev", &name.link()]).unwrap_or_default();
    flags
        .split(['<', '>'])
        .nth(1)
        .is_some_and(|flags| flags.split(',').any(|flag| flag == "UP"))
}

/// The nodes that have a namespace.
pub fn nodes() -> Vec<NodeName> {
    let Ok(entries) = fs::read_dir(NETNS_FOLDER) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| NodeName::from_netns(entry.file_name().to_str()?))
        .collect()
}

fn has_link(name: NodeName) -> bool {
    is_up() && ip(&["-n", LAB_NETNS, "link", "show", "dev", &name.link()]).is_ok()
}

fn remove_netns(netns: &str) -> Result<()> {
    if Path::new(NETNS_FOLDER).join(netns).exists() {
        ip(&["netns", "del", netns])?;
    }
    Ok(())
}

fn ip(arguments: &[&str]) -> Result<String> {
    program::run(Command::new("ip").args(arguments))
}

fn batch(netns: &str, commands: &str) -> Result<()> {
    program::run_with_input(Command::new("ip").args(["-n", netns, "-batch", "-"]), commands)
        .with_context(|| format!("cannot set up the network of {netns}"))
        .map(drop)
}
