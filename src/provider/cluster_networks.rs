//! Networks of pods and Services beside the addresses of other resources: who joins a cluster does not know its networks,
//! and its `ha_master` does not know who joins. What plans of one run see is put together by the cluster's endpoint.
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use ipnet::IpNet;

use super::rules::{address, entries, texts};
use crate::{
    node::address::parse_address,
    tf_provider::{Diagnostic, Path, Value},
};

/// What is known of each cluster, by its endpoint.
#[derive(Debug, Default)]
pub(super) struct ClusterNetworks(Mutex<HashMap<String, Known>>);

#[derive(Debug, Default)]
struct Known {
    networks: Vec<(&'static str, IpNet)>,
    /// What has the address, in words.
    addresses: Vec<(String, IpAddr)>,
}

impl ClusterNetworks {
    /// Forgets all, as each run begins.
    pub(super) fn forget(&self) {
        self.with(HashMap::clear);
    }

    fn with<T>(&self, look: impl FnOnce(&mut HashMap<String, Known>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes a note of a cluster's networks; an error if an address that was seen lies in one of them.
    pub(super) fn declare(&self, endpoint: &str, networks: Vec<(&'static str, IpNet)>) -> Option<Diagnostic> {
        self.with(|all| {
            let known = all.entry(endpoint.to_owned()).or_default();
            known.networks = networks;
            let inside = known.addresses.iter().find_map(|(what, address)| {
                let (name, net) = network_of(&known.networks, *address)?;
                Some((what, address, name, net))
            });
            inside.map(|(what, address, name, net)| {
                overlap(what, *address, name, net).at(Path::attribute("cluster").child(name))
            })
        })
    }

    /// Takes a note of addresses of machines that have to do with a cluster, with what each is and where it is written; an
    /// error if one lies in a network of the cluster.
    pub(super) fn place(&self, endpoint: &str, addresses: Vec<(String, IpAddr, Path)>) -> Option<Diagnostic> {
        if endpoint.is_empty() {
            return None;
        }
        self.with(|all| {
            let known = all.entry(endpoint.to_owned()).or_default();
            let inside = addresses.iter().find_map(|(what, address, at)| {
                let (name, net) = network_of(&known.networks, *address)?;
                Some(overlap(what, *address, name, net).at(at.clone()))
            });
            let noted = addresses.into_iter().map(|(what, address, _)| (what, address));
            known.addresses.extend(noted);
            inside
        })
    }
}

fn network_of(networks: &[(&'static str, IpNet)], address: IpAddr) -> Option<(&'static str, IpNet)> {
    networks.iter().find(|(_, net)| net.contains(&address)).copied()
}

fn overlap(what: &str, address: IpAddr, name: &str, net: IpNet) -> Diagnostic {
    let detail = format!(
        "The address of {what}, {address}, lies in {name} {net} of its cluster. Hosts, pods and Services need ranges of their own."
    );
    Diagnostic::error("Subnets overlap", detail)
}

/// The addresses that a master or worker names: its own, and those of the masters that it joins through.
pub(super) fn addresses_of_node(config: &Value) -> Vec<(String, IpAddr, Path)> {
    let own = ["host", "advertise_address"].into_iter().filter_map(|name| {
        let address = address(config.get(name))?;
        Some(("this host".to_owned(), address, Path::attribute(name)))
    });
    let at = Path::attribute("join").child("masters");
    let masters = texts(config.get("join").get("masters"), &at);
    let masters = masters
        .into_iter()
        .filter_map(|(at, text)| Some(("a master".to_owned(), parse_address(text)?, at)));
    own.chain(masters).collect()
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

    fn at(text: &str) -> Vec<(String, IpAddr, Path)> {
        vec![(
            "this host".to_owned(),
            text.parse().unwrap(),
            Path::attribute("host"),
        )]
    }

    fn pods() -> Vec<(&'static str, IpNet)> {
        vec![("pod_subnet", "192.168.0.0/16".parse().unwrap())]
    }

    #[test]
    fn whoever_comes_second_is_told() {
        let networks = ClusterNetworks::default();
        assert_eq!(networks.declare("a:8443", pods()), None);
        let told = networks.place("a:8443", at("192.168.56.12")).unwrap();
        assert_eq!(told.path, Some(Path::attribute("host")));
        assert_eq!(networks.place("a:8443", at("10.0.0.1")), None);

        let networks = ClusterNetworks::default();
        assert_eq!(networks.place("a:8443", at("192.168.56.12")), None);
        let told = networks.declare("a:8443", pods()).unwrap();
        assert_eq!(told.path, Some(Path::attribute("cluster").child("pod_subnet")));
        networks.forget();
        assert_eq!(networks.declare("a:8443", pods()), None);
    }

    #[test]
    fn clusters_are_told_apart() {
        let networks = ClusterNetworks::default();
        assert_eq!(networks.declare("a:8443", pods()), None);
        assert_eq!(networks.place("b:8443", at("192.168.56.12")), None);
        assert_eq!(networks.place("", at("192.168.56.12")), None);
    }
}
