//! The steps that operations are made of: one step, one file.
pub(super) mod join;
pub(super) mod leave;
pub(super) mod loadbalancer;
