//! All the connections of one run of the provider: one per target.
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Host, Target, Transport, openssh::OpenSsh, ssh_master::Workspace};

/// Gives hosts for targets; equal targets share one connection, made when the first script runs.
#[derive(Clone)]
pub struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    hosts: Mutex<HashMap<Target, Host>>,
    workspace: Arc<Workspace>,
    factory: Box<Factory>,
}

type Factory = dyn Fn(&Target) -> Arc<dyn Transport> + Send + Sync;

impl Pool {
    /// A pool that reaches its hosts with ssh.
    pub fn new() -> Self {
        let workspace = Arc::<Workspace>::default();
        let of_factory = Arc::clone(&workspace);
        Self::build(workspace, move |target| {
            Arc::new(OpenSsh::new(target.clone(), Arc::clone(&of_factory)))
        })
    }

    /// A pool whose hosts come from the caller, for tests.
    pub fn with_transport(factory: impl Fn(&Target) -> Arc<dyn Transport> + Send + Sync + 'static) -> Self {
        Self::build(Arc::default(), factory)
    }

    fn build(
        workspace: Arc<Workspace>,
        factory: impl Fn(&Target) -> Arc<dyn Transport> + Send + Sync + 'static,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                hosts: Mutex::default(),
                workspace,
                factory: Box::new(factory),
            }),
        }
    }

    /// The host of a target. Does no I/O.
    pub fn host(&self, target: &Target) -> Host {
        let mut hosts = self.shared.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts
            .entry(target.clone())
            .or_insert_with(|| Host::new(target.address.as_str(), (self.shared.factory)(target)))
            .clone()
    }

    /// Ends all ssh connections at once, with what runs on them, and removes what they had on disk.
    ///
    /// A host of a closed pool gives [`TransportError::Other`](super::TransportError::Other).
    pub async fn close(&self) {
        self.shared.workspace.close().await;
    }

    /// Where the masters of this pool listen.
    #[cfg(test)]
    pub(super) async fn controls(&self) -> Vec<std::path::PathBuf> {
        self.shared.workspace.controls().await
    }
}

impl Default for Pool {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::{
        command::Script,
        remote::{HostErrorKind, TransportError, fake::FakeHost},
    };

    #[tokio::test]
    async fn equal_targets_share_one_transport() {
        let made = Arc::new(AtomicUsize::new(0));
        let pool = Pool::with_transport({
            let made = Arc::clone(&made);
            move |target| {
                made.fetch_add(1, Ordering::Relaxed);
                Arc::new(FakeHost::new(target.address.as_str()))
            }
        });
        let target = Target::new("m1", "root");
        let hosts = [&target, &target.clone(), &Target::new("m1", "ops")].map(|target| pool.host(target));
        assert_eq!(made.load(Ordering::Relaxed), 2);
        assert!(hosts.iter().all(|host| host.name() == "m1"));
    }

    #[tokio::test]
    async fn a_closed_pool_connects_no_more() {
        let pool = Pool::new();
        pool.close().await;
        let host = pool.host(&Target::new("127.0.0.1", "root"));
        let error = host.run(&Script::new("x", "true")).await.unwrap_err();
        assert!(
            matches!(error.kind, HostErrorKind::Transport(TransportError::Other(_))),
            "{error:?}"
        );
    }
}
