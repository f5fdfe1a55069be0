//! What differs between the versions of kubeadm's configuration API: how flags are written, and what is a field.
use std::collections::BTreeMap;

use serde::Serialize;

/// A version of `kubeadm.k8s.io` as the documents are written in it.
pub(super) trait ConfigApi {
    /// With its group.
    const API_VERSION: &'static str;
    /// Whether skipped phases and patches are fields; else they exist as flags of the commands only.
    const HAS_PHASES_AND_PATCHES: bool;
    /// Flags of components.
    type Args: ExtraArgs;
}

/// kubeadm 1.15 to 1.21.
#[derive(Debug)]
pub(super) struct V1beta2;

impl ConfigApi for V1beta2 {
    const API_VERSION: &'static str = "kubeadm.k8s.io/v1beta2";
    const HAS_PHASES_AND_PATCHES: bool = false;
    type Args = BTreeMap<String, String>;
}

/// kubeadm 1.22 to 1.30.
#[derive(Debug)]
pub(super) struct V1beta3;

impl ConfigApi for V1beta3 {
    const API_VERSION: &'static str = "kubeadm.k8s.io/v1beta3";
    const HAS_PHASES_AND_PATCHES: bool = true;
    type Args = BTreeMap<String, String>;
}

/// kubeadm 1.31 and later.
#[derive(Debug)]
pub(super) struct V1beta4;

impl ConfigApi for V1beta4 {
    const API_VERSION: &'static str = "kubeadm.k8s.io/v1beta4";
    const HAS_PHASES_AND_PATCHES: bool = true;
    type Args = Vec<Arg>;
}

/// Flags of a component: a map up to `v1beta3`, a list since.
pub(super) trait ExtraArgs: Serialize + Sized {
    fn from_map(args: &BTreeMap<String, String>) -> Option<Self>;
}

impl ExtraArgs for BTreeMap<String, String> {
    fn from_map(args: &BTreeMap<String, String>) -> Option<Self> {
        (!args.is_empty()).then(|| args.clone())
    }
}

/// An element of that list.
#[derive(Debug, Serialize)]
pub(super) struct Arg {
    name: String,
    value: String,
}

impl ExtraArgs for Vec<Arg> {
    fn from_map(args: &BTreeMap<String, String>) -> Option<Self> {
        let list = args.iter().map(|(name, value)| Arg {
            name: name.clone(),
            value: value.clone(),
        });
        (!args.is_empty()).then(|| list.collect())
    }
}
