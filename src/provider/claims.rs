//! What each resource of a run claims for itself: a host, a Node's name. Two that claim the same are told at plan.
use std::{collections::HashMap, sync::PoisonError};

use crate::{
    node::address::same_spelling,
    remote::Target,
    tf_provider::{Diagnostic, Path},
};

/// A machine as far as its address tells: hosts behind one address with other ports, or behind other bastions, are
/// other machines.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Machine {
    address: String,
    port: u16,
    bastion: Option<(String, u16)>,
}

impl Machine {
    pub(super) fn of(target: &Target) -> Self {
        Self {
            address: same_spelling(&target.address),
            port: target.port,
            bastion: bastion_of(target),
        }
    }
}

/// A cluster as far as its endpoint tells: sites behind other bastions may have the same floating IP.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Cluster {
    endpoint: String,
    bastion: Option<(String, u16)>,
}

impl Cluster {
    /// The cluster of an endpoint, as seen from a host of it.
    pub(super) fn of(endpoint: &str, target: &Target) -> Self {
        Self {
            endpoint: endpoint.to_lowercase(),
            bastion: bastion_of(target),
        }
    }
}

/// The bastion before a host, which tells one site from another.
pub(super) fn bastion_of(target: &Target) -> Option<(String, u16)> {
    let bastion = target.bastion.as_deref()?;
    Some((same_spelling(&bastion.address), bastion.port))
}

/// What may stand on a machine once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Role {
    /// A Node of a cluster: `ha_master` and `ha_worker`.
    Node,
    /// HAProxy and keepalived.
    Loadbalancer,
}

/// Who claims something.
#[derive(Clone, Debug)]
pub(super) struct Claimant<'a> {
    /// `ha_master`.
    pub(super) type_name: &'static str,
    /// Tells instances apart: a replacement is planned twice (`PlanRequest::private`).
    pub(super) instance: &'a [u8],
}

/// The claims of a run.
#[derive(Debug, Default)]
pub(super) struct Claims(std::sync::Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    hosts: HashMap<(Role, Machine), (Vec<u8>, &'static str)>,
    names: HashMap<(Cluster, String), Target>,
}

impl Claims {
    /// Takes a note of who is to be on a host; an error if another resource of this configuration is.
    pub(super) fn host(&self, role: Role, target: &Target, by: &Claimant<'_>) -> Option<Diagnostic> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (instance, type_name) = taken
            .hosts
            .entry((role, Machine::of(target)))
            .or_insert_with(|| (by.instance.to_vec(), by.type_name));
        if instance == by.instance {
            return None;
        }
        let host = &target.address;
        let what = match role {
            Role::Node => "A host is one Node of one cluster: give each resource a host of its own.",
            Role::Loadbalancer => "A host carries one floating IP: give each resource a host of its own.",
        };
        let detail = if *type_name == by.type_name {
            format!("Two {type_name} resources have the host {host}. {what}")
        } else {
            format!(
                "An {type_name} and an {} resource have the host {host}. {what}",
                by.type_name
            )
        };
        Some(Diagnostic::error("Two resources for one host", detail).at(Path::attribute("host")))
    }

    /// Takes a note of a node's name; an error if another host of this configuration has it.
    pub(super) fn name(&self, endpoint: &str, name: &str, target: &Target) -> Option<Diagnostic> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let owner = taken
            .names
            .entry((Cluster::of(endpoint, target), name.to_owned()))
            .or_insert_with(|| target.clone());
        if Machine::of(owner) == Machine::of(target) {
            return None;
        }
        let (owner, host) = (&owner.address, &target.address);
        let detail = format!(
            "The hosts {owner} and {host} would both be the Node {name:?} of the cluster at {endpoint}. Give one of them another node_name, or another hostname."
        );
        Some(Diagnostic::error("Duplicate node name", detail).at(Path::attribute("node_name")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::{Bastion, HostKeyPolicy, Key};

    fn target(address: &str) -> Target {
        Target::new(address, "root")
    }

    fn behind(bastion: &str) -> Target {
        Target {
            bastion: Some(Box::new(Bastion {
                address: bastion.to_owned(),
                port: 22,
                user: "root".to_owned(),
                key: Key::Agent,
                host_key_policy: HostKeyPolicy::Strict,
                known_hosts_file: None,
            })),
            ..target("10.0.0.11")
        }
    }

    const MASTER: Claimant<'static> = Claimant {
        type_name: "ha_master",
        instance: b"a",
    };
    const WORKER: Claimant<'static> = Claimant {
        type_name: "ha_worker",
        instance: b"b",
    };

    #[test]
    fn one_host_however_spelled_is_for_one_node() {
        for (one, other) in [
            ("10.0.0.11", "10.0.0.11"),
            ("fd00::11", "FD00:0::11"),
            ("10.0.0.11", "::ffff:10.0.0.11"),
            ("m1.example.net", "M1.Example.net."),
        ] {
            let claims = Claims::default();
            assert_eq!(claims.host(Role::Node, &target(one), &MASTER), None);
            assert_eq!(
                claims.host(Role::Node, &target(one), &MASTER),
                None,
                "planned again"
            );
            let told = claims.host(Role::Node, &target(other), &WORKER).unwrap();
            for word in ["ha_master", "ha_worker", other] {
                assert!(told.detail.contains(word), "{}", told.detail);
            }
            assert_eq!(claims.host(Role::Loadbalancer, &target(other), &WORKER), None);
        }
    }

    #[test]
    fn other_ports_and_bastions_are_other_machines() {
        let claims = Claims::default();
        let port = Target {
            port: 2222,
            ..target("10.0.0.11")
        };
        for (number, host) in [target("10.0.0.11"), port, behind("one"), behind("two")]
            .iter()
            .enumerate()
        {
            let instance = [u8::try_from(number).unwrap()];
            let by = Claimant {
                instance: &instance,
                ..MASTER
            };
            assert_eq!(claims.host(Role::Node, host, &by), None);
        }
        assert!(claims.host(Role::Node, &behind("ONE."), &WORKER).is_some());
    }

    #[test]
    fn names_are_of_a_cluster_of_one_site() {
        let claims = Claims::default();
        let name = |target: &Target| claims.name("10.0.0.100:8443", "m1", target);
        assert_eq!(name(&behind("site-a")), None);
        assert_eq!(name(&behind("site-b")), None, "another cluster");
        assert_eq!(name(&behind("SITE-A.")), None, "the same host");
        let other = Target {
            port: 2222,
            ..behind("site-a")
        };
        assert!(name(&other).is_some());
    }

    #[test]
    fn two_of_one_kind_are_told_too() {
        let claims = Claims::default();
        assert_eq!(claims.host(Role::Loadbalancer, &target("m1"), &MASTER), None);
        let other = Claimant {
            instance: b"c",
            ..MASTER
        };
        assert!(claims.host(Role::Loadbalancer, &target("m1"), &other).is_some());
    }
}
