//! The resource `ha_master`.
mod model;
mod resource;
mod schema;

pub(super) use resource::Master;
