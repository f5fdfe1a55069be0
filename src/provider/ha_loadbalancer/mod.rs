//! The resource `ha_loadbalancer`.
mod import;
mod model;
mod resource;
mod schema;
mod validate;

pub(super) use resource::Loadbalancer;
