//! The state of a load balancer that is imported: the arguments by which it would be made as it is.
use std::collections::BTreeMap;

use crate::{
    haproxy::HaproxySpec, keepalived::virtual_router_id, lifecycle::FoundLoadbalancer, tf_provider::Value,
};

use super::super::text_map;

/// Puts what was found into a state that says how the host is reached. What is a default stays null.
pub(super) fn set_found(state: &mut Value, found: &FoundLoadbalancer) {
    let (haproxy, keepalived) = (&found.haproxy, &found.keepalived);
    state.set("vip", keepalived.vip.to_string());
    state.set("port", Value::from(haproxy.port));
    state.set("interface", keepalived.interface.as_str());
    state.set("backends", text_map(haproxy.backends.clone()));
    state.set("members", text_map(members(found)));
    let derived = virtual_router_id(keepalived.vip, haproxy.port);
    let id = Some(keepalived.virtual_router_id).filter(|id| *id != derived);
    state.set(
        "keepalived",
        Value::object([
            ("image", Value::from(found.keepalived_image.as_str())),
            (
                "virtual_router_id",
                id.map_or(Value::Null, |id| i64::from(id).into()),
            ),
            (
                "preempt",
                if keepalived.preempt {
                    Value::from(true)
                } else {
                    Value::Null
                },
            ),
        ]),
    );
    let image = Some(found.haproxy_image.as_str()).filter(|image| *image != HaproxySpec::IMAGE);
    let maxconn = Some(haproxy.maxconn).filter(|number| *number != HaproxySpec::MAXCONN);
    let health_port = Some(haproxy.health_port).filter(|port| *port != HaproxySpec::HEALTH_PORT);
    if image.is_some() || maxconn.is_some() || health_port.is_some() {
        state.set(
            "haproxy",
            Value::object([
                ("image", image.map_or(Value::Null, Value::from)),
                (
                    "maxconn",
                    maxconn.map_or(Value::Null, |number| i64::from(number).into()),
                ),
                ("health_port", health_port.map_or(Value::Null, Value::from)),
            ]),
        );
    }
}

/// keepalived knows addresses only: a member that is an API server too has its name there.
fn members(found: &FoundLoadbalancer) -> BTreeMap<String, String> {
    let addresses = found.keepalived.peers.iter().chain([&found.keepalived.address]);
    addresses
        .map(|address| {
            let address = address.to_string();
            let mut backends = found.haproxy.backends.iter();
            let named = backends.find(|(_, backend)| **backend == address);
            (named.map_or(&address, |(name, _)| name).clone(), address)
        })
        .collect()
}
