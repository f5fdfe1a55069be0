//! What changes in place.
mod node;

pub(crate) use node::update_node;
