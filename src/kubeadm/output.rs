//! What kubeadm answers.
use super::{Version, VersionError};

/// A failed preflight check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreflightError {
    /// What `ignore_preflight_errors` calls it, such as `NumCPU`.
    pub name: String,
    /// What kubeadm says, possibly more than one line.
    pub text: String,
}

/// Reads the output of `kubeadm version -o short`.
pub fn parse_version(stdout: &str) -> Result<Version, VersionError> {
    stdout.trim().parse()
}

/// The preflight errors in kubeadm's output, in its order.
pub fn preflight_errors(output: &str) -> Vec<PreflightError> {
    todo!("{output}")
}

/// What to do about a well-known failure.
pub fn explain(output: &str) -> Option<&'static str> {
    todo!("{output}")
}
