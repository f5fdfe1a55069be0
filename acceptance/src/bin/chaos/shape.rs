//! What a configuration asks for: which machines are masters, workers and load balancers, in which of the two forms.
use std::fmt;

use acceptance::lab::address::NodeName;
use acceptance::workspace::Workspace;
use anyhow::Result;
use fastrand::Rng;
use serde_json::{Value, json};

/// How the masters are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `examples/ha-cluster`: a first master and others that join it.
    Graph,
    /// `examples/ha-cluster-symmetric`: all are alike.
    Symmetric,
}

/// A configuration, and the cluster that it describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) form: Form,
    pub(crate) masters: Vec<NodeName>,
    pub(crate) workers: Vec<NodeName>,
    /// Masters that share the floating address.
    pub(crate) balancers: Vec<NodeName>,
}

/// Laid over the examples, whose load balancers are all masters.
const BALANCERS: &str = r#"
variable "balancers" {
  type = map(string)
}
"#;

/// An override replaces a block as a whole, so `cluster` is repeated.
const OVERLAY: &str = r#"
resource "ha_loadbalancer" "api" {
  for_each = var.balancers
  members  = var.balancers
}

resource "ha_master" "NAME" {
  cluster {
    name                   = var.cluster_name
    kubernetes_version     = var.kubernetes_version
    control_plane_endpoint = values(ha_loadbalancer.api)[0].endpoint
    pod_subnet             = var.pod_subnet
    kubelet_config         = var.kubelet_config
    kube_proxy_config      = var.kube_proxy_config
  }
}
"#;

impl Form {
    /// The folder of the example.
    pub(crate) fn example(self) -> &'static str {
        match self {
            Self::Graph => "ha-cluster",
            Self::Symmetric => "ha-cluster-symmetric",
        }
    }

    /// Makes a fresh folder of the example able to describe any shape.
    pub(crate) fn extend(self, workspace: &Workspace) -> Result<()> {
        let name = match self {
            Self::Graph => "first",
            Self::Symmetric => "this",
        };
        std::fs::write(workspace.folder.join("balancers.tf"), BALANCERS)?;
        workspace.overlay(&OVERLAY.replace("NAME", name))
    }
}

impl Shape {
    /// A new cluster of so many masters.
    pub(crate) fn random(rng: &mut Rng, pool: &Pool, masters: usize, workers: usize) -> Self {
        let form = if rng.bool() { Form::Graph } else { Form::Symmetric };
        let mut shape = Self {
            form,
            masters: Vec::new(),
            workers: Vec::new(),
            balancers: Vec::new(),
        };
        if form == Form::Graph {
            // The first by name initialises the cluster and must stay the first.
            shape.masters.extend(pool.masters.first());
            shape.balancers.extend(pool.masters.first());
        }
        shape.set_masters(rng, pool, masters);
        shape.set_workers(rng, pool, workers);
        shape
    }

    /// Adds or removes masters at random until there are so many; load balancers come and go with them.
    pub(crate) fn set_masters(&mut self, rng: &mut Rng, pool: &Pool, count: usize) {
        while self.masters.len() > count {
            let kept = usize::from(self.form == Form::Graph);
            let gone = self.masters.remove(rng.usize(kept..self.masters.len()));
            self.balancers.retain(|name| *name != gone);
        }
        while self.masters.len() < count {
            let Some(added) = free(rng, &pool.masters, &self.masters) else {
                break;
            };
            self.masters.push(added);
            self.balancers.push(added);
        }
        if self.balancers.is_empty() {
            self.balancers.clone_from(&self.masters);
        }
        for names in [&mut self.masters, &mut self.balancers] {
            names.sort_unstable();
            names.dedup();
        }
    }

    /// Adds or removes workers at random until there are so many.
    pub(crate) fn set_workers(&mut self, rng: &mut Rng, pool: &Pool, count: usize) {
        while self.workers.len() > count {
            self.workers.remove(rng.usize(..self.workers.len()));
        }
        while self.workers.len() < count {
            let Some(added) = free(rng, &pool.workers, &self.workers) else {
                break;
            };
            self.workers.push(added);
        }
        self.workers.sort_unstable();
    }

