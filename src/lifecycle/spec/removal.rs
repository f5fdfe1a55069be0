//! What is wanted of a removal.
use std::net::IpAddr;

use crate::{
    etcd::{Member, member_at},
    remote::Host,
};

/// What becomes of a removal when its host does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum IfUnreachable {
    /// The cluster is cleaned of it through a master that answers.
    #[default]
    CleanCluster,
    /// The removal fails.
    Fail,
    /// Nothing is cleaned.
    Forget,
}

impl IfUnreachable {
    /// The words of the configuration, the default first.
    pub(crate) const WORDS: [&str; 3] = ["clean_cluster", "fail", "forget"];

    /// Reads one of [`Self::WORDS`]; what is not set is the default.
    pub(crate) fn of(word: Option<&str>) -> Self {
        match word {
            Some("fail") => Self::Fail,
            Some("forget") => Self::Forget,
            _ => Self::CleanCluster,
        }
    }
}

/// The node to remove, as the state knows it.
#[derive(Clone, Debug)]
pub(crate) struct RemovalSpec {
    /// The Node's name.
    pub node_name: String,
    /// The cluster's endpoint: the lock's name.
    pub endpoint: String,
    /// Address of its etcd member; none for a worker.
    pub advertise_address: Option<IpAddr>,
    /// Hash of its cluster's CA, so that nothing is removed from another cluster.
    pub ca_cert_hash: String,
    /// Where other masters are looked for; the node itself may be among them.
    pub masters: Vec<Host>,
    /// The runtime's socket.
    pub cri_socket: String,
    /// What happens if the host does not answer.
    pub if_unreachable: IfUnreachable,
}

impl RemovalSpec {
    /// The node's member, if it has one.
    pub(crate) fn member_in<'a>(&self, members: &'a [Member]) -> Option<&'a Member> {
        member_at(members, self.advertise_address?)
    }
}
