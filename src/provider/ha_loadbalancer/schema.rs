//! What users write in `ha_loadbalancer`, and what each attribute means.
use super::super::shared_attributes::{self as common, port_number, string};
use crate::{
    kubeadm::validate_image,
    tf_provider::{Attribute, Block, NestedBlock, Schema, Type, Value},
};

pub(super) fn schema() -> Schema {
    Schema {
        version: 0,
        block: Block {
            description: "One host that carries the floating IP: HAProxy in front of the API servers and keepalived, which keeps \
                          the address on one healthy host. Both run as static pods; the kubelet that `ha_master` starts runs them.".into(),
            attributes: vec![
                common::host(),
                Attribute::required("vip", Type::String)
                    .describe(
                        "The floating IP. It must lie in the network of `interface`, be of the members' family and belong to \
                         nobody else; loopback, link-local and multicast addresses cannot float. It is part of the cluster's certificates; changing it replaces the resource.",
                    )
                    .requires_replace()
                    .validate(|value| string(value, address)),
                Attribute::optional_computed("port", Type::Number)
                    .describe(
                        "Port of the API on the floating IP, 1 to 65535. Not 6443 on a host that is one of `backends`, nor the \
                         port of another program there: 22, 53, 2379 to 2381, 10248 to 10250, 10256, 10257, 10259. Below \
                         1024, HAProxy runs as root with no capability but NET_BIND_SERVICE. Default: `8443` on a host \
                         whose `address` is one of `backends`, as its API server holds 6443 itself, and `6443` on others; where `host` is none of the members' addresses (a name, or an address of another network), \
                         it is known after apply. Changing it replaces the resource.",
                    )
                    .requires_replace()
                    .validate(port_number),
                Attribute::optional_computed("interface", Type::String)
                    .describe("Network interface for the floating IP, by its name of at most 15 characters. Default: the one that has this host's member address, known after apply.")
                    .validate(|value| string(value, interface)),
                Attribute::required("members", addresses())
                    .describe("All hosts that share the floating IP, this one too: name to IP address, each address once. They are each other's VRRP peers.")
                    .validate(members),
                Attribute::required("backends", addresses())
                    .describe("API servers behind the floating IP: name to IP address, each address once and on port 6443.")
                    .validate(backends),
                Attribute::computed("address", Type::String)
                    .describe("This host's own address among `members`: `host` itself, or the member address that is on one of its interfaces, for which the host is looked at: then known after apply."),
                Attribute::computed("endpoint", Type::String)
                    .describe("`vip:port`, for `cluster.control_plane_endpoint` of `ha_master`. Known at plan if `vip` is, and `port` is given or `host` is the address of a member; else after apply."),
                Attribute::computed("virtual_router_id", Type::Number)
                    .describe("VRRP's virtual router id of these members, 1 to 255: the one set in `keepalived`, or one derived from the floating IP and port."),
                Attribute::computed("priority", Type::Number)
                    .describe("This host's VRRP priority, 128 to 254, different on each member: derived from the members' names, so that a new member leaves the others' as they are unless two names come to the same number."),
                common::if_unreachable("forgets it: there is nothing elsewhere to clean"),
                common::rendered(),
                common::machine_id(),
                common::id(),
            ],
            blocks: vec![
                NestedBlock::single(
                    "haproxy",
                    Block {
                        description: "HAProxy's settings.".into(),
                        attributes: vec![
                            Attribute::optional("image", Type::String)
                                .describe("Container image, without a scheme. Default: `docker.io/library/haproxy:3.2-alpine`.")
                                .validate(|value| string(value, validate_image)),
                            Attribute::optional("maxconn", Type::Number)
                                .describe("Connections at once. Default: `4000`. HAProxy refuses to start where the limit of open files is under twice this.")
                                .validate(|value| match value.as_i64() {
                                    Some(1..=1_000_000) => Ok(()),
                                    _ => Err("must be from 1 to 1000000".into()),
                                }),
                            Attribute::optional("health_port", Type::Number)
                                .describe("Loopback port of HAProxy's own health pages, which keepalived asks: 1 to 65535, another than `port`, with the same exceptions. Default: `8404`.")
                                .validate(port_number),
                        ],
                        blocks: vec![],
                    },
                ),
                NestedBlock::single(
                    "keepalived",
                    Block {
                        description: "keepalived's settings.".into(),
                        attributes: vec![
                            Attribute::required("image", Type::String)
                                .describe("Container image with `keepalived` 2.2 or later and `curl`. No maintained public image exists, so there is no default.")
                                .validate(|value| string(value, validate_image)),
                            Attribute::optional("virtual_router_id", Type::Number)
                                .describe("VRRP's virtual router id, 1 to 255, not used by others on this network. Default: derived from the floating IP and port.")
                                .validate(|value| match value.as_i64() {
                                    Some(1..=255) => Ok(()),
                                    _ => Err("must be from 1 to 255".into()),
                                }),
                            Attribute::optional("preempt", Type::Bool)
                                .describe("Whether the floating IP moves back to the member of highest priority when it recovers. Default: `false`, which saves an interruption."),
                        ],
                        blocks: vec![],
                    },
                )
                .min(1),
                common::ssh_block(),
                common::timeouts_block(["10m", "1m", "10m", "5m"]),
            ],
        },
    }
}

fn addresses() -> Type {
    Type::Map(Box::new(Type::String))
}

fn address(text: &str) -> Result<(), String> {
    text.parse::<std::net::IpAddr>()
        .map(drop)
        .map_err(|_| format!("{text:?} is not an IP address"))
}

/// What the kernel takes (`dev_valid_name`).
fn interface(text: &str) -> Result<(), String> {
    let is_name = (1..=15).contains(&text.len())
        && ![".", ".."].contains(&text)
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/' || c == ':');
    if is_name {
        Ok(())
    } else {
        Err(format!(
            "{text:?} cannot be the name of a network interface, such as eth0: 1 to 15 characters without blanks, '/' and ':'"
        ))
    }
}

fn members(value: &Value) -> Result<(), String> {
    let Value::Map(members) = value else { return Ok(()) };
    if members.len() > 254 {
        return Err("VRRP has room for 254 members".into());
    }
    backends(value)
}

fn backends(value: &Value) -> Result<(), String> {
    let Value::Map(entries) = value else { return Ok(()) };
    if entries.is_empty() {
        return Err("must name at least one host".into());
    }
    for (name, entry) in entries {
        if name.is_empty()
            || !name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        {
            return Err(format!(
                "the name {name:?} may hold letters, digits, dots, dashes and underscores only"
            ));
        }
        let Some(text) = entry.as_str() else { continue };
        address(text)?;
    }
    Ok(())
}
