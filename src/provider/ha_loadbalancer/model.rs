//! Terraform's value of `ha_loadbalancer` ⇄ what the operation wants.
use std::{collections::BTreeMap, net::IpAddr};

use serde::Deserialize;

use super::{
    super::settings::{SshModel, TimeoutsModel},
    schema::schema,
};
use crate::{
    haproxy::HaproxySpec,
    keepalived::{priorities, virtual_router_id},
    lifecycle::LoadbalancerSpec,
    node::address::{parse_address, same_spelling},
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
    #[serde(skip)]
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
    preempt: Option<bool>,
}

/// The inputs that everything the resource renders comes from.
const INPUTS: [&str; 6] = ["host", "vip", "members", "backends", "haproxy", "keepalived"];

impl Model {
    pub(super) fn of(value: &Value) -> Result<Self, ValueError> {
        Ok(Self {
            ssh: SshModel::of(value.get("ssh"))?,
            ..schema().read(value)?
        })
    }

    /// Whether everything is known that a look at the host is judged by, besides how to reach it.
    pub(super) fn is_checkable(config: &Value) -> bool {
        let more = ["port", "interface"].iter();
        INPUTS
            .iter()
            .chain(more)
            .all(|name| config.get(name).is_wholly_known())
    }

    /// This host's own address among the members: the one that was seen on it, `host` where that is one of them, or
    /// what the last apply has found. `None` while that is not known: the host may be reached by a name, or by an
    /// address of a network of its own.
    fn own(&self, config: &Value, seen: Option<IpAddr>) -> Option<IpAddr> {
        let is_known = |address: &IpAddr| {
            ["members", "backends"]
                .iter()
                .any(|name| has_address(config.get(name), *address) == Some(true))
        };
        let named = self.host.as_deref().and_then(parse_address);
        seen.or(named.filter(is_known)).or(self.address.filter(is_known))
    }

    /// Sets what follows from the arguments alone, as far as they are known: at plan and after an apply. `config` is
    /// what is written.
    pub(super) fn set_computed(&self, config: &Value, seen: Option<IpAddr>, into: &mut Value) {
        let port = self.port(config, seen);
        let endpoint = self.vip.zip(port).map(|(vip, port)| match vip {
            IpAddr::V4(_) => format!("{vip}:{port}"),
            IpAddr::V6(_) => format!("[{vip}]:{port}"),
        });
        let id = endpoint.as_ref().zip(self.host.as_ref());
        let own = self.own(config, seen);
        for (name, value) in [
            ("port", port.map(Value::from)),
            (
                "id",
                id.map(|(endpoint, host)| format!("{endpoint}/{host}").into()),
            ),
            ("endpoint", endpoint.clone().map(Value::from)),
            (
                "virtual_router_id",
                self.virtual_router_id(config, seen)
                    .map(|id| i64::from(id).into()),
            ),
            ("address", own.map(|own| own.to_string().into())),
            (
                "priority",
                own.and_then(|own| priority(config.get("members"), own))
                    .map(|priority| i64::from(priority).into()),
            ),
        ] {
            // What is written stays as it is, also while it is not known.
            if config.get(name).is_null() {
                into.set(name, value.unwrap_or_else(Value::unknown));
            }
        }
    }

    /// The API's port, given or by the place of the host. `config` tells what is unknown.
    fn port(&self, config: &Value, seen: Option<IpAddr>) -> Option<u16> {
        self.port.or_else(|| {
            if config.get("port").is_unknown() {
                return None;
            }
            let colocated = has_address(config.get("backends"), self.own(config, seen)?)?;
            Some(if colocated { 8443 } else { 6443 })
        })
    }

    /// The VRRP id, given or derived.
    fn virtual_router_id(&self, config: &Value, seen: Option<IpAddr>) -> Option<u8> {
        match config.get("keepalived").get("virtual_router_id") {
            Value::Unknown(_) => None,
            Value::Null => Some(virtual_router_id(self.vip?, self.port(config, seen)?)),
            given => given.as_i64().and_then(|id| id.try_into().ok()),
        }
    }

