//! Reads what the questions of [`super::facts`] print.
use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;
use semver::Version;

use super::{Interface, facts::User};

pub(super) fn parse_os_name(os_release: &str) -> String {
    let name = os_release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.unwrap_or("Linux").trim_matches(['"', '\'']).to_owned()
}

/// Reads `ip -o addr show`: `2: eth0    inet 10.0.0.11/24 brd …`, one address a line.
pub(super) fn parse_interfaces(text: &str) -> Vec<Interface> {
    let mut interfaces: Vec<Interface> = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace().skip(1);
        let (Some(name), Some(_family), Some(address)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        let name = name.split('@').next().unwrap_or(name);
        let host = || address.parse::<IpAddr>().map(IpNet::from);
        let Ok(address) = address.parse::<IpNet>().or_else(|_| host()) else {
            continue;
        };
        match interfaces.iter_mut().find(|interface| interface.name == name) {
            Some(interface) => interface.addresses.push(address),
            None => interfaces.push(Interface {
                name: name.to_owned(),
                addresses: vec![address],
            }),
        }
    }
    interfaces
}

pub(super) fn parse_default_interface(routes: &str) -> Option<String> {
    let mut words = routes.split_whitespace().skip_while(|word| *word != "dev");
    words.nth(1).map(str::to_owned)
}

/// Reads `v1.37.2` and `Kubernetes v1.37.2`.
pub(super) fn parse_version(text: &str) -> Option<Version> {
    let word = text.split_whitespace().last()?;
    Version::parse(word.strip_prefix('v').unwrap_or(word)).ok()
}

/// Reads `/proc/net/tcp` and `tcp6`: local address and port in hex, state 0A is LISTEN.
pub(super) fn parse_listening(text: &str) -> BTreeSet<u16> {
    let port = |line: &str| {
        let mut words = line.split_whitespace();
        let (local, state) = (words.nth(1)?, words.nth(1)?);
        let (_, port) = local.split_once(':')?;
        (state == "0A").then(|| u16::from_str_radix(port, 16).ok())?
    };
    text.lines().filter_map(port).collect()
}

/// Reads a line of passwd.
pub(super) fn parse_user(text: &str) -> Option<User> {
    let mut fields = text.lines().next()?.split(':');
    Some(User {
        name: fields.next()?.to_owned(),
        uid: fields.nth(1)?.parse().ok()?,
        gid: fields.next()?.parse().ok()?,
        home: fields.nth(1)?.to_owned(),
    })
}
