//! The networks of pods and Services that a `cluster` block names.
use ipnet::IpNet;

use super::rules::networks;
use crate::{kubeadm::DEFAULT_SERVICE_SUBNET, tf_provider::Value};

/// Each network that is known, with its attribute.
pub(super) fn named_networks(cluster: &Value) -> Vec<(&'static str, IpNet)> {
    subnets(cluster)
        .into_iter()
        .flat_map(|(name, nets)| nets.into_iter().map(move |net| (name, net)))
        .collect()
}

/// The subnets that are known, by their attributes; of Services also the default.
pub(super) fn subnets(cluster: &Value) -> [(&'static str, Vec<IpNet>); 2] {
    [
        ("pod_subnet", None),
        ("service_subnet", Some(DEFAULT_SERVICE_SUBNET)),
    ]
    .map(|(name, default)| {
        let value = cluster.get(name);
        let text = if value.is_null() { default } else { value.as_str() };
        (name, text.map(networks).unwrap_or_default())
    })
}
