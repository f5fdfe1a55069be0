//! Networks of pods and Services beside the addresses of other resources: who joins a cluster does not know its networks,
//! and its `ha_master` does not know who joins. What plans of one run see is put together by the cluster's endpoint.
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use ipnet::IpNet;

use super::{
    claims::Cluster,
    rules::{address, entries, texts},
    subnets::named_networks,
};
use crate::{
    kubeadm::Endpoint,
    node::address::parse_address,
    tf_provider::{Diagnostic, Path, Value},
};

/// What is known of each cluster.
#[derive(Debug, Default)]
pub(super) struct ClusterNetworks(Mutex<HashMap<Cluster, Known>>);

/// All networks that were named for a cluster, so that the order of plans does not matter.
#[derive(Debug, Default)]
struct Known {
    networks: BTreeSet<(&'static str, IpNet)>,
    /// What has the address, in words.
    addresses: BTreeMap<IpAddr, String>,
    /// Told once in a run, not for each resource that repeats it.
    told: HashSet<(IpNet, IpAddr)>,
}

/// What one resource says.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// The cluster's networks by their attributes of `cluster`.
    pub(super) networks: Vec<(&'static str, IpNet)>,
    /// Addresses of machines, with what each is and where it is written.
    pub(super) addresses: Vec<(String, IpAddr, Path)>,
    /// Whether the resource is made anew. One that exists is not refused.
    pub(super) is_new: bool,
}

impl Noted {
    /// What a master or worker says: its cluster's networks, once no more of them can come to be known, and addresses.
    pub(super) fn of_node(config: &Value, is_new: bool) -> Self {
        let cluster = config.get("cluster");
        let names_networks = !cluster.is_null() && (is_new || cluster.is_wholly_known());
        Self {
            networks: if names_networks {
                named_networks(cluster)
            } else {
                Vec::new()
            },
            addresses: if is_new {
                addresses_of_node(config)
            } else {
                Vec::new()
            },
            is_new,
        }
    }
}

impl ClusterNetworks {
    /// Takes a note of what a resource says of its cluster; an error for each network that addresses lie in.
    pub(super) fn note(&self, cluster: Cluster, noted: &Noted) -> Vec<Diagnostic> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.entry(cluster).or_default();
        known.networks.extend(noted.networks.iter().copied());
        for (what, address, _) in &noted.addresses {
            known.addresses.entry(*address).or_insert_with(|| what.clone());
        }
        if !noted.is_new {
            return Vec::new();
        }
        let mut errors = Vec::new();
        for (name, net) in &known.networks {
            let inside: Vec<_> = known
                .addresses
                .iter()
                .filter(|(address, _)| net.contains(*address) && known.told.insert((*net, **address)))
                .collect();
            let own = noted
                .addresses
                .iter()
                .find(|(_, address, _)| net.contains(address));
            let at = match own {
                Some((.., at)) if noted.networks.is_empty() => at.clone(),
                _ => Path::attribute("cluster").child(*name),
            };
            if !inside.is_empty() {
                errors.push(overlap(&inside, name, *net).at(at));
            }
        }
        errors
    }
}

fn overlap(inside: &[(&IpAddr, &String)], name: &str, net: IpNet) -> Diagnostic {
    let listed: Vec<String> = inside
        .iter()
        .map(|(address, what)| format!("{address} ({what})"))
        .collect();
    let lie = if inside.len() == 1 { "lies" } else { "lie" };
    let detail = format!(
        "{} {lie} in {name} {net} of the cluster. Hosts, pods and Services need ranges of their own.",
        listed.join(", ")
    );
    Diagnostic::error("Subnets overlap", detail)
}

/// The addresses that a master or worker names: its own, those of the other masters, and the endpoint.
fn addresses_of_node(config: &Value) -> Vec<(String, IpAddr, Path)> {
    let own = ["host", "advertise_address"].into_iter().filter_map(|name| {
        let address = address(config.get(name))?;
        Some(("a host".to_owned(), address, Path::attribute(name)))
    });
    let join = |name: &str| Path::attribute("join").child(name);
    let others = [
        (config.get("peers"), Path::attribute("peers")),
        (config.get("join").get("masters"), join("masters")),
    ];
    let masters = others.into_iter().flat_map(|(list, at)| texts(list, &at));
    let masters = masters.filter_map(|(at, text)| Some(("a master".to_owned(), parse_address(text)?, at)));
    let endpoints = [
        (
            config.get("cluster").get("control_plane_endpoint"),
            Path::attribute("cluster").child("control_plane_endpoint"),
        ),
        (config.get("join").get("endpoint"), join("endpoint")),
    ];
    let endpoints = endpoints.into_iter().filter_map(|(endpoint, at)| {
        let endpoint: Endpoint = endpoint.as_str()?.parse().ok()?;
        Some(("the endpoint".to_owned(), parse_address(&endpoint.host)?, at))
    });
    own.chain(masters).chain(endpoints).collect()
}

