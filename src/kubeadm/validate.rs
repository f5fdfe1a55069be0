//! Checks of single values, for attributes: each gives one sentence that says what is wrong.
use ipnet::IpNet;

use super::{ApiVersion, Endpoint, Taint, Version};

/// An exact version that some supported kubeadm has.
pub fn validate_version(text: &str) -> Result<(), String> {
    let version: Version = text.parse().map_err(shown)?;
    ApiVersion::for_kubeadm(&version).map(drop).map_err(shown)
}

/// `host:port`.
pub fn validate_endpoint(text: &str) -> Result<(), String> {
    text.parse::<Endpoint>().map(drop).map_err(shown)
}

/// `key=value:Effect`.
pub fn validate_taint(text: &str) -> Result<(), String> {
    text.parse::<Taint>().map(drop).map_err(shown)
}

/// A network in CIDR notation without host bits, such as `10.244.0.0/16`.
pub fn validate_cidr(text: &str) -> Result<(), String> {
    let net: IpNet = text
        .parse()
        .map_err(|_unhelpful| format!("{text:?} is not a network in CIDR notation, such as 10.244.0.0/16"))?;
    if net == net.trunc() {
        Ok(())
    } else {
        Err(format!(
            "{text:?} has bits beyond its prefix: the network is {}",
            net.trunc()
        ))
    }
}

/// Networks with the names of their attributes; no two may share an address.
pub fn validate_disjoint(networks: &[(&str, IpNet)]) -> Result<(), String> {
    for (index, (name, net)) in networks.iter().enumerate() {
        for (other_name, other) in networks.iter().skip(index + 1) {
            if net.contains(other) || other.contains(net) {
                return Err(format!("{name} {net} and {other_name} {other} overlap"));
            }
        }
    }
    Ok(())
}

/// A Node's name: RFC 1123 labels of lower-case letters, digits and dashes, joined by dots.
pub fn validate_node_name(text: &str) -> Result<(), String> {
    if is_dns_subdomain(text) {
        Ok(())
    } else {
        Err(format!(
            "{text:?} cannot be the name of a node: only lower-case letters, digits, '-' and '.' are allowed, \
             each part beginning and ending with a letter or digit, at most 253 characters"
        ))
    }
}

/// `name` or `prefix/name`.
pub fn validate_label_key(text: &str) -> Result<(), String> {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    if !prefix.is_none_or(is_dns_subdomain) {
        return Err(format!(
            "{text:?} is not a label key: the part before '/' must be a DNS name"
        ));
    }
    if name.is_empty() || !is_qualified(name) {
        return Err(format!(
            "{text:?} is not a label key: a name has 1 to 63 letters, digits, '-', '_' or '.', \
             and begins and ends with a letter or digit"
        ));
    }
    Ok(())
}

/// At most 63 characters, may be empty.
pub fn validate_label_value(text: &str) -> Result<(), String> {
    if text.is_empty() || is_qualified(text) {
        Ok(())
    } else {
        Err(format!(
            "{text:?} is not a label value: at most 63 letters, digits, '-', '_' or '.' are allowed, \
             beginning and ending with a letter or digit"
        ))
    }
}

/// One RFC 1123 label.
pub(super) fn is_dns_label(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= 63
        && text.starts_with(plain)
        && text.ends_with(plain)
        && text.chars().all(|c| plain(c) || c == '-')
}

fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_label)
}

fn is_qualified(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric();
    text.len() <= 63
        && text.starts_with(plain)
        && text.ends_with(plain)
        && text.chars().all(|c| plain(c) || "-_.".contains(c))
}

#[expect(clippy::needless_pass_by_value, reason = "fits map_err")]
fn shown<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disjoint(nets: &[&str]) -> Result<(), String> {
        let nets: Vec<_> = nets.iter().map(|net| ("subnet", net.parse().unwrap())).collect();
        validate_disjoint(&nets)
    }

    #[test]
    fn overlapping_networks_are_named() {
        let networks = [
            ("pod_subnet", "10.96.0.0/11".parse().unwrap()),
            ("service_subnet", "10.100.0.0/16".parse().unwrap()),
        ];
        assert_eq!(
            validate_disjoint(&networks).unwrap_err(),
            "pod_subnet 10.96.0.0/11 and service_subnet 10.100.0.0/16 overlap"
        );
        assert!(disjoint(&["10.0.0.0/16", "10.1.0.0/16", "fd00::/64"]).is_ok());
        assert!(disjoint(&["10.0.0.0/16", "10.1.0.0/16", "10.0.0.0/8"]).is_err());
    }

    #[test]
    fn a_network_has_no_host_bits() {
        assert!(validate_cidr("10.244.0.0/16").is_ok());
        assert!(validate_cidr("fd00:10::/56").is_ok());
        assert!(
            validate_cidr("10.244.0.1/16")
                .unwrap_err()
                .contains("10.244.0.0/16")
        );
        for text in ["10.244.0.0", "10.244.0.0/33", "x"] {
            assert!(validate_cidr(text).is_err(), "{text}");
        }
    }

    #[test]
    fn node_names_are_dns_names() {
        for text in ["m1", "m1.example.net", "0", &"a".repeat(63)] {
            assert!(validate_node_name(text).is_ok(), "{text}");
        }
        for text in ["", "M1", "m_1", "-m", "m-", "a..b", "a b", &"a".repeat(64)] {
            assert!(validate_node_name(text).is_err(), "{text}");
        }
    }

    #[test]
    fn label_keys_may_have_a_prefix() {
        for text in ["a", "node-role.kubernetes.io/worker", "A_b.c"] {
            assert!(validate_label_key(text).is_ok(), "{text}");
        }
        for text in ["", "/a", "a/", "a/b/c", "_a", "Example.net/a", &"a".repeat(64)] {
            assert!(validate_label_key(text).is_err(), "{text}");
        }
    }

    #[test]
    fn label_values_may_be_empty() {
        for text in ["", "a", "A_b.c-1"] {
            assert!(validate_label_value(text).is_ok(), "{text}");
        }
        for text in ["a/b", "-a", "a b", &"a".repeat(64)] {
            assert!(validate_label_value(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_version_must_be_one_that_can_be_set_up() {
        assert!(validate_version("1.37.2").is_ok());
        assert!(validate_version("1.14.0").unwrap_err().contains("too old"));
        assert!(validate_version("1.37").is_err());
    }
}
