//! A host as kubeadm needs it: what is asked of it, what it answered, what is wrong with it, and the small
//! scripts that change it (files, the VIP, long commands that outlive the link).
//!
//! **Invariant:** pure; scripts are made here and run elsewhere.
pub mod address;
pub mod connectivity;
pub mod detached;
pub mod facts;
mod facts_text;
pub mod files;
pub mod interface;
pub mod journal;
pub mod lock;
pub mod machine;
pub mod query;
pub mod reload;
pub mod runtime;
pub mod setup;
pub mod user;
pub mod vip;

pub use facts::Facts;
pub use interface::{Interface, Network};
pub use machine::Machine;
pub use query::{Answers, Query};

/// Everything on a host that is the provider's own lies here.
pub const DIRECTORY: &str = "/var/lib/terraform-provider-ha";
/// Says which cluster a host belongs to and in which role.
pub const MARKER: &str = "/var/lib/terraform-provider-ha/node.json";
