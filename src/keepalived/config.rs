//! The text of `keepalived.conf`.
//!
//! Why a failed check is a FAULT, with what was measured: decision 6.
use std::{net::IpAddr, time::Duration};

use askama::Template;

/// One host's part in carrying a floating IP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepalivedSpec {
    /// The floating IP. Same family as [`address`](Self::address): VRRP has no mixed groups.
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

// The script starts as failed (init_fail), or a host that has just started takes the VIP before its HAProxy
// listens; with fewer than two successes it would take it in the second in which a new HAProxy still believes
// all its servers to be up (both measured). The second round of gratuitous ARP comes early, and again each half
// minute, for neighbours that missed the first.
#[derive(Template)]
#[template(
    ext = "txt",
    escape = "none",
    source = r#"# Written by terraform-provider-ha. Changes made here are undone by the next apply.
global_defs {
    router_id {{ spec.address }}
    vrrp_version 3
    vrrp_garp_master_delay 1
    vrrp_garp_master_refresh 30
    enable_script_security
    script_user root
}

vrrp_script api_server_is_up {
    script "/usr/bin/curl -sf -o /dev/null --max-time 2 http://127.0.0.1:{{ spec.health_port }}/readyz"
    interval 1
    timeout 3
    fall 2
    rise 2
    init_fail
}

vrrp_instance kube_api {
    state BACKUP
{% if !spec.preempt %}    nopreempt
{% endif %}    interface {{ spec.interface }}
    virtual_router_id {{ spec.virtual_router_id }}
    priority {{ spec.priority }}
    advert_int {{ advert_int }}
    unicast_src_ip {{ spec.address }}
    unicast_peer {
{% for peer in peers %}        {{ peer }}
{% endfor %}    }
    virtual_ipaddress {
        {{ spec.vip }}/{{ prefix_length }} dev {{ spec.interface }}
    }
    track_script {
        api_server_is_up
    }
}
"#
)]
struct Config<'a> {
    spec: &'a KeepalivedSpec,
    peers: Vec<IpAddr>,
    advert_int: String,
    prefix_length: u8,
}

/// Renders `keepalived.conf` for keepalived 2.0.20 or later (tried with 2.2.7).
///
/// A host whose HAProxy has no healthy API server cannot hold the VIP: a failed check is a FAULT. It never lowers
/// the priority instead (`weight`), because then the VIP stays where it is under `nopreempt`, and without
/// `nopreempt` on a host where nothing answers if that is so on all of them (both measured).
pub fn render_config(spec: &KeepalivedSpec) -> String {
    let config = Config {
        spec,
        peers: spec
            .peers
            .iter()
            .copied()
            .filter(|peer| *peer != spec.address)
            .collect(),
        advert_int: format!("{:.2}", spec.advert_int.as_secs_f64()),
        prefix_length: if spec.vip.is_ipv6() { 128 } else { 32 },
    };
    config.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> KeepalivedSpec {
        KeepalivedSpec {
            vip: "10.0.0.100".parse().unwrap(),
            interface: "eth0".to_owned(),
            virtual_router_id: 51,
            priority: 200,
            address: "10.0.0.11".parse().unwrap(),
            peers: ["10.0.0.11", "10.0.0.12", "10.0.0.13"]
                .map(|peer| peer.parse().unwrap())
                .to_vec(),
            preempt: false,
            advert_int: KeepalivedSpec::ADVERT_INT,
            health_port: 8404,
        }
    }

    #[test]
    fn renders_a_vip_that_stays_where_it_is() {
        insta::assert_snapshot!(render_config(&spec()));
    }

    #[test]
    fn renders_a_vip_that_moves_back() {
        insta::assert_snapshot!(render_config(&KeepalivedSpec {
            preempt: true,
            ..spec()
        }));
    }

    #[test]
    fn renders_ipv6() {
        let spec = KeepalivedSpec {
            vip: "fd00::100".parse().unwrap(),
            address: "fd00::11".parse().unwrap(),
            peers: vec!["fd00::12".parse().unwrap()],
            ..spec()
        };
        let text = render_config(&spec);
        assert!(text.contains("        fd00::100/128 dev eth0\n"), "{text}");
        assert!(text.contains("    unicast_src_ip fd00::11\n"), "{text}");
    }
}
