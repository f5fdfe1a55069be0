//! Hosts, reached over SSH.
//!
//! **Invariant:** `openssh.rs` is the only user of the crate of that name; nothing here knows Kubernetes.
mod transport;

pub use transport::{Transport, TransportError};
