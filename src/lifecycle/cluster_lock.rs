//! One change of a cluster's membership at a time, within this process.
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio_util::sync::CancellationToken;

use super::failure::Failure;

/// Locks by control-plane endpoint. Terraform runs the instances of a `for_each` side by side; etcd takes one
/// learner at a time (`ha-correctness`: kubeadm joins of masters are serial on every version).
#[derive(Clone, Debug, Default)]
pub struct ClusterLocks {
    by_endpoint: Arc<Mutex<HashMap<String, Arc<AsyncMutex<()>>>>>,
}

/// Held while membership changes; dropped, it lets the next one in.
#[derive(Debug)]
pub struct ClusterLock {
    _guard: OwnedMutexGuard<()>,
}

impl ClusterLocks {
    /// Waits until nobody else changes this cluster, or the run is cancelled.
    pub async fn lock(&self, endpoint: &str, cancel: &CancellationToken) -> Result<ClusterLock, Failure> {
        let lock = {
            let mut locks = self.by_endpoint.lock().unwrap_or_else(PoisonError::into_inner);
            locks.entry(endpoint.to_owned()).or_default().clone()
        };
        match cancel.run_until_cancelled(lock.lock_owned()).await {
            Some(guard) => Ok(ClusterLock { _guard: guard }),
            None => Err(Failure::cancelled()),
        }
    }
}
