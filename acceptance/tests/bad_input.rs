//! What is wrong is said at plan, with the attribute, and no host is touched.
use std::fs;
use std::process::Command;

use acceptance::lab::program;
use anyhow::Result;
use serde_json::json;

use crate::hosts::{Hosts, address};
use crate::residue;
use crate::workspace::Workspace;
use acceptance::terraform::Diagnostic;

/// The error with this summary at this resource.
pub(crate) fn find<'a>(errors: &'a [Diagnostic], summary: &str, resource: &str) -> &'a Diagnostic {
    let found = errors
        .iter()
        .find(|error| error.summary == summary && error.address == resource);
    found.unwrap_or_else(|| panic!("no {summary:?} at {resource} among {errors:#?}"))
}

/// What a test expects of the error.
struct Expected<'a> {
    summary: &'a str,
    /// The resource.
    address: &'a str,
    /// How the line of the configuration begins that the error points to.
    code: &'a str,
    /// Words of the detail.
    words: &'a [&'a str],
}

/// The worker is as it was.
const NOTHING: &str = ":";

/// Plans the example after `spoil`, expects the error and untouched hosts. `mend_worker` is a script that takes back what
/// `spoil` did to the worker.
fn refuses(
    name: &str,
    spoil: impl FnOnce(&Hosts, &mut Workspace) -> Result<()>,
    expected: &Expected<'_>,
    mend_worker: &str,
) -> Result<()> {
    let Some(hosts) = Hosts::clean()? else {
        return Ok(());
    };
    let mut workspace = Workspace::new(&hosts, &format!("bad-{name}"), "ha-cluster")?;
    let errors = spoil(&hosts, &mut workspace).and_then(|()| workspace.refused());
    hosts.on("w1", mend_worker)?;
    let errors = errors?;
    let error = find(&errors, expected.summary, expected.address);
    assert!(error.code.starts_with(expected.code), "{error:#?}");
    for word in expected.words {
        assert!(error.detail.contains(word), "{word:?}: {error:#?}");
    }
    assert_eq!(
        residue::traces(&hosts)?,
        Vec::<String>::new(),
        "hosts were changed"
    );
    Ok(())
}

/// The example's `cluster` block with one line of it replaced: an override replaces blocks as a whole.
fn cluster_with(name: &str, value: &str) -> String {
    let lines = [
        ("name", "var.cluster_name"),
        ("kubernetes_version", "var.kubernetes_version"),
        (
            "control_plane_endpoint",
            "ha_loadbalancer.api[local.first].endpoint",
        ),
        ("pod_subnet", "var.pod_subnet"),
        ("kubelet_config", "var.kubelet_config"),
        ("kube_proxy_config", "var.kube_proxy_config"),
    ];
    let lines = lines.map(|(key, old)| format!("    {key} = {}\n", if key == name { value } else { old }));
    format!(
        "resource \"ha_master\" \"first\" {{\n  cluster {{\n{}  }}\n}}\n",
        lines.concat()
    )
}

#[test]
fn a_vip_outside_of_the_interfaces_network() -> Result<()> {
    refuses(
        "vip-network",
        |_, workspace| workspace.set("vip", json!("10.99.0.100")),
        &Expected {
            summary: "The VIP is outside of the interface's network",
            address: r#"ha_loadbalancer.api["m1"]"#,
            code: "vip ",
            words: &["10.99.0.100", "10.88.0.11/24"],
        },
        NOTHING,
    )
}

#[test]
fn a_vip_that_answers_already() -> Result<()> {
    refuses(
        "vip-taken",
        |hosts, _| hosts.on("w1", "ip addr add 10.88.0.100/32 dev eth0").map(drop),
        &Expected {
            summary: "The VIP is taken",
            address: r#"ha_loadbalancer.api["m1"]"#,
            code: "vip ",
            words: &["10.88.0.100", "02:88:00:00:00:15"],
        },
        "ip addr del 10.88.0.100/32 dev eth0",
    )
}

