//! What is done with an `ha_master` that is not done with a worker.
use std::time::Duration;

use async_trait::async_trait;

use super::{
    super::{
        diagnose::notice,
        node_kind::{NodeKind, Standing},
        node_model::NodeModel,
        node_resource::{MINUTE, NodeResource},
        rules::Rules,
        shared::Shared,
        text_map,
    },
    computed::{planned_join, rendered, set_master_seen, set_running_version},
    model::Model,
    schema::schema,
    settings_change::settings_change,
    validate::validate,
};
use crate::{
    lifecycle::{
        CLUSTER_FILE, Checked, Failure, Identity, NodeRole, NodeSeen, Notice, RemovalSpec, Run, check_master,
        cluster_file, create_master, failure_of, foresee_removal, is_recorded, look_for_lost_quorum,
        look_for_stale_master, prove_floating_ip, remove_master,
    },
    node::{Facts, files::File},
    remote::Host,
    tf_provider::{Context, Diagnostic, PlanRequest, Schema, Value, ValueError},
};

/// The resource `ha_master`.
pub(crate) type Master = NodeResource<Model>;

impl Model {
    /// Those of its cluster's masters that this run has not found silent.
    fn masters_to_ask(&self, shared: &Shared) -> Vec<Host> {
        shared.not_silent(&self.node.masters, self.node.ssh.as_ref())
    }

    fn own_host(&self, shared: &Shared) -> Option<Host> {
        shared.host(self.node.host.as_deref()?, self.node.ssh.as_ref())
    }

    /// Whether the host is no longer a control-plane node, as the others say.
    async fn look_for_stale(&self, shared: &Shared) -> Option<Notice> {
        look_for_stale_master(&self.own_host(shared)?, &self.masters_to_ask(shared)).await
    }

    /// Whether etcd has lost its quorum, or this host's member is cut off from it; the user is told once for each cluster.
    async fn look_for_lost_quorum(&self, shared: &Shared) -> Option<Diagnostic> {
        let others = self.masters_to_ask(shared);
        let lost = look_for_lost_quorum(&self.own_host(shared)?, &others).await?;
        shared
            .is_first_to_tell(self.node.endpoint(), self.node.ssh.as_ref(), lost.summary)
            .then(|| notice(&lost))
    }
}

#[async_trait]
impl NodeKind for Model {
    const TYPE_NAME: &'static str = "ha_master";
    const ROLE: NodeRole = NodeRole::Master;
    const CREATE_LIMIT: Duration = MINUTE.saturating_mul(20);

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
        &self.node
    }

    fn plan(&self, cx: &Context, shared: &Shared, request: PlanRequest<'_>, planned: &mut Value) {
        let cluster = request.config.get("cluster");
        let running = shared.running(self.node.endpoint(), self.node.ssh.as_ref());
        let refusals = request
            .prior
            .map(|prior| settings_change(prior, cluster, running.as_ref()));
        if let Some(refusals) = refusals.filter(|refusals| !refusals.is_empty()) {
            return refusals.into_iter().for_each(|refusal| cx.add(refusal));
        }
        if cluster.is_null() {
            planned.set("rendered", text_map([]));
        } else {
            planned.set("join", planned_join(self, request));
            let text = rendered(self).map(|text| text_map([(CLUSTER_FILE.to_owned(), text)]));
            planned.set("rendered", text.unwrap_or_else(Value::unknown));
        }
    }

    async fn check(
        &self,
        cx: &Context,
        shared: &Shared,
        host: &Host,
        config: &Value,
        looked: Option<Facts>,
    ) -> Result<Checked, Failure> {
        let checked = check_master(host, &self.spec(shared, config), looked).await?;
        if failure_of(&checked.problems).is_none()
            && is_recorded(&checked.facts)
            && let Some(stale) = self.look_for_stale(shared).await
        {
            cx.add(notice(&stale));
        }
        Ok(checked)
    }

    async fn foresee_removal(&self, shared: &Shared) -> Option<Notice> {
        foresee_removal(&self.node.leaving(self.masters_to_ask(shared))).await
    }

    async fn create(
        &self,
        cx: &Context,
        shared: &Shared,
        run: &Run,
        config: &Value,
        looked: Option<Facts>,
    ) -> Result<Identity, Failure> {
        let spec = self.spec(shared, config);
        let identity = create_master(run, &spec, &shared.locks, looked).await?;
        if let Some(fault) = prove_floating_ip(run, &spec.candidates()).await {
            cx.add(notice(&fault));
        }
        Ok(identity)
    }

    fn files(&self) -> Vec<File> {
        rendered(self).map(cluster_file).into_iter().collect()
    }

    async fn remove(shared: &Shared, run: &Run, leaving: &RemovalSpec) -> Result<Vec<Notice>, Failure> {
        remove_master(run, leaving, &shared.locks, &shared.departures()).await
    }

    async fn standing(&self, cx: &Context, shared: &Shared, seen: &NodeSeen) -> Standing {
        if !seen.members.is_empty() {
            return Standing::Part;
        }
        // A host whose etcd does not answer may have been taken out while it was down.
        if let Some(stale) = self.look_for_stale(shared).await {
            return Standing::Stale(stale);
        }
        if let Some(lost) = self.look_for_lost_quorum(shared).await {
            cx.add(lost);
        }
        Standing::Part
    }

    fn set_drift(&self, shared: &Shared, state: &mut Value, seen: &NodeSeen) {
        if let Some(running) = &seen.cluster {
            shared.note_running(self.node.endpoint(), self.node.ssh.as_ref(), running.spec.clone());
        }
        set_running_version(state, self, seen);
    }

    fn set_seen(&self, state: &mut Value, identity: &Identity, seen: &NodeSeen) {
        set_master_seen(state, self, identity, seen);
    }
}
