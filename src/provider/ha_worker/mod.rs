//! The resource `ha_worker`.
mod model;
mod resource;
mod schema;
mod validate;

pub(super) use resource::Worker;