#[test]
fn an_endpoint_without_port() -> Result<()> {
    refuses(
        "endpoint",
        |_, workspace| workspace.overlay(&cluster_with("control_plane_endpoint", r#""10.88.0.100""#)),
        &Expected {
            summary: "Invalid attribute value",
            address: "ha_master.first",
            code: "control_plane_endpoint ",
            words: &["port"],
        },
        NOTHING,
    )
}

#[test]
fn a_kubernetes_version_that_the_host_does_not_have() -> Result<()> {
    refuses(
        "version",
        |_, workspace| workspace.set("kubernetes_version", json!("1.36.3")),
        &Expected {
            summary: "Host does not meet the requirements",
            address: "ha_master.first",
            code: "kubernetes_version ",
            words: &["1.36.3", "1.37.2"],
        },
        NOTHING,
    )
}

#[test]
fn a_host_key_that_has_changed() -> Result<()> {
    refuses(
        "host-key",
        |_, workspace| {
            let key = fs::read_to_string(format!("{}.pub", make_key(workspace)?))?;
            let line = format!("{} {key}", address("m2"));
            Ok(fs::write(workspace.folder.join("known_hosts"), line)?)
        },
        &Expected {
            summary: "SSH host key has changed",
            address: r#"ha_loadbalancer.api["m2"]"#,
            code: "host ",
            words: &["10.88.0.12", "known SHA256:", "now SHA256:"],
        },
        NOTHING,
    )
}

/// A host that does not answer, or lets nobody in, may be one that the same apply makes: the plan warns.
fn warns(
    name: &str,
    spoil: impl FnOnce(&mut Workspace) -> Result<()>,
    summary: &str,
    words: &[&str],
) -> Result<()> {
    let Some(hosts) = Hosts::clean()? else {
        return Ok(());
    };
    let mut workspace = Workspace::new(&hosts, &format!("bad-{name}"), "ha-cluster")?;
    spoil(&mut workspace)?;
    let text = workspace.plan()?.expect(2)?.text();
    for word in [&[summary], words, &["If this apply makes the machine"]].concat() {
        assert!(text.contains(word), "{word:?}: {text}");
    }
    Ok(())
}

#[test]
fn a_key_that_nobody_knows() -> Result<()> {
    warns(
        "key",
        |workspace| {
            let key = make_key(workspace)?;
            workspace.set("ssh_private_key_file", json!(key))
        },
        "Warning: SSH key not accepted",
        &["10.88.0.11", "root"],
    )
}

#[test]
fn a_host_that_is_down() -> Result<()> {
    warns(
        "down",
        |workspace| workspace.set("workers", json!({ "w9": "10.88.0.29" })),
        "Warning: Cannot reach host over SSH",
        &["10.88.0.29"],
    )
}

#[test]
fn subnets_that_overlap() -> Result<()> {
    refuses(
        "subnets",
        |_, workspace| workspace.set("pod_subnet", json!("10.96.0.0/16")),
        &Expected {
            summary: "Subnets overlap",
            address: "ha_master.first",
            code: "pod_subnet ",
            words: &["10.96.0.0/16", "10.96.0.0/12"],
        },
        NOTHING,
    )
}

#[test]
fn two_nodes_that_are_given_one_name() -> Result<()> {
    refuses(
        "names",
        |_, workspace| {
            workspace.set("masters", json!({ "m1": address("m1"), "m2": address("m2") }))?;
            for line in [
                "host                    = var.masters[local.first]",
                "join                    = ha_master.first.join",
            ] {
                workspace.add_after(line, r#"node_name = "same""#)?;
            }
            Ok(())
        },
        &Expected {
            summary: "Duplicate node name",
            address: r#"ha_master.others["m2"]"#,
            code: "node_name ",
            words: &["10.88.0.11", "10.88.0.12", "same"],
        },
        NOTHING,
    )
}

#[test]
fn two_hosts_of_one_name() -> Result<()> {
    refuses(
        "hostnames",
        |hosts, _| hosts.on("w1", "hostname m1").map(drop),
        &Expected {
            summary: "Duplicate node name",
            address: r#"ha_worker.this["w1"]"#,
            code: "resource ",
            words: &["10.88.0.11", "10.88.0.21", "m1"],
        },
        "hostname w1",
    )
}

/// A key pair that nobody knows, in the workspace.
fn make_key(workspace: &Workspace) -> Result<String> {
    let path = workspace.folder.join("stranger").display().to_string();
    program::run(
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "stranger", "-f", &path]),
    )?;
    Ok(path)
}
