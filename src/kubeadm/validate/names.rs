//! Names, versions, endpoints, labels and taints: each check gives one sentence that says what is wrong.
use super::super::{ApiVersion, Endpoint, Taint, Version, names::is_dns_subdomain};
use crate::node::address::parse_address;

/// An exact version that some supported kubeadm has.
pub fn validate_version(text: &str) -> Result<(), String> {
    let version: Version = text.parse().map_err(shown)?;
    let build = &version.as_ref().build;
    if !build.is_empty() {
        return Err(format!(
            "{text:?} names a build (+{build}): kubeadm sets up releases of Kubernetes, whose images have no such tag. Write it without"
        ));
    }
    ApiVersion::for_kubeadm(&version).map(drop).map_err(shown)
}

/// `host:port`.
pub fn validate_endpoint(text: &str) -> Result<(), String> {
    if let Some((scheme, rest)) = text.split_once("://") {
        return Err(format!(
            "{text:?} must be written without {scheme}://, as {:?}",
            rest.trim_end_matches('/')
        ));
    }
    text.parse::<Endpoint>().map(drop).map_err(shown)
}

/// `key=value:Effect`.
pub fn validate_taint(text: &str) -> Result<(), String> {
    text.parse::<Taint>().map(drop).map_err(shown)
}

/// A Node's name: RFC 1123 labels of lower-case letters, digits and dashes, joined by dots. At most 63 characters, as it
/// is the value of a label too.
pub fn validate_node_name(text: &str) -> Result<(), String> {
    if is_dns_subdomain(text) && text.len() <= 63 {
        Ok(())
    } else {
        Err(format!(
            "{text:?} cannot be the name of a node: only lower-case letters, digits, '-' and '.' are allowed, \
             each part beginning and ending with a letter or digit, at most 63 characters"
        ))
    }
}

/// kubeadm's `clusterName`, which goes into kubeconfigs. kubeadm takes any text; this is what every reader of them takes.
pub fn validate_cluster_name(text: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric();
    let is_plain = text.len() <= 253
        && text.starts_with(plain)
        && text.ends_with(plain)
        && text.chars().all(|c| plain(c) || "-_.".contains(c));
    if is_plain {
        Ok(())
    } else {
        Err(format!(
            "{text:?} cannot be the name of a cluster: letters, digits, '-', '_' and '.' are allowed, beginning and ending \
             with a letter or digit, at most 253 characters"
        ))
    }
}

/// The cluster's DNS domain.
pub fn validate_dns_domain(text: &str) -> Result<(), String> {
    if is_dns_subdomain(text) {
        return Ok(());
    }
    let hint = if is_dns_subdomain(&text.to_lowercase()) {
        format!(". Write {:?}", text.to_lowercase())
    } else {
        String::new()
    };
    Err(format!(
        "{text:?} is not a DNS domain, such as cluster.local: only lower-case letters, digits, '-' and '.' are allowed, \
         each part beginning and ending with a letter or digit{hint}"
    ))
}

/// A name or address for the API server's certificate: a DNS name, `*.` before one, or an IP address. kubeadm makes small
/// letters of capital ones (`LowercaseSANs` in its source).
pub fn validate_cert_san(text: &str) -> Result<(), String> {
    let name = text.strip_prefix("*.").unwrap_or(text).to_lowercase();
    if is_dns_subdomain(&name) || parse_address(text).is_some() {
        return Ok(());
    }
    let why = if text.is_empty() {
        "it is empty".to_owned()
    } else if text.contains("://") {
        "a scheme does not belong into it".to_owned()
    } else if text.contains('/') {
        "a network or path does not belong into it".to_owned()
    } else if text.contains(',') {
        "each name is an element of its own".to_owned()
    } else if text.contains(':') {
        "a port does not belong into it".to_owned()
    } else {
        "a DNS name has letters, digits, '-' and '.' only".to_owned()
    };
    Err(format!(
        "{text:?} is neither an IP address nor a DNS name, such as k8s.example.net or *.example.net: {why}"
    ))
}

/// `sha256:` and the hash of the CA's public key, as `kubeadm join --discovery-token-ca-cert-hash` takes it.
pub fn validate_ca_cert_hash(text: &str) -> Result<(), String> {
    let is_hash = text
        .strip_prefix("sha256:")
        .is_some_and(|hash| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if is_hash {
        Ok(())
    } else {
        Err(format!(
            "{text:?} is not the hash of a CA: sha256: and 64 hexadecimal digits are needed"
        ))
    }
}

fn shown<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_names_are_dns_names() {
        for text in ["m1", "m-1.example.net", "a", "0", &"a".repeat(63)] {
            assert!(validate_node_name(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "M1",
            "m_1",
            "-m",
            "m-",
            "a..b",
            ".a",
            "ä",
            "a b",
            &"a".repeat(64),
            &"a.".repeat(32).replace("a.", "aa."),
        ] {
            assert!(validate_node_name(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_version_must_be_one_that_can_be_set_up() {
        assert!(validate_version("1.37.2").is_ok());
        assert!(validate_version("1.14.0").unwrap_err().contains("too old"));
        assert!(validate_version("1.37").is_err());
    }

    #[test]
    fn a_build_is_no_release() {
        assert!(validate_version("1.37.2+k3s1").unwrap_err().contains("+k3s1"));
        assert!(validate_version("1.37.0-rc.1").is_ok());
    }

    #[test]
    fn clusters_may_have_capital_letters() {
        for text in ["Prod", "prod-1.example", "a_b"] {
            assert_eq!(validate_cluster_name(text), Ok(()), "{text}");
        }
        for text in ["", "a b", "-a", "a/b", &"a".repeat(254)] {
            assert!(validate_cluster_name(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_certificate_names_hosts_and_addresses() {
        for text in [
            "k8s.example.net",
            "*.example.net",
            "10.0.0.1",
            "fd00::1",
            "localhost",
            "K8s.example.net",
        ] {
            assert_eq!(validate_cert_san(text), Ok(()), "{text}");
        }
        for text in [
            "",
            "api_server",
            "https://k8s",
            "10.0.0.0/24",
            "node1,",
            "a b",
            "*",
            "a:1",
            "*.*.a",
        ] {
            assert!(validate_cert_san(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_hash_is_whole() {
        assert!(validate_ca_cert_hash(&format!("sha256:{}", "0a".repeat(32))).is_ok());
        for text in [
            "",
            "not-a-hash",
            "sha256:0",
            &format!("sha256:{}", "x".repeat(64)),
            &"0".repeat(64),
        ] {
            assert!(validate_ca_cert_hash(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_endpoint_has_no_scheme() {
        let error = validate_endpoint("https://10.0.0.100:8443/").unwrap_err();
        assert!(error.ends_with("as \"10.0.0.100:8443\""), "{error}");
    }
}
