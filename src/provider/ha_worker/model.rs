//! Terraform's value of `ha_worker` ⇄ what operations want.
use serde::Deserialize;

use super::super::{
    node_model::{JoinModel, NodeModel},
    settings::{SshModel, TimeoutsModel},
};
use crate::tf_provider::{Value, ValueError};

/// The resource as it is written; what is unknown or not set is `None`.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) host: Option<String>,
    pub(super) join: Option<JoinModel>,
    pub(super) ssh: Option<SshModel>,
    pub(super) timeouts: TimeoutsModel,
    pub(super) node: NodeModel,
}

#[derive(Deserialize)]
struct Own {
    host: Option<String>,
    ssh: Option<SshModel>,
    timeouts: Option<TimeoutsModel>,
}

impl Model {
    pub(super) fn of(value: &Value) -> Result<Self, ValueError> {
        let own: Own = value.deserialize_into()?;
        let join = value.get("join");
        Ok(Self {
            host: own.host,
            join: if join.is_wholly_known() {
                join.deserialize_into()?
            } else {
                None
            },
            ssh: own.ssh,
            timeouts: own.timeouts.unwrap_or_default(),
            node: value.deserialize_into()?,
        })
    }
}
