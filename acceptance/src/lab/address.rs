//! Names of nodes, and all that follows from a name: addresses, interfaces, namespaces, cgroups.
use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use anyhow::bail;
use serde::{Deserialize, Serialize};

/// The namespace that holds the bridge and in which Terraform, ssh and probes run.
pub const LAB_NETNS: &str = "lab";
/// The bridge's address: default route and name server of each node; nothing behind it answers.
pub const BRIDGE_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 88, 0, 1);
/// Length of the prefix of the lab's network, 10.88.0.0/24; floating addresses are free from 10.88.0.100.
pub const PREFIX_LENGTH: u8 = 24;

/// Starts the name of each node's directory in the cgroup hierarchies.
pub const CGROUP_PREFIX: &str = "ha-lab-";

/// What a node is meant for; it decides nothing but the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// `mN`, a control-plane node.
    Master,
    /// `wN`, a worker.
    Worker,
    /// `lbN`, a load balancer outside of the cluster.
    LoadBalancer,
}

impl Role {
    const ALL: [Self; 3] = [Self::Master, Self::Worker, Self::LoadBalancer];

    fn prefix(self) -> &'static str {
        match self {
            Self::Master => "m",
            Self::Worker => "w",
            Self::LoadBalancer => "lb",
        }
    }

    fn first_octet(self) -> u8 {
        match self {
            Self::Master => 10,
            Self::Worker => 20,
            Self::LoadBalancer => 30,
        }
    }
}

/// A node's name: `m1` to `m9`, `w1` to `w9`, `lb1` to `lb9`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeName {
    role: Role,
    number: u8,
}

impl NodeName {
    /// 10.88.0.(10+N) for masters, 20+N for workers, 30+N for load balancers.
    pub fn address(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 88, 0, self.octet())
    }

    /// The pods' range on this node, a part of 10.253.0.0/16.
    pub fn pod_range(self) -> String {
        format!("10.253.{}.0/24", self.octet())
    }

    /// The same after each boot, as with a real network card: the other nodes keep it in their ARP tables.
    pub fn mac(self) -> String {
        format!("02:88:00:00:00:{:02x}", self.octet())
    }

    /// The node's network namespace.
    pub fn netns(self) -> String {
        format!("{LAB_NETNS}-{self}")
    }

    /// The bridge's end of the node's cable.
    pub fn link(self) -> String {
        format!("v-{self}")
    }

    /// The node's directory in each cgroup hierarchy.
    pub fn cgroup(self) -> String {
        format!("{CGROUP_PREFIX}{self}")
    }

    /// The node that has this network namespace.
    pub fn from_netns(netns: &str) -> Option<Self> {
        netns.strip_prefix(LAB_NETNS)?.strip_prefix('-')?.parse().ok()
    }

    fn octet(self) -> u8 {
        self.role.first_octet() + self.number
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}{}", self.role.prefix(), self.number))
    }
}

impl FromStr for NodeName {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        for role in Role::ALL {
            let Some(number) = text.strip_prefix(role.prefix()) else {
                continue;
            };
            if let (1, Ok(number @ 1..=9)) = (number.len(), number.parse()) {
                return Ok(Self { role, number });
            }
        }
        bail!("{text:?} is not a node's name: m1 to m9, w1 to w9, lb1 to lb9")
    }
}

impl TryFrom<String> for NodeName {
    type Error = anyhow::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<NodeName> for String {
    fn from(name: NodeName) -> Self {
        name.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> NodeName {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_follow_from_names() {
        assert_eq!(name("m1").address().to_string(), "10.88.0.11");
        assert_eq!(name("w1").address().to_string(), "10.88.0.21");
        assert_eq!(name("lb2").address().to_string(), "10.88.0.32");
        assert_eq!(name("m3").pod_range(), "10.253.13.0/24");
        assert_eq!(name("lb9").mac(), "02:88:00:00:00:27");
    }

    #[test]
    fn every_name_survives_text_and_netns() {
        for prefix in ["m", "w", "lb"] {
            for number in 1..=9 {
                let text = format!("{prefix}{number}");
                assert_eq!(name(&text).to_string(), text);
                assert_eq!(NodeName::from_netns(&name(&text).netns()), Some(name(&text)));
            }
        }
    }

    #[test]
    fn other_names_are_refused() {
        for text in ["", "m", "m0", "m10", "m+1", "x1", "lb", "M1", "m1 "] {
            assert!(text.parse::<NodeName>().is_err(), "{text:?}");
        }
        assert_eq!(NodeName::from_netns("laboratory"), None);
        assert_eq!(NodeName::from_netns("lab"), None);
    }
}
