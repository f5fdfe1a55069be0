//! The refusal of a removal that would cost etcd its quorum, as people read it.
use std::collections::BTreeSet;

use super::membership::Health;
use crate::{etcd, lifecycle::failure::Failure};

/// The failure for a removal that would cost etcd its quorum, with names and numbers.
pub(crate) fn removal_refused(refusal: &etcd::Refusal, health: &Health, leaving: &str) -> Failure {
    let voters = health.voters();
    let silent: BTreeSet<u64> = voters.difference(&health.healthy).copied().collect();
    let detail = format!(
        "{refusal}. Voters: {}. Healthy: {}. Not healthy: {}. To leave: {leaving}.",
        health.names(&voters),
        health.names(&health.healthy),
        health.names(&silent),
    );
    Failure::new("Removal would cost etcd its quorum", detail).advise(
        "Bring the unhealthy masters back, or destroy those first: their removal is allowed. A destroy of the whole cluster is not stopped by this.",
    )
}
