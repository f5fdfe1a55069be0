//! The resource `ha_loadbalancer`.
mod model;
mod resource;
mod schema;

pub(super) use resource::Loadbalancer;
