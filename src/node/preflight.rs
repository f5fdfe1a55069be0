//! What stands in the way of a host becoming what it shall be, found before anything is changed.
use std::{collections::BTreeSet, net::IpAddr};

use semver::Version;

use super::Facts;

/// One thing that is wrong, with its cause and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The attribute to change, where one helps.
    pub attribute: Option<&'static str>,
    /// What is wrong, without values.
    pub summary: &'static str,
    /// Cause and remedy in sentences.
    pub detail: String,
    /// Whether it stops the work.
    pub severity: Severity,
}

/// How bad a [`Problem`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It may go well.
    Warning,
    /// It cannot go well.
    Error,
}

/// What a master or worker is going to be.
#[derive(Clone, Debug)]
pub struct NodeExpectations<'a> {
    /// The Node's name, or none for the host's own.
    pub node_name: Option<&'a str>,
    /// The version of the cluster where it is known.
    pub kubernetes_version: Option<&'a Version>,
    /// Names of kubeadm's checks as in `ignore_preflight_errors`; `all` stands for each.
    pub ignored: &'a BTreeSet<String>,
    /// The kubelet's `failSwapOn`; true unless told.
    pub fail_swap_on: bool,
    /// The kubelet's `failCgroupV1`; true since 1.35 unless told.
    pub fail_cgroup_v1: Option<bool>,
    /// The API server's port on a master.
    pub api_server_port: u16,
    /// Whether the host is a node already, so that its ports are its own.
    pub is_node: bool,
    /// This machine's clock in Unix seconds.
    pub local_clock: i64,
}

/// What a load balancer host is going to be.
#[derive(Clone, Debug)]
pub struct LoadbalancerExpectations<'a> {
    /// The floating IP.
    pub vip: IpAddr,
    /// The port on it.
    pub port: u16,
    /// `HAProxy`'s loopback health port.
    pub health_port: u16,
    /// The interface by name, or none for the one whose network holds the VIP.
    pub interface: Option<&'a str>,
    /// The host's own address among the members.
    pub address: IpAddr,
    /// Whether the balancer is here already, so that its ports are its own.
    pub is_installed: bool,
    /// This machine's clock in Unix seconds.
    pub local_clock: i64,
}

/// What keeps a host from becoming a master.
pub fn check_master(_facts: &Facts, _expected: &NodeExpectations<'_>) -> Vec<Problem> {
    Vec::new()
}

/// What keeps a host from becoming a worker.
pub fn check_worker(_facts: &Facts, _expected: &NodeExpectations<'_>) -> Vec<Problem> {
    Vec::new()
}

/// What keeps a host from carrying the floating IP.
pub fn check_loadbalancer(_facts: &Facts, _expected: &LoadbalancerExpectations<'_>) -> Vec<Problem> {
    Vec::new()
}
