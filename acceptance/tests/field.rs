//! Hosts and networks as people have them: odd shells, hardened sshd, firewalls between the machines.
use anyhow::{Result, ensure};
use serde_json::json;

use crate::hosts::{Hosts, address};
use crate::residue;
use crate::running_cluster::assert_whole;
use crate::workspace::Workspace;

/// Login shells that print, refuse variables before a command, or read files of their own; sshd as hardening guides want
/// it; `sh` that is not dash.
const ODD: [(&str, &str); 4] = [
    (
        "m1",
        "usermod -s /usr/bin/zsh ops
         echo 'echo hello from zsh; alias env=false; PATH=/nowhere' >~ops/.zshenv
         printf 'Banner /etc/issue\\nMaxSessions 2\\n' >/etc/ssh/sshd_config.d/odd.conf
         echo 'Authorized users only' >/etc/issue",
    ),
    (
        "m2",
        "usermod -s /bin/csh ops
         echo 'echo hello from csh' >~ops/.cshrc
         printf 'MaxSessions 1\\nMaxStartups 2:50:5\\n' >/etc/ssh/sshd_config.d/odd.conf",
    ),
    (
        "m3",
        "ln -sf bash /bin/sh
         echo 'echo hello from bash; echo and to stderr >&2; cd /' >~ops/.bashrc
         printf 'http_proxy=http://10.88.0.9:3128\\nhttps_proxy=http://10.88.0.9:3128\\n' >>/etc/environment
         printf 'MaxSessions 4\\nPermitUserEnvironment yes\\n' >/etc/ssh/sshd_config.d/odd.conf
         mkdir -p ~ops/.ssh; echo 'POSIXLY_CORRECT=1' >~ops/.ssh/environment",
    ),
    (
        "w1",
        "usermod -s /bin/sh ops
         echo 'Defaults lecture=always, use_pty' >/etc/sudoers.d/odd
         printf 'Banner /etc/issue\\n' >/etc/ssh/sshd_config.d/odd.conf",
    ),
];

/// After it sshd has read its files again.
const RELOAD: &str = "systemctl reload ssh 2>/dev/null || systemctl restart ssh";

fn make_odd(hosts: &Hosts) -> Result<()> {
    for (name, script) in ODD {
        hosts.on(name, &format!("set -e\n{script}\nchown -R ops: ~ops\n{RELOAD}"))?;
    }
    Ok(())
}

/// The only error of a plan, in one text.
fn only_error(workspace: &mut Workspace) -> Result<String> {
    let mut errors = workspace.refused()?;
    ensure!(errors.len() == 1, "{errors:?}");
    let error = errors.remove(0);
    Ok(format!("{}: {}", error.summary, error.detail))
}

#[test]
fn odd_hosts_are_named_or_work() -> Result<()> {
    let Some(hosts) = Hosts::clean()? else {
        return Ok(());
    };
    let mut workspace = Workspace::new(&hosts, "field-hosts", "ha-cluster")?;
    workspace.set("ssh_user", json!("ops"))?;
    let result = odd_hosts(&hosts, &mut workspace);
    // Their disks are odd.
    acceptance::lab::operations::reset(&hosts.cache)?;
    result
}

fn odd_hosts(hosts: &Hosts, workspace: &mut Workspace) -> Result<()> {
    make_odd(hosts)?;
    hosts.on("w1", "echo 'Defaults requiretty' >/etc/sudoers.d/tty")?;
    let error = only_error(workspace)?;
    ensure!(
        error.contains("requiretty") && error.contains(&address("w1")),
        "{error}"
    );
    hosts.on("w1", "rm /etc/sudoers.d/tty; mv ~ops/.profile ~ops/.profile.was; echo exit 0 >~ops/.profile; usermod -s /usr/sbin/nologin ops")?;
    let error = only_error(workspace)?;
    ensure!(
        error.contains("not available") && error.contains(&address("w1")),
        "{error}"
    );
    hosts.on("w1", "mv ~ops/.profile.was ~ops/.profile; usermod -s /bin/sh ops")?;

    workspace.apply(&[])?.expect(0)?;
    assert_whole(hosts)?;
    workspace.assert_no_changes()?;
    workspace.destroy()?;
    let traces = residue::traces(hosts)?;
    ensure!(traces.is_empty(), "traces after destroy: {traces:#?}");
    Ok(())
}

/// A firewall on `m2` against the other machines, and what a plan says of it.
const CLOSED: [(&str, &str); 4] = [
    ("-p tcp --dport 2380", "on 2380/tcp (etcd's peers)"),
    ("-p tcp --dport 6443", "on 6443/tcp (the API server"),
    (
        "-p tcp --dport 10250",
        "on 10250/tcp (the kubelet, for logs and exec)",
    ),
    ("-p 112", "VRRP (IP protocol 112) of"),
];

#[test]
fn closed_ports_are_named_before_anything_is_changed() -> Result<()> {
    let Some(hosts) = Hosts::clean()? else {
        return Ok(());
    };
    let mut workspace = Workspace::new(&hosts, "field-network", "ha-cluster")?;
    for (rule, words) in CLOSED {
        let firewall =
            |action: &str| hosts.on("m2", &format!("iptables {action} INPUT {rule} ! -i lo -j DROP"));
        firewall("-I")?;
        let errors = workspace.refused();
        firewall("-D")?;
        let errors = errors?;
        let named = errors.iter().any(|error| {
            error.summary == "Hosts do not reach each other"
                && error.detail.replace('\n', " ").contains(words)
                && error.detail.contains(&address("m2"))
        });
        ensure!(named, "{words}: {errors:#?}");
        let traces = residue::traces(&hosts)?;
        ensure!(traces.is_empty(), "hosts were changed: {traces:#?}");
    }
    let text = workspace.plan()?.expect(2)?.text();
    ensure!(text.contains("Plan: 7 to add"), "{text}");
    a_packet_of_the_peer_is_no_way_to_it(&hosts)
}

/// By it a host tries whether VRRP passes.
const TRY_VRRP: &str = include_str!("../../src/node/connectivity/try_vrrp.pl");

/// `m2` takes no VRRP and sends some while `m1` waits for an answer of `m2`.
fn a_packet_of_the_peer_is_no_way_to_it(hosts: &Hosts) -> Result<()> {
    let (one, other) = (address("m1"), address("m2"));
    let begin = format!("cat >/run/try_vrrp.pl <<'end of program'\n{TRY_VRRP}end of program");
    for name in ["m1", "m2"] {
        hosts.on(name, &begin)?;
    }
    hosts.on("m2", "iptables -I INPUT -p 112 ! -i lo -j DROP")?;
    hosts.on(
        "m1",
        &format!(
            "perl /run/try_vrrp.pl ask {one} {other} >/run/vrrp 2>&1 </dev/null &
             until grep -q ':0070 ' /proc/net/raw; do :; done"
        ),
    )?;
    hosts.on("m2", &format!("perl /run/try_vrrp.pl ask {other} {one}"))?;
    let said = hosts.on(
        "m1",
        "while grep -q ':0070 ' /proc/net/raw; do :; done; cat /run/vrrp",
    )?;
    hosts.on("m2", "iptables -D INPUT -p 112 ! -i lo -j DROP")?;
    ensure!(said.trim() == "0 closed no answer", "{said}");
    Ok(())
}
