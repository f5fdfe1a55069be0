//! What is done with an `ha_worker` that is not done with a master.
use std::time::Duration;

use async_trait::async_trait;

use super::{
    super::{
        node_kind::{NodeKind, Standing},
        node_model::NodeModel,
        node_resource::{MINUTE, NodeResource},
        node_state::set_seen,
        rules::Rules,
        shared::Shared,
    },
    model::Model,
    schema::schema,
    validate::validate,
};
use crate::{
    lifecycle::{
        Checked, Failure, Identity, NodeRole, NodeSeen, Notice, RemovalSpec, Run, check_worker,
        create_worker, remove_worker, stale_worker,
    },
    node::Facts,
    remote::Host,
    tf_provider::{Context, Schema, Value, ValueError},
};

/// The resource `ha_worker`.
pub(crate) type Worker = NodeResource<Model>;

#[async_trait]
impl NodeKind for Model {
    const TYPE_NAME: &'static str = "ha_worker";
    const ROLE: NodeRole = NodeRole::Worker;
    const CREATE_LIMIT: Duration = MINUTE.saturating_mul(15);

    fn schema() -> Schema {
        schema()
    }

    fn validate(rules: Rules<'_>, config: &Value) {
        validate(rules, config);
    }

    fn of(value: &Value) -> Result<Self, ValueError> {
        Self::of(value)
    }

    fn node(&self) -> &NodeModel {
        &self.0
    }

    async fn check(
        &self,
        _cx: &Context,
        shared: &Shared,
        host: &Host,
        _config: &Value,
        _looked: Option<Facts>,
    ) -> Result<Checked, Failure> {
        let join = self.join(shared);
        check_worker(host, &self.0.settings(), self.0.endpoint(), join.as_ref()).await
    }

    async fn create(
        &self,
        _cx: &Context,
        shared: &Shared,
        run: &Run,
        _config: &Value,
        looked: Option<Facts>,
    ) -> Result<Identity, Failure> {
        let spec = self.spec(shared).ok_or_else(|| {
            Failure::new("join has no value", "The resource's join argument is empty.").at("join")
        })?;
        create_worker(run, &spec, &shared.locks, looked).await
    }

    async fn remove(shared: &Shared, run: &Run, leaving: &RemovalSpec) -> Result<Vec<Notice>, Failure> {
        remove_worker(run, leaving, &shared.locks).await
    }

    async fn standing(&self, _cx: &Context, _shared: &Shared, seen: &NodeSeen) -> Standing {
        if seen.is_node_gone {
            let name = self.0.identity().node_name;
            return Standing::Deleted(stale_worker(self.0.address(), &name));
        }
        Standing::Part
    }

    fn set_seen(&self, state: &mut Value, identity: &Identity, seen: &NodeSeen) {
        set_seen(state, &self.0, &identity.node_name, seen);
        // The API may not answer right after the join; the next refresh fills in what is missing.
        state.unknown_to_null();
    }
}
