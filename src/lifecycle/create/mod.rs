//! A host becomes a node: the first master makes the cluster on proof that there is none, all others join it.
mod bootstrap;
mod master;
mod preflight;
mod worker;

#[cfg(test)]
pub(crate) use bootstrap::{Bootstrap, decide_bootstrap};
pub(crate) use master::create_master;
pub(crate) use preflight::{check_master, check_worker};
pub(crate) use worker::create_worker;