    /// What the operation wants, if every input is known. `seen` is the host's own address among the members where it
    /// was looked at.
    pub(super) fn spec(&self, config: &Value, seen: Option<IpAddr>) -> Option<LoadbalancerSpec> {
        if INPUTS.iter().any(|name| !config.get(name).is_wholly_known()) {
            return None;
        }
        let (members, keepalived) = (self.members.clone()?, self.keepalived.clone()?);
        let address = self.own(config, seen)?;
        let priority = priority(config.get("members"), address)?;
        let haproxy = self.haproxy.clone().unwrap_or_default();
        let defaults = HaproxySpec::new(self.port(config, seen)?, self.backends.clone()?);
        Some(LoadbalancerSpec {
            vip: self.vip?,
            interface: self.interface.clone(),
            address,
            members: members
                .into_iter()
                .map(|(name, address)| (name, same_spelling(&address)))
                .collect(),
            haproxy: HaproxySpec {
                image: haproxy.image.unwrap_or_else(|| defaults.image.clone()),
                maxconn: haproxy.maxconn.unwrap_or(defaults.maxconn),
                health_port: haproxy.health_port.unwrap_or(defaults.health_port),
                ..defaults
            },
            virtual_router_id: self.virtual_router_id(config, seen)?,
            priority,
            preempt: keepalived.preempt.unwrap_or(false),
            keepalived_image: keepalived.image?,
        })
    }

    /// The members' addresses.
    pub(super) fn member_addresses(&self) -> Vec<IpAddr> {
        addresses_in(self.members.as_ref())
    }

    /// The API servers' addresses.
    pub(super) fn backend_addresses(&self) -> Vec<IpAddr> {
        addresses_in(self.backends.as_ref())
    }
}

fn addresses_in(map: Option<&BTreeMap<String, String>>) -> Vec<IpAddr> {
    let values = map.into_iter().flat_map(BTreeMap::values);
    values.filter_map(|address| parse_address(address)).collect()
}

/// Whether a map of addresses has this one; `None` if one that is not known yet may be it.
fn has_address(addresses: &Value, wanted: IpAddr) -> Option<bool> {
    let known = addresses.as_map()?;
    let is_it = |address: &Value| address.as_str().and_then(parse_address) == Some(wanted);
    let has = known.values().any(is_it);
    (has || addresses.is_wholly_known()).then_some(has)
}

/// The VRRP priority of the member with this address; priorities depend on the members' names only.
fn priority(members: &Value, own: IpAddr) -> Option<u8> {
    let members = members.as_map()?;
    let is_own = |address: &Value| address.as_str().and_then(parse_address) == Some(own);
    let (name, _) = members.iter().find(|(_, address)| is_own(address))?;
    let names = members.keys().map(|name| (name.clone(), String::new())).collect();
    priorities(&names).get(name).copied()
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

    fn computed(state: &Value, seen: Option<&str>) -> Value {
        let mut into = Value::object::<&str>([]);
        let seen = seen.map(|seen| seen.parse().unwrap());
        Model::of(state).unwrap().set_computed(state, seen, &mut into);
        into
    }

    #[test]
    fn the_port_depends_on_whether_an_api_server_is_on_the_host() {
        let port = |host, seen| computed(&state(host, Value::Null), seen).get("port").as_i64();
        assert_eq!(port("10.0.0.11", None), Some(8443));
        assert_eq!(port("::ffff:10.0.0.11", Some("10.0.0.11")), Some(8443));
        assert_eq!(port("m1.example.net", None), None);
        assert_eq!(port("m1.example.net", Some("10.0.0.11")), Some(8443));
        let mut dedicated = state("10.0.0.11", Value::Null);
        dedicated.set("backends", Value::object([("m3", Value::from("10.0.0.13"))]));
        assert_eq!(computed(&dedicated, None).get("port").as_i64(), Some(6443));
        let mut spelled = state("fd00::11", Value::Null);
        for name in ["members", "backends"] {
            spelled.set(name, Value::object([("m1", Value::from("fd00:0::11"))]));
        }
        assert_eq!(computed(&spelled, None).get("port").as_i64(), Some(8443));
    }

    #[test]
    fn what_follows_from_the_known_rest_is_known() {
        let mut one_unknown = state("10.0.0.11", Value::Null);
        for name in ["members", "backends"] {
            let mut addresses = one_unknown.get(name).clone();
            addresses.set("m2", Value::unknown());
            one_unknown.set(name, addresses);
        }
        assert_eq!(
            computed(&one_unknown, None),
            computed(&state("10.0.0.11", Value::Null), None)
        );
        assert!(
            Model::of(&one_unknown)
                .unwrap()
                .spec(&one_unknown, None)
                .is_none()
        );
        // A host that is none of the known may be the unknown one.
        let mut other = one_unknown.clone();
        other.set("host", "10.0.0.12");
        assert!(
            ["port", "endpoint", "id", "address", "priority"]
                .iter()
                .all(|name| computed(&other, None).get(name).is_unknown())
        );
    }

    #[test]
    fn an_image_that_is_not_known_yet_hides_nothing_else() {
        let mut unknown = state("10.0.0.11", Value::Null);
        unknown.set("keepalived", Value::object([("image", Value::unknown())]));
        assert!(computed(&unknown, None).is_wholly_known());
    }
}
