//! What is wrong with an `ha_worker` as it is written, seen without any host.
use super::super::{node_rules::validate_node, rules::Rules};
use crate::{kubeadm::Phases, tf_provider::Value};

/// Adds every error that concerns several attributes, or elements of one; unknown values give none.
pub(super) fn validate(rules: Rules<'_>, config: &Value) {
    validate_node(rules, config, &[Phases::Join], None);
}