/// The addresses that a load balancer names.
pub(super) fn addresses_of_loadbalancer(config: &Value) -> Vec<(String, IpAddr, Path)> {
    let vip =
        address(config.get("vip")).map(|vip| ("the floating IP".to_owned(), vip, Path::attribute("vip")));
    let hosts = [("members", "member"), ("backends", "backend")]
        .into_iter()
        .flat_map(|(name, what)| {
            entries(config.get(name)).filter_map(move |(key, text)| {
                let at = Path::attribute(name).key(key);
                Some((format!("the {what} {key}"), parse_address(text)?, at))
            })
        });
    vip.into_iter().chain(hosts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::{Bastion, HostKeyPolicy, Key, Target};

    fn cluster(endpoint: &str, bastion: Option<&str>) -> Cluster {
        let target = Target {
            bastion: bastion.map(|bastion| {
                Box::new(Bastion {
                    address: bastion.to_owned(),
                    port: 22,
                    user: "root".to_owned(),
                    key: Key::Agent,
                    host_key_policy: HostKeyPolicy::Strict,
                    known_hosts_file: None,
                })
            }),
            ..Target::new("", "root")
        };
        Cluster::of(endpoint, &target)
    }

    fn place(texts: &[&str]) -> Noted {
        let at = |text: &&str| {
            (
                "a host".to_owned(),
                text.parse().unwrap(),
                Path::attribute("host"),
            )
        };
        Noted {
            addresses: texts.iter().map(at).collect(),
            is_new: true,
            ..Noted::default()
        }
    }

    fn pods(net: &str) -> Noted {
        Noted {
            networks: vec![("pod_subnet", net.parse().unwrap())],
            is_new: true,
            ..Noted::default()
        }
    }

    const PODS: &str = "192.168.0.0/16";

    #[test]
    fn whoever_comes_second_is_told() {
        let networks = ClusterNetworks::default();
        let note = |noted| networks.note(cluster("a:8443", None), &noted);
        assert_eq!(note(pods(PODS)), []);
        let told = note(place(&["192.168.56.12"]));
        assert_eq!(told[0].path, Some(Path::attribute("host")));
        assert_eq!(note(place(&["10.0.0.1"])), []);

        let networks = ClusterNetworks::default();
        let note = |noted| networks.note(cluster("a:8443", None), &noted);
        assert_eq!(note(place(&["192.168.56.12"])), []);
        let told = note(pods(PODS));
        assert_eq!(told[0].path, Some(Path::attribute("cluster").child("pod_subnet")));
    }

    #[test]
    fn one_error_lists_all_addresses_of_a_network_once() {
        let networks = ClusterNetworks::default();
        let note = |noted| networks.note(cluster("a:8443", None), &noted);
        let hosts = || place(&["192.168.10.11", "192.168.10.12", "192.168.10.13"]);
        let master = || Noted {
            networks: pods(PODS).networks,
            ..hosts()
        };
        let told = note(master());
        let [told] = &told[..] else { panic!("{told:?}") };
        assert!(
            told.detail.contains("192.168.10.11 (a host), 192.168.10.12"),
            "{}",
            told.detail
        );
        assert_eq!(note(master()), [], "the next of three");
        assert_eq!(note(place(&["192.168.10.21"])).len(), 1);
    }

    #[test]
    fn what_exists_is_not_refused() {
        let networks = ClusterNetworks::default();
        let note = |noted| networks.note(cluster("a:8443", None), &noted);
        let old = |noted| Noted {
            is_new: false,
            ..noted
        };
        assert_eq!(note(place(&["192.168.56.12"])), []);
        assert_eq!(note(old(pods(PODS))), []);
        assert_eq!(note(place(&["192.168.56.13"])).len(), 1);
    }

    #[test]
    fn clusters_are_told_apart() {
        let networks = ClusterNetworks::default();
        assert_eq!(networks.note(cluster("a:8443", None), &pods(PODS)), []);
        assert_eq!(
            networks.note(cluster("b:8443", None), &place(&["192.168.56.12"])),
            []
        );
        assert_eq!(
            networks.note(cluster("a:8443", Some("site-b")), &place(&["192.168.56.12"])),
            []
        );
    }

    #[test]
    fn the_order_of_different_networks_does_not_matter() {
        let other = "172.16.0.0/12";
        for order in [[PODS, other], [other, PODS]] {
            let networks = ClusterNetworks::default();
            for net in order {
                assert_eq!(networks.note(cluster("a:8443", None), &pods(net)), []);
            }
            let told = networks.note(cluster("a:8443", None), &place(&["192.168.56.12"]));
            assert_eq!(told.len(), 1, "{order:?}");
        }
    }
}
