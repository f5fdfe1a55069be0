//! What is on the machines that a cluster, or a destroy, has left there.
use std::collections::BTreeSet;

use anyhow::{Result, ensure};

use crate::hosts::Hosts;
use crate::lab::address::NodeName;

/// Prints a line for each trace of a cluster, or of an earlier test that was cut short.
const TRACES: &str = r#"
find /etc/kubernetes /var/lib/etcd /var/lib/kubelet -type f 2>/dev/null
find /var/lib/terraform-provider-ha /run/terraform-provider-ha 2>/dev/null
ip -o -4 addr show | grep -E ' 10\.88\.0\.1[0-9][0-9]/'
for name in haproxy keepalived etcd kube-apiserver kube-controller kube-scheduler kube-proxy coredns; do pgrep -l "$name"; done
systemctl list-units --no-legend --plain 'ha-*'
iptables-save 2>/dev/null | grep -E 'KUBE-' | head -n 3
[ "$(hostname)" = "$(cat /etc/hostname)" ] || hostname
true
"#;

/// Files that a machine has by itself or that its own services write.
const FILES: &str = "find /etc /opt /root /home /usr/local /var/lib /var/spool -xdev -type f \
    ! -path '/var/lib/containerd/*' ! -path '/var/lib/systemd/*' ! -path '/var/lib/cni/*' ! -path '/etc/machine-id' | sort";

/// Prints what nothing that has ended leaves: commands that run, credentials of a join, the cluster's lock.
const UNFINISHED: &str = "
systemctl list-units --no-legend --plain --state=active,activating,deactivating 'ha-*'
find /run/terraform-provider-ha /run/terraform-provider-ha*.lock -type f 2>/dev/null
true
";

/// A line `NODE: TRACE` for each trace.
pub fn traces(hosts: &Hosts) -> Result<Vec<String>> {
    lines(hosts, &hosts.names, TRACES)
}

/// The same of these machines only.
pub fn traces_on(hosts: &Hosts, names: &[NodeName]) -> Result<Vec<String>> {
    lines(hosts, names, TRACES)
}

/// A line `NODE: PATH` for each file outside of volatile places.
pub fn files(hosts: &Hosts) -> Result<BTreeSet<String>> {
    Ok(lines(hosts, &hosts.names, FILES)?.into_iter().collect())
}

/// Fails if a destroy left a trace of the cluster, or a file that was not there `before`.
pub fn assert_none(hosts: &Hosts, before: &BTreeSet<String>) -> Result<()> {
    let traces = traces(hosts)?;
    ensure!(traces.is_empty(), "traces after destroy: {traces:#?}");
    let after = files(hosts)?;
    let new: Vec<&String> = after.difference(before).collect();
    ensure!(
        new.is_empty(),
        "files after destroy that were not there before: {new:#?}"
    );
    let gone: Vec<&String> = before.difference(&after).collect();
    ensure!(
        gone.is_empty(),
        "files that were not the provider's are gone: {gone:#?}"
    );
    Ok(())
}

/// Fails if a machine is locked, or something that the provider began there has not ended.
pub fn assert_at_rest(hosts: &Hosts) -> Result<()> {
    let unfinished = lines(hosts, &hosts.names, UNFINISHED)?;
    ensure!(unfinished.is_empty(), "not at rest: {unfinished:#?}");
    Ok(())
}

fn lines(hosts: &Hosts, names: &[NodeName], script: &str) -> Result<Vec<String>> {
    let all = hosts.on_each(names, script)?;
    let lines = all
        .iter()
        .flat_map(|(name, text)| text.lines().map(move |line| format!("{name}: {line}")));
    Ok(lines.collect())
}