    /// Gives the configuration's variables their values.
    pub(crate) fn configure(&self, workspace: &mut Workspace) -> Result<()> {
        workspace.set("masters", addresses(&self.masters))?;
        workspace.set("workers", addresses(&self.workers))?;
        workspace.set("balancers", addresses(&self.balancers))
    }

    /// The resource of a node.
    pub(crate) fn resource(&self, name: NodeName) -> String {
        if self.workers.contains(&name) {
            return format!("ha_worker.this[\"{name}\"]");
        }
        match self.form {
            Form::Graph if self.masters.first() == Some(&name) => "ha_master.first".to_owned(),
            Form::Graph => format!("ha_master.others[\"{name}\"]"),
            Form::Symmetric => format!("ha_master.this[\"{name}\"]"),
        }
    }

    /// All of its machines.
    pub(crate) fn nodes(&self) -> Vec<NodeName> {
        self.masters.iter().chain(&self.workers).copied().collect()
    }
}

/// `m1 m2 m3 + w1`, with the load balancers if they are not all masters.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |names: &[NodeName]| -> String {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            names.join(" ")
        };
        f.write_str(&join(&self.masters))?;
        if !self.workers.is_empty() {
            write!(f, " + {}", join(&self.workers))?;
        }
        if self.balancers != self.masters {
            write!(f, ", VIP on {}", join(&self.balancers))?;
        }
        Ok(())
    }
}

/// The lab's machines that rounds may use.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    pub(crate) masters: Vec<NodeName>,
    pub(crate) workers: Vec<NodeName>,
}

impl Pool {
    /// Five masters-to-be and two workers-to-be.
    pub(crate) fn new() -> Result<Self> {
        let parse = |names: &[&str]| names.iter().map(|name| name.parse()).collect::<Result<Vec<_>>>();
        Ok(Self {
            masters: parse(&["m1", "m2", "m3", "m4", "m5"])?,
            workers: parse(&["w1", "w2"])?,
        })
    }

    pub(crate) fn all(&self) -> Vec<NodeName> {
        self.masters.iter().chain(&self.workers).copied().collect()
    }
}

fn addresses(names: &[NodeName]) -> Value {
    let pairs = names
        .iter()
        .map(|name| (name.to_string(), json!(name.address().to_string())));
    Value::Object(pairs.collect())
}

/// One of the pool's machines that is not in use.
fn free(rng: &mut Rng, pool: &[NodeName], used: &[NodeName]) -> Option<NodeName> {
    let free: Vec<NodeName> = pool.iter().copied().filter(|name| !used.contains(name)).collect();
    rng.choice(free)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_graph_ordered_form_keeps_its_first_master() {
        let pool = Pool::new().unwrap();
        for seed in 0..50 {
            let mut rng = Rng::with_seed(seed);
            let mut shape = Shape::random(&mut rng, &pool, 3, 1);
            for masters in [5, 1, 3, 1] {
                assert_eq!(shape.balancers, shape.masters);
                shape.set_masters(&mut rng, &pool, masters);
                assert_eq!(shape.masters.len(), masters);
                assert!(
                    shape.masters.is_sorted()
                        && shape.balancers.iter().all(|name| shape.masters.contains(name))
                );
                assert!(!shape.balancers.is_empty());
                if shape.form == Form::Graph {
                    assert_eq!(shape.masters[0].to_string(), "m1");
                }
            }
        }
    }

    #[test]
    fn resources_have_the_examples_addresses() {
        let pool = Pool::new().unwrap();
        let mut shape = Shape {
            form: Form::Graph,
            masters: pool.masters[..2].to_vec(),
            workers: pool.workers.clone(),
            balancers: pool.masters[..1].to_vec(),
        };
        assert_eq!(shape.resource(pool.masters[0]), "ha_master.first");
        assert_eq!(shape.resource(pool.masters[1]), "ha_master.others[\"m2\"]");
        assert_eq!(shape.resource(pool.workers[0]), "ha_worker.this[\"w1\"]");
        shape.form = Form::Symmetric;
        assert_eq!(shape.resource(pool.masters[0]), "ha_master.this[\"m1\"]");
        assert_eq!(shape.to_string(), "m1 m2 + w1 w2, VIP on m1");
    }
}
