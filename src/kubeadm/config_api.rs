//! What differs between the versions of kubeadm's configuration API: how flags are written, and what is a field.
use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, SeqAccess, Visitor},
};

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
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Arg {
    name: String,
    #[serde(default)]
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

/// Flags as any version writes them, for reading.
#[derive(Debug, Default)]
pub(super) struct AnyArgs(pub(super) BTreeMap<String, String>);

impl<'de> Deserialize<'de> for AnyArgs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ArgsVisitor)
    }
}

struct ArgsVisitor;

impl<'de> Visitor<'de> for ArgsVisitor {
    type Value = AnyArgs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("flags as a map, or as a list of names and values")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<AnyArgs, M::Error> {
        let mut args = BTreeMap::new();
        while let Some((name, value)) = map.next_entry()? {
            args.insert(name, value);
        }
        Ok(AnyArgs(args))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<AnyArgs, S::Error> {
        let mut args = BTreeMap::new();
        while let Some(Arg { name, value }) = list.next_element()? {
            args.insert(name, value);
        }
        Ok(AnyArgs(args))
    }
}
