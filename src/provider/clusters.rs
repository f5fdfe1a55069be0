//! What one run knows of whole clusters, from whichever resource: what was told of each, and the version that it runs.
use super::{claims::Cluster, run_memory::lock, settings::SshModel, shared::Shared};
use crate::kubeadm::Version;

impl Shared {
    /// Whether this run has told nothing yet under this summary about the cluster at `endpoint`.
    pub(super) fn is_first_to_tell(
        &self,
        endpoint: &str,
        ssh: Option<&SshModel>,
        summary: &'static str,
    ) -> bool {
        self.peer_target("", ssh)
            .is_none_or(|way| lock(&self.memory().told).insert((Cluster::of(endpoint, &way), summary)))
    }

    /// Takes a note of the version that the cluster at `endpoint` runs.
    pub(super) fn note_running_version(&self, endpoint: &str, ssh: Option<&SshModel>, version: Version) {
        if let Some(way) = self.peer_target("", ssh) {
            lock(&self.memory().running_versions).insert(Cluster::of(endpoint, &way), version);
        }
    }

    /// The version that the cluster at `endpoint` runs, if a refresh of this run saw it.
    pub(super) fn running_version(&self, endpoint: &str, ssh: Option<&SshModel>) -> Option<Version> {
        let way = self.peer_target("", ssh)?;
        lock(&self.memory().running_versions)
            .get(&Cluster::of(endpoint, &way))
            .cloned()
    }
}
