//! Steps in which HAProxy and keepalived come and go.
mod await_haproxy;
mod remove_loadbalancer;
mod stop_keepalived;
mod write_loadbalancer;

pub(crate) use await_haproxy::AwaitHaproxy;
pub(crate) use remove_loadbalancer::RemoveLoadbalancer;
pub(crate) use stop_keepalived::StopKeepalived;
pub(crate) use write_loadbalancer::WriteLoadbalancer;
