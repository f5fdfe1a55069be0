//! Terraform's value of `ha_worker` ⇄ what operations want.
use super::{
    super::{node_model::NodeModel, shared::Shared},
    schema::schema,
};
use crate::{
    lifecycle::{Join, WorkerSpec},
    tf_provider::{Value, ValueError},
};

/// The resource as it is written: it has nothing that a master does not have too.
#[derive(Clone, Debug)]
pub(crate) struct Model(pub(super) NodeModel);

impl Model {
    pub(super) fn of(value: &Value) -> Result<Self, ValueError> {
        NodeModel::of(&schema(), value).map(Self)
    }

    /// The cluster to join, once all of it is known.
    pub(super) fn join(&self, shared: &Shared) -> Option<Join> {
        let join = self.0.join.as_ref().filter(|join| join.is_known())?;
        join.join(shared, self.0.ssh.as_ref())
    }

    /// What the operation wants.
    pub(super) fn spec(&self, shared: &Shared) -> Option<WorkerSpec> {
        Some(WorkerSpec {
            node: self.0.settings(),
            join: self.join(shared)?,
        })
    }
}
