//! What the provider needs to know of a certificate: its pin, its end and its name.
use sha2::{Digest, Sha256};
use x509_parser::pem::parse_x509_pem;

/// The text holds no readable certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no X.509 certificate in PEM form: {reason}")]
pub struct CertificateError {
    reason: String,
}

/// The pin for `caCertHashes`: `sha256:` and the hash of the first certificate's `SubjectPublicKeyInfo` in DER.
pub fn ca_cert_hash(pem: &str) -> Result<String, CertificateError> {
    let (_, pem) = parse_x509_pem(pem.as_bytes()).map_err(unreadable)?;
    let certificate = pem.parse_x509().map_err(unreadable)?;
    Ok(format!(
        "sha256:{}",
        hex(&Sha256::digest(certificate.tbs_certificate.subject_pki.raw))
    ))
}

/// When the first certificate ends, as RFC 3339 in UTC, such as `2036-11-19T17:00:00Z`.
pub fn not_after(pem: &str) -> Result<String, CertificateError> {
    let (_, pem) = parse_x509_pem(pem.as_bytes()).map_err(unreadable)?;
    let certificate = pem.parse_x509().map_err(unreadable)?;
    let end = certificate.validity().not_after.to_datetime();
    Ok(format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        end.year(),
        u8::from(end.month()),
        end.day(),
        end.hour(),
        end.minute(),
        end.second()
    ))
}

/// The common name of the first certificate's subject, such as `system:node:m1`; none if it has none.
pub fn common_name(pem: &str) -> Result<Option<String>, CertificateError> {
    let (_, pem) = parse_x509_pem(pem.as_bytes()).map_err(unreadable)?;
    let certificate = pem.parse_x509().map_err(unreadable)?;
    let mut names = certificate.subject().iter_common_name();
    Ok(names.find_map(|name| name.as_str().ok().map(str::to_owned)))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn unreadable<E: std::fmt::Display>(error: x509_parser::nom::Err<E>) -> CertificateError {
    let reason = match error {
        x509_parser::nom::Err::Incomplete(_) => "it is cut short".to_owned(),
        x509_parser::nom::Err::Error(error) | x509_parser::nom::Err::Failure(error) => error.to_string(),
    };
    CertificateError { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with openssl; so were the two expected values.
    const CA: &str = "-----BEGIN CERTIFICATE-----
MIIBgDCCASWgAwIBAgIUMOBnO2HgbNTB8LQV8xEDjBiAwGswCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKa3ViZXJuZXRlczAeFw0yNjExMjIxNzI3MjlaFw0zNjExMTkx
NzI3MjlaMBUxEzARBgNVBAMMCmt1YmVybmV0ZXMwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASmIbUA2Z0pNTccBV8u5NMXFG0zs9KQIaO/x3SaJh/IXPlKQEOqV5yi
Uc1yahA0GM5bw9F4zyHzWMXSSmgz0j77o1MwUTAdBgNVHQ4EFgQUy6MyXrIcN03m
sqgQw0km46klI8swHwYDVR0jBBgwFoAUy6MyXrIcN03msqgQw0km46klI8swDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEAo2hnGF+mTH5hYRb6xl+K
BEQNXMKD0+oOXadnMj2p4AcCIQD5Ny5H+oBio8txl5XuFcDIQXIS1FuEQ5xey7NA
2xWZJw==
-----END CERTIFICATE-----
";

    #[test]
    fn the_pin_is_what_openssl_says() {
        assert_eq!(
            ca_cert_hash(CA).unwrap(),
            "sha256:0b5db59fa11bbe29754ccf720659e2d0f058c181546c3643a7b7469e92518d5b"
        );
    }

    #[test]
    fn the_end_is_what_openssl_says() {
        assert_eq!(not_after(CA).unwrap(), "2036-11-19T17:27:29Z");
    }

    #[test]
    fn refuses_what_is_no_certificate() {
        for text in [
            "",
            "hello",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            assert!(ca_cert_hash(text).is_err(), "{text:?}");
            assert!(not_after(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn reads_the_name() {
        assert_eq!(common_name(CA).unwrap().as_deref(), Some("kubernetes"));
        assert!(common_name("").is_err());
    }
}
