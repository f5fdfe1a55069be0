//! Step: no other machine has this Node name, and what an earlier life of this host left in the cluster is gone.
use std::net::IpAddr;

use async_trait::async_trait;

use crate::{
    kube::{Node, delete_node_script},
    lifecycle::{
        cluster::{Cluster, node_of, remove_member_at},
        engine::{Act, Check, Run, Step},
        failure::Failure,
    },
};

/// Two nodes with one name would take the Node from each other. A Node that this host's own earlier life left
/// (same address, another machine ID) is deleted, with its etcd member.
#[derive(Debug)]
pub(crate) struct CheckNodeName {
    /// The cluster, through one of its masters.
    pub cluster: Cluster,
    /// The name.
    pub name: String,
    /// `/etc/machine-id` of the host.
    pub machine_id: String,
    /// The host's addresses.
    pub addresses: Vec<IpAddr>,
    /// The address of its etcd member, on a master.
    pub advertise_address: Option<IpAddr>,
}

impl CheckNodeName {
    fn judge(&self, node: Option<&Node>) -> Result<Check, Failure> {
        let Some(node) = node else {
            return Ok(Check::Done);
        };
        let addresses: Vec<&str> = node
            .addresses
            .iter()
            .map(|address| address.address.as_str())
            .collect();
        let has_own_address = self
            .addresses
            .iter()
            .any(|own| addresses.iter().any(|address| address.parse() == Ok(*own)));
        // Machines cloned from one image share their machine ID; one whose address has changed is not Ready.
        if node.machine_id == self.machine_id && (has_own_address || !node.is_ready) {
            return Ok(Check::Done);
        }
        if has_own_address {
            return Ok(Check::Needed(
                "a Node of an earlier life of this host is left in the cluster".into(),
            ));
        }
        let detail = format!(
            "The cluster has a Node {} already, on another machine ({}).",
            self.name,
            addresses.join(", ")
        );
        Err(Failure::new("Duplicate node name", detail)
            .at("node_name")
            .advise("Give this host another node_name, or delete that Node first if its machine is gone for good."))
    }
}

#[async_trait]
impl Step for CheckNodeName {
    fn title(&self) -> &'static str {
        "check that the Node's name is free"
    }

    async fn check(&self, _run: &Run) -> Result<Check, Failure> {
        self.judge(node_of(&self.cluster.via().await, &self.name).await?.as_ref())
    }

    async fn perform(&self, act: Act<'_>) -> Result<(), Failure> {
        if let Some(address) = self.advertise_address {
            remove_member_at(act, &self.cluster.via().await, address).await?;
        }
        act.change(&self.cluster.via().await, &delete_node_script(&self.name))
            .await?;
        Ok(())
    }
}
