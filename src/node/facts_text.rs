//! Reads what the questions of [`super::facts`] print.
use std::collections::BTreeSet;

use semver::Version;

pub(super) fn parse_os_name(os_release: &str) -> String {
    let name = os_release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.unwrap_or("Linux").trim_matches(['"', '\'']).to_owned()
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
