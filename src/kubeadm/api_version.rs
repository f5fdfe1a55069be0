//! Which configuration API a kubeadm speaks.
use super::Version;

/// A version of `kubeadm.k8s.io` that this crate writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiVersion {
    /// kubeadm 1.15 to 1.21.
    V1beta2,
    /// kubeadm 1.22 to 1.30.
    V1beta3,
    /// kubeadm 1.31 and later; the only one that 1.37 accepts.
    V1beta4,
}

/// No configuration can be written for this kubeadm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("kubeadm {kubeadm} is too old: 1.15 or later is needed")]
pub struct UnsupportedVersion {
    /// What the host has.
    pub kubeadm: Version,
}

impl ApiVersion {
    /// The API that this kubeadm itself writes by default (`validateSupportedVersion` in its source).
    pub fn for_kubeadm(kubeadm: &Version) -> Result<Self, UnsupportedVersion> {
        match kubeadm.minor() {
            ..15 => Err(UnsupportedVersion {
                kubeadm: kubeadm.clone(),
            }),
            15..22 => Ok(Self::V1beta2),
            22..31 => Ok(Self::V1beta3),
            31.. => Ok(Self::V1beta4),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_minor() {
        let of = |text: &str| ApiVersion::for_kubeadm(&text.parse().unwrap()).ok();
        assert_eq!(of("1.14.9"), None);
        assert_eq!(of("1.15.0"), Some(ApiVersion::V1beta2));
        assert_eq!(of("1.21.14"), Some(ApiVersion::V1beta2));
        assert_eq!(of("1.22.0"), Some(ApiVersion::V1beta3));
        assert_eq!(of("1.30.14"), Some(ApiVersion::V1beta3));
        assert_eq!(of("1.31.0"), Some(ApiVersion::V1beta4));
        assert_eq!(of("1.37.2"), Some(ApiVersion::V1beta4));
    }
}
