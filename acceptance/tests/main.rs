//! Acceptance tests: a real Terraform and the provider as built, against real clusters on the lab.
//!
//! Asked for with `TF_ACC=1`; then whatever is missing is a failure. Scenarios: [`bad_input`], [`cluster`],
//! [`field`], [`import`], [`interrupt`], [`machines`], [`symmetric`], and the [`long`] ones. What they stand on is in the library of this crate; [`hosts`] are
//! the machines by name.
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod field;
#[cfg(test)]
mod import;
#[cfg(test)]
mod interrupt;
#[cfg(test)]
mod long;
#[cfg(test)]
mod machines;
#[cfg(test)]
mod symmetric;

#[cfg(test)]
mod hosts;
#[cfg(test)]
pub(crate) use acceptance::{recorder, residue, running_cluster, secrets, workspace};
