//! Which machine a host is, so that one machine under two names counts once, and clones of one image do not.
//!
//! Why each of them is needed: decision 37.
use std::{collections::BTreeSet, net::IpAddr};

use super::{Answers, Interface, Query, interface::parse_interfaces};

/// What tells machines apart.
///
/// `/etc/machine-id` alone does not (machine-id(5) wants it unique; machines cloned from one image share it), nor does the
/// boot alone (containers share their kernel's), nor an address alone (each host has docker0's).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// `/etc/machine-id`; empty when there is none.
    pub id: String,
    /// The kernel's boot id (random(4)) and the namespaces of the first process, which each container has its own of.
    pub boot: String,
    /// Addresses by which others may reach it.
    pub addresses: BTreeSet<IpAddr>,
}

/// Adds the question that [`super::Facts`] needs besides.
pub(super) fn boot_section(query: Query) -> Query {
    query.section(
        "boot",
        "cat /proc/sys/kernel/random/boot_id; for n in net pid mnt; do readlink /proc/1/ns/$n; done; :",
    )
}

impl Machine {
    /// Adds the questions that [`Machine::parse`] needs.
    pub fn sections(query: Query) -> Query {
        boot_section(query)
            .section("machine_id", "cat /etc/machine-id")
            .section("addresses", "ip -o addr show")
    }

    /// Reads the answers.
    pub fn parse(answers: &Answers) -> Self {
        let text = |key: &str| answers.text(key).unwrap_or_default();
        Self {
            id: text("machine_id").trim().to_owned(),
            boot: text("boot").split_whitespace().collect::<Vec<_>>().join(" "),
            addresses: global_addresses(&parse_interfaces(text("addresses"))),
        }
    }

    /// Whether both are one machine under two names.
    pub fn is(&self, other: &Self) -> bool {
        // A host without the program `ip` says nothing of its addresses.
        let is_known = !self.addresses.is_empty() && !other.addresses.is_empty();
        self.id == other.id
            && self.boot == other.boot
            && (!is_known || !self.addresses.is_disjoint(&other.addresses))
    }

    /// Whether both are machines of their own that have one machine ID.
    pub fn is_clone_of(&self, other: &Self) -> bool {
        !self.id.is_empty() && self.id == other.id && !self.is(other)
    }
}

pub(super) fn global_addresses(interfaces: &[Interface]) -> BTreeSet<IpAddr> {
    let nets = interfaces.iter().flat_map(|interface| &interface.addresses);
    nets.map(ipnet::IpNet::addr)
        .filter(|address| is_global(*address))
        .collect()
}

/// Neither loopback nor link-local: every machine may have those.
fn is_global(address: IpAddr) -> bool {
    let is_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !is_local && !address.is_loopback() && !address.is_unspecified() && !address.is_multicast()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(id: &str, boot: &str, addresses: &str) -> Machine {
        let lines = addresses
            .split_whitespace()
            .map(|net| format!("2: eth0    inet {net} scope global eth0\n"));
        let text = lines.collect::<Vec<_>>().concat();
        Machine::parse(&Answers::from_sections([
            ("machine_id", 0, id),
            ("boot", 0, boot),
            ("addresses", 0, text.as_str()),
        ]))
    }

    #[test]
    fn one_machine_has_one_boot_and_a_common_address() {
        let own = machine("a", "b1\nnet:[1]\n", "127.0.0.1/8 10.0.0.11/24 192.0.2.1/24");
        for (other, is_same, is_clone) in [
            (machine("a", "b1\nnet:[1]\n", "10.0.0.11/24"), true, false),
            (machine("a", "b1\nnet:[1]\n", ""), true, false),
            // A clone, a container on the same kernel, one resumed from the same memory, a stranger.
            (
                machine("a", "b2\nnet:[1]\n", "10.0.0.12/24 192.0.2.1/24"),
                false,
                true,
            ),
            (
                machine("a", "b1\nnet:[2]\n", "10.0.0.12/24 192.0.2.1/24"),
                false,
                true,
            ),
            (
                machine("a", "b1\nnet:[1]\n", "127.0.0.1/8 169.254.1.1/16 10.0.0.12/24"),
                false,
                true,
            ),
            (machine("c", "b1\nnet:[1]\n", "10.0.0.11/24"), false, false),
        ] {
            assert_eq!(own.is(&other), is_same, "{other:?}");
            assert_eq!(own.is_clone_of(&other), is_clone, "{other:?}");
        }
        let without = machine("", "b1", "10.0.0.11/24");
        assert!(!without.is_clone_of(&machine("", "b2", "10.0.0.12/24")));
    }

    #[test]
    fn this_machine_is_itself() {
        let body = Machine::sections(Query::new()).script("look").body.clone();
        let output = std::process::Command::new("sh")
            .args(["-c", &body])
            .output()
            .unwrap();
        let answers = Answers::parse(&String::from_utf8(output.stdout).unwrap()).unwrap();
        let own = Machine::parse(&answers);
        assert!(own.is(&own) && !own.boot.is_empty(), "{own:?}");
    }
}
