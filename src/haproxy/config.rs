//! The text of `haproxy.cfg`.
use std::{collections::BTreeMap, fmt::Write as _, net::IpAddr};

use askama::Template;

use crate::kubeadm::API_SERVER_PORT;

/// One HAProxy in front of the API servers of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaproxySpec {
    /// The port that clients connect to.
    pub port: u16,
    /// Address (IP or DNS name, no port) of each API server by name.
    pub backends: BTreeMap<String, String>,
    /// The API servers' own port; 6443 unless told.
    pub backend_port: u16,
    /// The container image.
    pub image: String,
    /// Connections at once. HAProxy ends at start when twice as many files cannot be opened.
    pub maxconn: u32,
    /// The loopback port of `/livez` (HAProxy runs) and `/readyz` (and an API server is up).
    pub health_port: u16,
}

impl HaproxySpec {
    /// The image unless told: the long-term release that is current in 2026.
    pub const IMAGE: &str = "docker.io/library/haproxy:3.2-alpine";
    /// Connections at once unless told.
    pub const MAXCONN: u32 = 4000;
    /// The loopback health port unless told.
    pub const HEALTH_PORT: u16 = 8404;
    /// The API servers' port unless told.
    pub const BACKEND_PORT: u16 = API_SERVER_PORT;

    /// A spec with the defaults.
    pub fn new(port: u16, backends: BTreeMap<String, String>) -> Self {
        Self {
            port,
            backends,
            backend_port: Self::BACKEND_PORT,
            image: Self::IMAGE.to_owned(),
            maxconn: Self::MAXCONN,
            health_port: Self::HEALTH_PORT,
        }
    }
}

// The times are measured: with them 3 to 5 of 240 new connections fail when the VIP's holder loses power.
#[derive(Template)]
#[template(
    ext = "txt",
    escape = "none",
    source = "\
# Written by terraform-provider-ha. Changes made here are undone by the next apply.
global
    log stdout format raw local0 notice
    maxconn {{ maxconn }}
    # After a reload, sessions of before it have so long; the pod's own end waits less.
    hard-stop-after 5m

defaults
    log global
    mode tcp
    option dontlognull
    option redispatch 1
    option tcpka
    retries 3
    timeout connect 500ms
    timeout queue 20s
    timeout client 1m
    timeout server 1m
    # Watches, exec, logs -f and port-forward are quiet for long.
    timeout tunnel 4h
    timeout client-fin 30s
    timeout server-fin 30s
    timeout check 3s

frontend kube_apiserver
    bind {{ bind }}:{{ port }}{{ bind_options }}
    option tcplog
    default_backend kube_apiserver

backend kube_apiserver
    balance leastconn
    option httpchk
    http-check connect ssl sni kubernetes
    http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host kubernetes
    # 401: an API server without anonymous authentication is up, it only does not say more.
    http-check expect rstatus ^(200|401)$
    default-server inter 1s fastinter 250ms downinter 500ms rise 2 fall 2 on-marked-down shutdown-sessions init-addr last,libc,none
{% for server in servers %}    server {{ server.0 }} {{ server.1 }}:{{ backend_port }} check verify none
{% endfor %}
frontend health
    bind 127.0.0.1:{{ health_port }}
    mode http
    timeout http-request 5s
    monitor-uri /livez
    http-request return status 503 content-type text/plain string \"no API server is up\" if { path /readyz } { nbsrv(kube_apiserver) lt 1 }
    http-request return status 200 content-type text/plain string \"ok\" if { path /readyz }
    http-request deny status 404
"
)]
struct Config {
    maxconn: u32,
    bind: &'static str,
    bind_options: &'static str,
    port: u16,
    servers: Vec<(String, String)>,
    backend_port: u16,
    health_port: u16,
}

/// Renders `haproxy.cfg`. HAProxy 2.2 or later reads it.
///
/// It listens on IPv6 too as soon as one backend has an IPv6 address.
pub fn render_config(spec: &HaproxySpec) -> String {
    let ipv6 = spec.backends.values().any(|address| is_ipv6(address));
    let config = Config {
        maxconn: spec.maxconn,
        bind: if ipv6 { "[::]" } else { "*" },
        bind_options: if ipv6 { " v4v6" } else { "" },
        port: spec.port,
        servers: spec
            .backends
            .iter()
            .map(|(name, address)| (server_name(name), server_address(address)))
            .collect(),
        backend_port: spec.backend_port,
        health_port: spec.health_port,
    };
    config.to_string()
}

fn is_ipv6(address: &str) -> bool {
    matches!(address.parse(), Ok(IpAddr::V6(_)))
}

fn server_address(address: &str) -> String {
    if is_ipv6(address) {
        format!("[{address}]")
    } else {
        address.to_owned()
    }
}

/// HAProxy takes ASCII letters, digits and `-_.:` in a name; any other byte becomes `_` and its hex digits.
fn server_name(name: &str) -> String {
    name.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            text.push(char::from(byte));
        } else {
            write!(text, "_{byte:02x}").unwrap_or_default();
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(backends: &[(&str, &str)]) -> HaproxySpec {
        let owned = |(name, address): &(&str, &str)| ((*name).to_owned(), (*address).to_owned());
        HaproxySpec::new(8443, backends.iter().map(owned).collect())
    }

    #[test]
    fn renders_three_masters() {
        let masters = spec(&[("m1", "10.0.0.11"), ("m2", "10.0.0.12"), ("m3", "10.0.0.13")]);
        insta::assert_snapshot!(render_config(&masters));
    }

    #[test]
    fn listens_on_both_families_for_ipv6_backends() {
        let text = render_config(&spec(&[("m1", "fd00::11"), ("m2", "master.example.net")]));
        assert!(text.contains("\n    bind [::]:8443 v4v6\n"), "{text}");
        assert!(
            text.contains("\n    server m1 [fd00::11]:6443 check verify none\n"),
            "{text}"
        );
        assert!(
            text.contains("\n    server m2 master.example.net:6443 check verify none\n"),
            "{text}"
        );
    }

    #[test]
    fn a_server_name_holds_no_character_that_haproxy_refuses() {
        assert_eq!(server_name("rack 1/m-1.ä"), "rack_201_2fm-1._c3_a4");
    }
}
