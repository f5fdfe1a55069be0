//! The control plane's address as all nodes and users see it.
use std::{fmt, net::IpAddr, net::Ipv6Addr, str::FromStr};

use super::ports::API_SERVER_PORT;

/// `host:port`, where the host is an IP address or a DNS name. IPv6 stands in brackets, the port is required.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// A DNS name or an IP address, without brackets.
    pub host: String,
    /// Where `HAProxy` listens; never 0.
    pub port: u16,
}

/// The text is no endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// For example `10.0.0.100`.
    #[error("{0:?} has no port: write host:port, such as 10.0.0.100:8443")]
    NoPort(String),
    /// For example `10.0.0.100:https`.
    #[error("{0:?} has no valid port: it must be a number from 1 to 65535")]
    BadPort(String),
    /// For example `fd00::1:8443`, where nobody can tell the port from the address.
    #[error("{0:?} is an IPv6 address without brackets: write [address]:port")]
    NoBrackets(String),
    /// For example `https://example.net:8443` or `_:1`.
    #[error("{0:?} does not begin with an IP address or a DNS name")]
    BadHost(String),
}

impl Endpoint {
    /// The API server's own port, as seen on its host.
    pub fn local_api_server() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: API_SERVER_PORT,
        }
    }

    /// The host as an address, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let own = || text.to_owned();
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (host, rest) = rest
                .split_once(']')
                .ok_or_else(|| EndpointError::BadHost(own()))?;
            if host.parse::<Ipv6Addr>().is_err() {
                return Err(EndpointError::BadHost(own()));
            }
            (
                host,
                rest.strip_prefix(':')
                    .ok_or_else(|| EndpointError::NoPort(own()))?,
            )
        } else if text.matches(':').count() > 1 && !text.contains('/') {
            return Err(EndpointError::NoBrackets(own()));
        } else if text.contains('/') {
            return Err(EndpointError::BadHost(own()));
        } else {
            let (host, port) = text.split_once(':').ok_or_else(|| EndpointError::NoPort(own()))?;
            if !is_dns_name(host) {
                return Err(EndpointError::BadHost(own()));
            }
            (host, port)
        };
        match port.parse::<u16>() {
            Ok(port) if port > 0 => Ok(Self {
                host: host.to_owned(),
                port,
            }),
            _ => Err(EndpointError::BadPort(own())),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

fn is_dns_name(text: &str) -> bool {
    let all_digits = text.chars().all(|c| c.is_ascii_digit() || c == '.');
    if all_digits {
        return text.parse::<IpAddr>().is_ok();
    }
    text.len() <= 253 && text.split('.').all(super::names::is_dns_label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error(text: &str) -> EndpointError {
        text.parse::<Endpoint>().unwrap_err()
    }

    #[test]
    fn reads_addresses_and_names() {
        for text in ["10.0.0.100:8443", "api.example.net:6443", "[fd00::100]:8443"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
        assert_eq!("[fd00::1]:1".parse::<Endpoint>().unwrap().host, "fd00::1");
    }

    #[test]
    fn says_what_is_wrong() {
        assert!(matches!(error("10.0.0.100"), EndpointError::NoPort(_)));
        assert!(matches!(error("[fd00::1]"), EndpointError::NoPort(_)));
        assert!(matches!(error("fd00::1:8443"), EndpointError::NoBrackets(_)));
        assert!(matches!(error("a:0"), EndpointError::BadPort(_)));
        assert!(matches!(error("a:65536"), EndpointError::BadPort(_)));
        assert!(matches!(error("a:"), EndpointError::BadPort(_)));
        for text in [
            ":8443",
            "[10.0.0.1]:8443",
            "https://a:8443",
            "10.0.0.300:8443",
            "a_b:1",
            "UP:1",
        ] {
            assert!(matches!(error(text), EndpointError::BadHost(_)), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_can_be_read(address: IpAddr, port in 1u16..) {
            let endpoint = Endpoint { host: address.to_string(), port };
            prop_assert_eq!(endpoint.to_string().parse::<Endpoint>().unwrap(), endpoint);
        }
    }
}
