//! What a master says of the cluster's members and Nodes.
use std::net::IpAddr;

use super::failure::Failure;
use crate::{
    command::Script,
    etcd::{self, Member},
    kube::{self, Node},
    remote::Host,
};

/// etcd's members, asked on a master.
pub async fn members(via: &Host) -> Result<Vec<Member>, Failure> {
    let stdout = via
        .run_ok(&Script::new("etcd member list", etcd::member_list_command()))
        .await?;
    etcd::parse_member_list(&stdout).map_err(|error| {
        Failure::new("etcd gave an answer that makes no sense", error.to_string()).on(via.name())
    })
}

/// The member whose peer URL has this address.
pub fn member_at(members: &[Member], address: IpAddr) -> Option<&Member> {
    members.iter().find(|member| member.has_address(address))
}

/// Removes the member with this address, if there is one, and looks whether it is gone.
pub async fn remove_member_at(via: &Host, address: IpAddr) -> Result<(), Failure> {
    let Some(member) = member_at(&members(via).await?, address).cloned() else {
        return Ok(());
    };
    via.run_ok(&etcd::member_remove_script(member.id)).await?;
    match member_at(&members(via).await?, address) {
        None => Ok(()),
        Some(left) => Err(Failure::new(
            "etcd member is still there",
            format!(
                "member {:x} at {address} was removed and is still listed",
                left.id
            ),
        )
        .on(via.name())),
    }
}

/// The Node of this name, if there is one.
pub async fn node_of(via: &Host, name: &str) -> Result<Option<Node>, Failure> {
    let stdout = via
        .run_ok(&Script::new(
            "get node",
            kube::get_node_command(kube::ADMIN_CONF, name),
        ))
        .await?;
    kube::parse_node(&stdout).map_err(|error| {
        Failure::new("The API gave an answer that makes no sense", error.to_string()).on(via.name())
    })
}
