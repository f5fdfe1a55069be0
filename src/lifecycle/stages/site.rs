//! Where the cluster's lock lies.
use crate::{
    lifecycle::{
        engine::Run,
        failure::Failure,
        lock::{Lock, Locks},
    },
    remote::Host,
};

/// Which lock is the cluster's: its name, and the hosts that it is taken on.
#[derive(Debug)]
pub(crate) struct Site<'a> {
    /// The locks of this process.
    pub(crate) locks: &'a Locks,
    /// The cluster's control-plane endpoint.
    pub(crate) endpoint: String,
    /// Every host that may have the cluster.
    pub(crate) hosts: Vec<Host>,
}

impl Site<'_> {
    pub(super) async fn lock(&self, run: &Run) -> Result<Lock, Failure> {
        self.locks.lock(run, &self.endpoint, &self.hosts).await
    }
}
