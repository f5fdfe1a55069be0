//! A node leaves its cluster, whoever of the hosts answers.
mod departures;
mod foresee;
mod left_behind;
mod node;
mod plans;
mod remaining;
mod turn;

pub(crate) use departures::Departures;
pub(crate) use foresee::foresee_removal;
pub(crate) use node::{remove_master, remove_worker};
