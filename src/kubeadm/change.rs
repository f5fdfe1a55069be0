//! What a difference between a wanted and a running cluster is made of.
use std::{collections::BTreeSet, fmt};

use serde_json::{Map, Value};

/// A setting of a cluster that is wanted otherwise than it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The attribute in the `cluster` block.
    pub path: AttributePath,
    /// What runs, as it is written in HCL without its quotes; none where nothing is set and nothing is the default.
    pub from: Option<String>,
    /// What is wanted, likewise.
    pub to: Option<String>,
    /// What it would take.
    pub effect: Effect,
}

impl Change {
    /// Whether the values are texts that only their program understands: they may hold credentials, and are not shown.
    fn is_opaque(&self) -> bool {
        self.path.steps().iter().any(|step| match step {
            PathStep::Attribute(name) => {
                matches!(*name, "kubelet_config" | "kube_proxy_config" | "extra_args")
            }
            PathStep::Key(_) | PathStep::Index(_) => false,
        })
    }
}

/// The fields of a configuration that differ, by their names.
fn fields<'a>(values: impl IntoIterator<Item = &'a Option<String>>) -> BTreeSet<String> {
    let objects = values.into_iter().flatten();
    let objects = objects.filter_map(|text| serde_json::from_str::<Map<String, Value>>(text).ok());
    objects.flatten().map(|(name, _)| name).collect()
}

impl fmt::Display for Change {
    /// `dns_domain: "cluster.local" -> "corp.local"`, as Terraform shows changes; of values that may hold credentials only
    /// that they differ: `api_server.extra_args["v"]: set -> not set`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_opaque() {
            let names = fields([&self.from, &self.to]);
            return match (&self.from, &self.to) {
                _ if !names.is_empty() => {
                    let names: Vec<String> = names.into_iter().collect();
                    let verb = if names.len() == 1 { "differs" } else { "differ" };
                    write!(f, "{}: {} {verb}", self.path, names.join(", "))
                }
                (None, _) => write!(f, "{}: not set -> set", self.path),
                (_, None) => write!(f, "{}: set -> not set", self.path),
                _ => write!(f, "{}: another value", self.path),
            };
        }
        let shown = |value: &Option<String>| match value {
            None => "not set".to_owned(),
            Some(text) => format!("\"{text}\""),
        };
        write!(f, "{}: {} -> {}", self.path, shown(&self.from), shown(&self.to))
    }
}

/// What a change of a setting takes in a cluster that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Addresses, names or paths that all nodes, certificates and workloads have already: another cluster is needed.
    Immutable,
    /// `kubeadm upgrade`, node by node.
    Upgrade,
    /// That part is set up anew on one node after the other, from an edited `kubeadm-config` (or the `ConfigMap` of that
    /// part).
    Rolling(Part),
    /// Nothing that runs: kubeadm itself reads it, at the next join or upgrade.
    NextJoin,
}

/// What a change rolls over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The API servers' static pods: they restart.
    ApiServer,
    /// The API servers' certificates: issued anew, and read again without a restart.
    ApiServerCertificate,
    /// The controller managers' static pods: they restart.
    ControllerManager,
    /// The schedulers' static pods: they restart.
    Scheduler,
    /// etcd's static pods: they restart, each a member that is down for a while.
    Etcd,
    /// All static pods, `CoreDNS` and kube-proxy: they restart.
    ControlPlane,
    /// The kubelets of all nodes: they restart, and their pods run on.
    Kubelet,
    /// The pods of the `DaemonSet` kube-proxy: they are replaced.
    KubeProxy,
}

/// Where in the `cluster` block an attribute stands; printed as Terraform does: `api_server.extra_args["v"]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributePath(Vec<PathStep>);

/// One step of an [`AttributePath`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathStep {
    /// An attribute or block.
    Attribute(&'static str),
    /// An entry of a map.
    Key(String),
    /// An element of a list, from 0.
    Index(usize),
}

impl AttributePath {
    pub(super) fn attribute(name: &'static str) -> Self {
        Self(vec![PathStep::Attribute(name)])
    }

    pub(super) fn child(&self, name: &'static str) -> Self {
        self.then(PathStep::Attribute(name))
    }

    pub(super) fn key(&self, key: &str) -> Self {
        self.then(PathStep::Key(key.to_owned()))
    }

    pub(super) fn index(&self, index: usize) -> Self {
        self.then(PathStep::Index(index))
    }

    fn then(&self, step: PathStep) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// The steps, outermost first.
    pub fn steps(&self) -> &[PathStep] {
        &self.0
    }
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                PathStep::Attribute(name) if position == 0 => f.write_str(name)?,
                PathStep::Attribute(name) => write!(f, ".{name}")?,
                PathStep::Key(key) => write!(f, "[{key:?}]")?,
                PathStep::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
