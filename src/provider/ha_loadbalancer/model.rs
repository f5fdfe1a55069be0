//! Terraform's value of `ha_loadbalancer` ⇄ what the operation wants.
use std::{collections::BTreeMap, net::IpAddr};

use serde::Deserialize;

use super::super::settings::{SshModel, TimeoutsModel};
use crate::{
    haproxy::HaproxySpec,
    keepalived::{priorities, virtual_router_id},
    lifecycle::LoadbalancerSpec,
    tf_provider::{Value, ValueError},
};

/// The resource as it is written; what is unknown or not set is `None`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Model {
    pub(super) host: Option<String>,
    pub(super) vip: Option<IpAddr>,
    port: Option<u16>,
    interface: Option<String>,
    /// Known from the last apply; not an argument.
    address: Option<IpAddr>,
    members: Option<BTreeMap<String, String>>,
    backends: Option<BTreeMap<String, String>>,
    haproxy: Option<HaproxyModel>,
    keepalived: Option<KeepalivedModel>,
    pub(super) ssh: Option<SshModel>,
    pub(super) timeouts: Option<TimeoutsModel>,
    pub(super) if_unreachable: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct HaproxyModel {
    image: Option<String>,
    maxconn: Option<u32>,
    health_port: Option<u16>,
}

#[derive(Clone, Debug, Deserialize)]
struct KeepalivedModel {
    image: Option<String>,
    virtual_router_id: Option<u8>,
    preempt: Option<bool>,
}

/// The inputs that everything the resource renders comes from.
const INPUTS: [&str; 6] = ["host", "vip", "members", "backends", "haproxy", "keepalived"];

impl Model {
    pub(super) fn of(value: &Value) -> Result<Self, ValueError> {
        value.deserialize_into()
    }

    /// The API's port, given or by the place of the host. `config` tells what is unknown.
    pub(super) fn port(&self, config: &Value) -> Option<u16> {
        self.port.or_else(|| {
            if config.get("port").is_unknown() || !config.get("backends").is_wholly_known() {
                return None;
            }
            let colocated = self
                .backends
                .as_ref()?
                .values()
                .any(|address| Some(address) == self.host.as_ref());
            Some(if colocated { 8443 } else { 6443 })
        })
    }

    /// The VRRP id, given or derived.
    pub(super) fn virtual_router_id(&self, config: &Value) -> Option<u8> {
        if config.get("keepalived").get("virtual_router_id").is_unknown() {
            return None;
        }
        self.keepalived
            .as_ref()?
            .virtual_router_id
            .or_else(|| Some(virtual_router_id(self.vip?, self.port(config)?)))
    }

    /// What the operation wants, if every input is known. `own` is the host's own address among the members where
    /// it is not `host` itself.
    pub(super) fn spec(&self, config: &Value, own: Option<IpAddr>) -> Option<LoadbalancerSpec> {
        if INPUTS.iter().any(|name| !config.get(name).is_wholly_known()) {
            return None;
        }
        let (members, keepalived) = (self.members.clone()?, self.keepalived.clone()?);
        let is_member = |address: &IpAddr| members.values().any(|member| member.parse() == Ok(*address));
        let named = self.host.as_ref().and_then(|host| host.parse().ok());
        let address = own
            .or(named.filter(is_member))
            .or(self.address.filter(is_member))?;
        let name = members
            .iter()
            .find(|(_, member)| member.parse() == Ok(address))
            .map(|(name, _)| name.clone())?;
        let priority = *priorities(&members).get(&name)?;
        let haproxy = self.haproxy.clone().unwrap_or_default();
        let defaults = HaproxySpec::new(self.port(config)?, self.backends.clone()?);
        Some(LoadbalancerSpec {
            vip: self.vip?,
            interface: self.interface.clone(),
            address,
            members,
            haproxy: HaproxySpec {
                image: haproxy.image.unwrap_or_else(|| defaults.image.clone()),
                maxconn: haproxy.maxconn.unwrap_or(defaults.maxconn),
                health_port: haproxy.health_port.unwrap_or(defaults.health_port),
                ..defaults
            },
            virtual_router_id: self.virtual_router_id(config)?,
            priority,
            preempt: keepalived.preempt.unwrap_or(false),
            keepalived_image: keepalived.image?,
        })
    }

    /// The members' addresses.
    pub(super) fn member_addresses(&self) -> Vec<IpAddr> {
        self.members
            .iter()
            .flat_map(BTreeMap::values)
            .filter_map(|address| address.parse().ok())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(host: &str, address: Value) -> Value {
        let members = || Value::object([("m1", Value::from("10.0.0.11")), ("m2", Value::from("10.0.0.12"))]);
        Value::object([
            ("host", Value::from(host)),
            ("vip", Value::from("10.0.0.100")),
            ("members", members()),
            ("backends", members()),
            (
                "keepalived",
                Value::object([("image", Value::from("keepalived:1"))]),
            ),
            ("address", address),
        ])
    }

    fn own_address(state: &Value) -> Option<String> {
        let spec = Model::of(state).unwrap().spec(state, None);
        spec.map(|spec| spec.address.to_string())
    }

    #[test]
    fn a_host_reached_by_name_is_known_by_its_member_address() {
        assert_eq!(own_address(&state("m2.example.net", Value::unknown())), None);
        let known = state("m2.example.net", Value::from("10.0.0.12"));
        assert_eq!(own_address(&known).as_deref(), Some("10.0.0.12"));
        let moved = state("m2.example.net", Value::from("10.0.0.99"));
        assert_eq!(own_address(&moved), None, "not a member any more");
    }

    #[test]
    fn the_port_depends_on_whether_an_api_server_is_on_the_host() {
        let port = |host| {
            let state = state(host, Value::Null);
            Model::of(&state).unwrap().port(&state)
        };
        assert_eq!(port("10.0.0.11"), Some(8443));
        assert_eq!(port("10.0.0.31"), Some(6443));
    }
}
