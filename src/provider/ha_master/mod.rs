//! The resource `ha_master`.
mod cluster_rules;
mod computed;
mod model;
mod network_rules;
mod resource;
mod schema;
mod settings_change;
mod validate;

pub(super) use resource::Master;
