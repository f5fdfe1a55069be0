//! The resource `ha_master`.
mod model;
mod resource;
mod schema;
mod validate;

pub(super) use resource::Master;
