//! An operation as one value: stages of steps, run by one driver.
//!
//! A [`Plan`] has [`Stage`]s, a stage has steps, the lock under which they run, and what takes them back if one of them
//! fails. [`run_plan`] runs a plan that needs no more than the host's lock. [`drive`] is the only loop of lock, look,
//! run and again: it takes the cluster's lock, asks the operation to decide what to do by what is seen under the lock,
//! and runs that; the lock goes back before the first stage that does not need it.
//!
//! Guarantees: a lock that is held is checked before each step, and no step is dropped half-way; a step that fails for good is
//! followed by its own `undo`, then by what takes the stage back; everything else stays, and the next run goes on there.
mod drive;
mod runner;
mod site;
mod stage;

pub(crate) use drive::{Decide, Decision, drive};
pub(crate) use runner::{Held, run_plan, take_back};
pub(crate) use site::Site;
pub(crate) use stage::{Plan, Stage, step};
