//! What one run knows of whole clusters, from whichever resource: what was told of each, and the settings that it runs with.
use super::{claims::Cluster, run_memory::lock, settings::SshModel, shared::Shared};
use crate::kubeadm::ClusterSpec;

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

    /// Takes a note of the settings that the cluster at `endpoint` runs with.
    pub(super) fn note_running(&self, endpoint: &str, ssh: Option<&SshModel>, running: ClusterSpec) {
        if let Some(way) = self.peer_target("", ssh) {
            lock(&self.memory().running).insert(Cluster::of(endpoint, &way), running);
        }
    }

    /// The settings that the cluster at `endpoint` runs with, if a refresh of this run saw them.
    pub(super) fn running(&self, endpoint: &str, ssh: Option<&SshModel>) -> Option<ClusterSpec> {
        let way = self.peer_target("", ssh)?;
        lock(&self.memory().running)
            .get(&Cluster::of(endpoint, &way))
            .cloned()
    }
}
