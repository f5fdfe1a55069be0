//! Kubernetes versions, and which kubeadm may set up which Kubernetes.
use std::{fmt, str::FromStr};

/// An exact Kubernetes version, written `1.37.2` or `v1.37.2`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(semver::Version);

/// The text is not an exact version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a Kubernetes version: three numbers are needed, such as 1.37.2")]
pub struct VersionError {
    text: String,
}

impl Version {
    /// The second number: 37 of 1.37.2.
    pub fn minor(&self) -> u64 {
        self.0.minor
    }

    /// The form of image tags and of `kubernetesVersion`: `v1.37.2`.
    pub fn tag(&self) -> String {
        format!("v{}", self.0)
    }
}

impl From<semver::Version> for Version {
    fn from(version: semver::Version) -> Self {
        Self(version)
    }
}

impl AsRef<semver::Version> for Version {
    fn as_ref(&self) -> &semver::Version {
        &self.0
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let error = || VersionError {
            text: text.to_owned(),
        };
        let version =
            semver::Version::parse(text.strip_prefix('v').unwrap_or(text)).map_err(|_unhelpful| error())?;
        if version.major == 1 {
            Ok(Self(version))
        } else {
            Err(error())
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// This kubeadm cannot set up that Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "kubeadm {kubeadm} cannot set up Kubernetes {kubernetes}: it supports its own minor version and the one before"
)]
pub struct SkewError {
    /// What the host has.
    pub kubeadm: Version,
    /// What was asked for.
    pub kubernetes: Version,
}

/// A kubeadm of minor X sets up Kubernetes X or X−1 (`MinimumControlPlaneVersion` in its source).
pub fn check_skew(kubeadm: &Version, kubernetes: &Version) -> Result<(), SkewError> {
    let distance = kubeadm.minor().checked_sub(kubernetes.minor());
    if matches!(distance, Some(0 | 1)) {
        Ok(())
    } else {
        Err(SkewError {
            kubeadm: kubeadm.clone(),
            kubernetes: kubernetes.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn reads_both_spellings() {
        assert_eq!(version("v1.37.2"), version("1.37.2"));
        assert_eq!(version("1.37.2").tag(), "v1.37.2");
        assert_eq!(version("v1.37.2").to_string(), "1.37.2");
        assert_eq!(version("v1.37.0-rc.1").minor(), 37);
    }

    #[test]
    fn orders_by_number_not_by_letter() {
        assert!(version("1.9.10") < version("1.10.2"));
        assert!(version("1.37.0-rc.1") < version("1.37.0"));
    }

    #[test]
    fn refuses_what_is_not_exact() {
        for text in ["1.37", "latest", "", "vv1.37.2", "2.0.0", "1.37.2 "] {
            let error = text.parse::<Version>().unwrap_err();
            assert!(error.to_string().contains("1.37.2"), "{text}: {error}");
        }
    }

    #[test]
    fn kubeadm_sets_up_its_own_minor_and_the_one_before() {
        let kubeadm = version("1.37.2");
        for (kubernetes, fits) in [
            ("1.38.0", false),
            ("1.37.9", true),
            ("1.36.0", true),
            ("1.35.4", false),
        ] {
            assert_eq!(
                check_skew(&kubeadm, &version(kubernetes)).is_ok(),
                fits,
                "{kubernetes}"
            );
        }
    }
}
