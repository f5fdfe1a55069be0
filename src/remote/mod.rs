//! Hosts, reached over SSH.
//!
//! **Invariant:** `openssh.rs` is the only user of the crate of that name; nothing here knows Kubernetes.
//!
//! In reading order: a [`Target`] says how to reach a host, a [`Pool`] makes a [`Host`] of it, and a host runs
//! scripts through a [`Transport`]: ssh, or the in-memory [`fake`].
mod transport;

mod answer;
pub mod fake;
#[cfg(test)]
mod field_tests;
mod host;
mod host_error;
mod host_records;
mod host_words;
#[cfg(test)]
mod identity_tests;
mod known_hosts;
mod openssh;
mod pool;
mod private_key;
mod public_key;
mod refusal;
mod said_instead;
mod sessions;
mod ssh_config;
mod ssh_errors;
mod ssh_master;
mod ssh_symptoms;
#[cfg(test)]
mod sshd;
#[cfg(test)]
mod sshd_tests;
mod target;
mod wrapper;

pub use host::{Host, Permit};
pub use host_error::{HostError, HostErrorKind};
pub use pool::Pool;
pub use public_key::PublicKey;
pub use target::{Bastion, HostKeyPolicy, Key, Target};
pub use transport::{Refusal, Transport, TransportError};
