//! What masters and workers do in ways of their own; what they do alike is in `node_resource.rs`.
use std::time::Duration;

use async_trait::async_trait;

use super::{node_model::NodeModel, rules::Rules, shared::Shared};
use crate::{
    lifecycle::{Checked, Failure, Identity, NodeRole, NodeSeen, Notice, RemovalSpec, Run},
    node::{Facts, files::File},
    remote::Host,
    tf_provider::{Context, PlanRequest, Schema, Value, ValueError},
};

/// A kind of node: one as it is written, and what is done with it that is not done with the other kind.
#[async_trait]
pub(super) trait NodeKind: Sized + Send + Sync + 'static {
    /// The resource's name in HCL.
    const TYPE_NAME: &'static str;
    /// What such a node is for its cluster.
    const ROLE: NodeRole;
    /// How long a create may take if `timeouts` does not say it.
    const CREATE_LIMIT: Duration;

    fn schema() -> Schema;

    /// What is wrong with it as it is written.
    fn validate(rules: Rules<'_>, config: &Value);

    fn of(value: &Value) -> Result<Self, ValueError>;

    /// What both kinds have.
    fn node(&self) -> &NodeModel;

    /// Fills in what of its computed attributes is known at plan. An error ends the plan.
    fn plan(&self, _cx: &Context, _shared: &Shared, _request: PlanRequest<'_>, _planned: &mut Value) {}

    /// Looks at the host that is to be this node. `looked`: what another resource has just seen of it.
    async fn check(
        &self,
        cx: &Context,
        shared: &Shared,
        host: &Host,
        config: &Value,
        looked: Option<Facts>,
    ) -> Result<Checked, Failure>;

    /// What its removal would do to others, as things are now.
    async fn foresee_removal(&self, _shared: &Shared) -> Option<Notice> {
        None
    }

    /// Makes the host this node.
    async fn create(
        &self,
        cx: &Context,
        shared: &Shared,
        run: &Run,
        config: &Value,
        looked: Option<Facts>,
    ) -> Result<Identity, Failure>;

    /// The files that an update writes where they are not as they were rendered.
    fn files(&self) -> Vec<File> {
        Vec::new()
    }

    /// Takes the host out of the cluster.
    async fn remove(shared: &Shared, run: &Run, leaving: &RemovalSpec) -> Result<Vec<Notice>, Failure>;

    /// Whether a node that is whole on its host still is one for its cluster.
    async fn standing(&self, cx: &Context, shared: &Shared, seen: &NodeSeen) -> Standing;

    /// Puts into the state what somebody changed in the cluster beside Terraform; at a refresh only.
    fn set_drift(&self, _shared: &Shared, _state: &mut Value, _seen: &NodeSeen) {}

    /// Puts everything that was seen into the state.
    fn set_seen(&self, state: &mut Value, identity: &Identity, seen: &NodeSeen);
}

/// What a node is for its cluster.
#[derive(Debug)]
pub(super) enum Standing {
    /// A part of it, as far as anybody says.
    Part,
    /// It was taken out while its host did not see it: to be made anew.
    Stale(Notice),
    /// It was deleted, and is to be forgotten.
    Deleted(Notice),
}
