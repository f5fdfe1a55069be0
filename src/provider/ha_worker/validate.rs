//! What is wrong with an `ha_worker` as it is written, seen without any host.
use super::super::node_rules::validate_node;
use crate::{
    kubeadm::Phases,
    tf_provider::{Context, Value},
};

/// Adds every error that concerns several attributes, or elements of one; unknown values give none.
pub(super) fn validate(cx: &Context, config: &Value) {
    validate_node(cx, config, &[Phases::Join], None);
}
