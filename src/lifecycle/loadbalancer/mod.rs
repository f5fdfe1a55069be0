//! A host's part in carrying the floating IP: HAProxy and keepalived come, stay as they should be, and go.
mod apply;
mod check;
mod own_member;
mod remove;

pub(crate) use apply::apply_loadbalancer;
pub(crate) use check::check_loadbalancer;
pub(crate) use own_member::{look_for_own_member, own_member};
pub(crate) use remove::remove_loadbalancer;
