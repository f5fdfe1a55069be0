//! Terraform's value of `ha_worker` ⇄ what operations want.
use serde::Deserialize;

use super::{
    super::{
        node_model::{JoinModel, NodeModel},
        settings::{SshModel, TimeoutsModel},
        shared_attributes::join_type,
    },
    schema::schema,
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
    timeouts: Option<TimeoutsModel>,
}

impl Model {
    pub(super) fn of(value: &Value) -> Result<Self, ValueError> {
        let schema = schema();
        let own: Own = schema.read(value)?;
        Ok(Self {
            host: own.host,
            join: join_type().read(value.get("join"))?,
            ssh: SshModel::of(value.get("ssh"))?,
            timeouts: own.timeouts.unwrap_or_default(),
            node: schema.read(value)?,
        })
    }
}
