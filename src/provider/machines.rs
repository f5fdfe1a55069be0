//! The machines of this run, as their hosts were seen: one machine under two addresses, and machines of one image.
use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use crate::{
    node::Machine,
    tf_provider::{Diagnostic, Path},
};

/// Machines that were looked at, each with the resource that it is for.
#[derive(Debug, Default)]
pub(super) struct Machines(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    claims: Vec<Claim>,
    /// Machine IDs that were warned of.
    told: HashSet<String>,
}

#[derive(Clone, Debug)]
struct Claim {
    machine: Machine,
    host: String,
    resource: &'static str,
}

impl Machines {
    /// Takes a note of the machine behind a host; what is wrong with it beside the others of this run.
    ///
    /// A resource that is replaced is planned twice, and each once more before it is applied: the same host with the same
    /// type of resource is no news. A load balancer and a node go together.
    pub(super) fn claim(&self, resource: &'static str, host: &str, machine: Machine) -> Vec<Diagnostic> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told = Vec::new();
        let claim = Claim {
            machine,
            host: host.to_owned(),
            resource,
        };
        let others = seen.claims.iter().filter(|other| other.host != host);
        let (same, clones): (Vec<&Claim>, Vec<&Claim>) = others
            .filter(|other| other.machine.id == claim.machine.id)
            .partition(|other| other.machine.is(&claim.machine));
        if let Some(other) = same
            .iter()
            .find(|other| is_node(other.resource) == is_node(resource))
        {
            told.push(one_machine(other, &claim));
        }
        let mut hosts: Vec<String> = clones
            .iter()
            .filter(|other| other.machine.is_clone_of(&claim.machine))
            .map(|other| other.host.clone())
            .collect();
        if !hosts.is_empty() && seen.told.insert(claim.machine.id.clone()) {
            hosts.push(host.to_owned());
            told.push(clone_warning(hosts, &claim.machine.id));
        }
        seen.claims
            .retain(|other| (other.host.as_str(), other.resource) != (host, resource));
        seen.claims.push(claim);
        told
    }
}

fn is_node(resource: &str) -> bool {
    resource != "ha_loadbalancer"
}

fn one_machine(other: &Claim, claim: &Claim) -> Diagnostic {
    let detail = format!(
        "{} (of an {}) and {} (of an {}) are addresses of one machine: same machine ID, same boot, and an address in common. Give each resource a machine of its own, or leave one of them out.",
        other.host, other.resource, claim.host, claim.resource
    );
    Diagnostic::error("One machine in two resources", detail).at(Path::attribute("host"))
}

/// Told once for all: Terraform plans one resource after the other, so machines that come later are not named.
fn clone_warning(mut hosts: Vec<String>, id: &str) -> Diagnostic {
    hosts.sort();
    hosts.dedup();
    let detail = format!(
        "{} have one /etc/machine-id, {id}; so may other machines that were made from the same image. They are told apart by more than that here, but DHCP leases, logs and what runs in the cluster may not. Kubernetes asks for unique machines (MAC address and product_uuid too). Before anything is installed, run on each: `rm /etc/machine-id /var/lib/dbus/machine-id; systemd-machine-id-setup`, and start it anew; in the image, leave /etc/machine-id empty.",
        hosts.join(" and ")
    );
    Diagnostic::warning("Machines share one machine ID", detail).at(Path::attribute("host"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(id: &str, boot: &str, address: &str) -> Machine {
        Machine {
            id: id.to_owned(),
            boot: boot.to_owned(),
            addresses: [address.parse().unwrap(), "172.17.0.1".parse().unwrap()].into(),
        }
    }

    fn summaries(told: &[Diagnostic]) -> Vec<&str> {
        told.iter().map(|told| told.summary.as_str()).collect()
    }

    #[test]
    fn one_machine_by_two_addresses_is_an_error_that_names_both() {
        for (first, second, is_wrong) in [
            ("ha_master", "ha_master", true),
            ("ha_master", "ha_worker", true),
            ("ha_loadbalancer", "ha_loadbalancer", true),
            ("ha_loadbalancer", "ha_master", false),
        ] {
            let machines = Machines::default();
            let own = machine("a", "b", "10.0.0.11");
            assert_eq!(
                summaries(&machines.claim(first, "10.0.0.11", own.clone())),
                [""; 0]
            );
            // Planned twice, and again before the apply.
            assert_eq!(
                summaries(&machines.claim(first, "10.0.0.11", own.clone())),
                [""; 0]
            );
            let told = machines.claim(second, "m1.example.net", own);
            assert_eq!(
                summaries(&told),
                vec!["One machine in two resources"; usize::from(is_wrong)]
            );
            for word in [first, second, "10.0.0.11", "m1.example.net"] {
                assert!(told.iter().all(|told| told.detail.contains(word)), "{told:?}");
            }
        }
    }

    #[test]
    fn clones_are_told_once() {
        let machines = Machines::default();
        let clone = |number: u8| machine("a", &format!("b{number}"), &format!("10.0.0.{number}"));
        assert_eq!(summaries(&machines.claim("ha_master", "m1", clone(1))), [""; 0]);
        assert_eq!(
            summaries(&machines.claim("ha_loadbalancer", "m1", clone(1))),
            [""; 0]
        );
        let told = machines.claim("ha_worker", "m2", clone(2));
        assert_eq!(summaries(&told), ["Machines share one machine ID"]);
        assert!(told[0].detail.starts_with("m1 and m2 have"), "{told:?}");
        assert_eq!(summaries(&machines.claim("ha_worker", "m3", clone(3))), [""; 0]);
        assert_eq!(
            summaries(&machines.claim("ha_worker", "m4", machine("c", "b", "10.0.0.4"))),
            [""; 0]
        );
    }
}
