//! What users write in `ha_worker`, and what each attribute means.
use super::super::shared_attributes as common;
use crate::tf_provider::{Attribute, Block, Schema, Type};

pub(super) fn schema() -> Schema {
    Schema {
        version: 0,
        block: Block {
            description: "A worker: a host that joins the cluster with `kubeadm join`. Destroying it drains the Node, resets the host and deletes the Node.".into(),
            attributes: vec![
                common::host(),
                Attribute::required("join", common::join_type())
                    .describe("What to join: the `join` of any `ha_master`. Holds no secret; the credentials are made over SSH for this join and revoked after it."),
                common::node_name(),
                common::labels(),
                common::annotations(),
                common::taints(""),
                common::kubelet_extra_args(),
                common::ignore_preflight_errors(),
                common::patches(),
                common::cri_socket(),
                common::if_unreachable("drains and deletes the Node through a master"),
                Attribute::computed("kubelet_version", Type::String).describe("Version of the kubelet, for example `1.37.2`."),
                common::node_machine_id(),
                common::id(),
            ],
            blocks: vec![common::ssh_block(), common::timeouts_block(["15m", "1m", "10m", "15m"])],
        },
    }
}
