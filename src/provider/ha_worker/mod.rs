//! The resource `ha_worker`.
mod model;
mod resource;
mod schema;

pub(super) use resource::Worker;
