//! One change of a cluster's membership at a time, and one operation on a host.
mod cluster_lock;

pub(crate) use cluster_lock::{Lock, Locks};
