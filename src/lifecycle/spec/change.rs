//! What changes of a node in place.
use std::collections::BTreeMap;

use crate::{kubeadm::Taint, node::files::File, remote::Host};

/// What changes.
#[derive(Clone, Debug)]
pub(crate) struct NodeChange {
    /// The Node's name.
    pub name: String,
    /// Where masters are found; a master itself may be among them.
    pub masters: Vec<Host>,
    /// Labels to set, or with `None` to remove.
    pub labels: BTreeMap<String, Option<String>>,
    /// Annotations to set, or with `None` to remove.
    pub annotations: BTreeMap<String, Option<String>>,
    /// All taints, if they are managed.
    pub taints: Option<Vec<Taint>>,
    /// Files to have on the host.
    pub files: Vec<File>,
}
