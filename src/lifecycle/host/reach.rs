//! Whether a host answers before it is to be changed for the last time.
use std::time::Duration;

use crate::lifecycle::{engine::Run, failure::Failure, spec::IfUnreachable};

/// How long a host may refuse connections or break them, as while it boots, before it counts as unreachable.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether a connection could be made.
#[derive(Debug)]
pub(crate) enum Reached {
    /// It could.
    Yes,
    /// And what was seen instead.
    No(String),
}

/// Tries to reach the host. Only what says that nothing answers at the host's own address counts as unreachable: not a
/// key that is refused, a changed host key, or a bastion that is down.
pub(crate) async fn reach_for_removal(run: &Run, policy: IfUnreachable) -> Result<Reached, Failure> {
    let Err(error) = run.host.wait_until_reachable(PATIENCE, &run.cancel).await else {
        return Ok(Reached::Yes);
    };
    let is_silent = error.is_host_silent();
    let failure = Failure::from(error);
    match policy {
        _ if !is_silent => Err(failure),
        IfUnreachable::Fail => Err(failure.advise("Nothing was changed. Bring the host up, or apply if_unreachable = \"clean_cluster\" (cleans the cluster of it through another master) or \"forget\" first; that touches no host.")),
        IfUnreachable::CleanCluster | IfUnreachable::Forget => Ok(Reached::No(failure.detail)),
    }
}
