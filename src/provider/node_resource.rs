//! A resource that is a node of a cluster: which operation runs when Terraform plans, applies, refreshes or destroys one.
//! What masters and workers do in ways of their own is [`NodeKind`]; all else is the same for both, and here.
use std::{marker::PhantomData, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{
    at_plan,
    claims::{Claimant, Role},
    cluster_networks::Noted,
    diagnose::{diagnostic, notice},
    import_id::ImportId,
    node_import::{other_role, set_found},
    node_kind::{NodeKind, Standing},
    node_model::{NodeModel, changes, changes_node, cluster_change, is_checkable, sure_name},
    node_state::{begun_removal, half_removed, other_cluster, replace_half_removed, without_machine},
    rules::Rules,
    settings::{bug, limit},
    shared::Shared,
};
use crate::{
    lifecycle::{Failure, Found, NodeChange, Run, failure_of, find_node, read_node, update_node},
    remote::Host,
    tf_provider::{Context, Diagnostic, Path, PlanRequest, Resource, Schema, Value},
};

pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// The resource of a kind of node.
#[derive(Debug)]
pub(super) struct NodeResource<K> {
    shared: Arc<Shared>,
    kind: PhantomData<K>,
}

impl<K: NodeKind> NodeResource<K> {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            kind: PhantomData,
        }
    }

    fn model(cx: &Context, value: &Value) -> Option<K> {
        K::of(value).map_err(|error| cx.add(bug(&error))).ok()
    }

    fn reach(&self, cx: &Context, node: &NodeModel) -> Option<Host> {
        self.shared.known_host(cx, node.address(), node.ssh.as_ref())
    }

    /// Begins an operation on the node's host.
    fn run(&self, cx: &Context, verb: &str, host: &Host, limit: Duration) -> Run {
        let operation = format!("{verb} {} {}", K::TYPE_NAME, host.name());
        self.shared.run(cx, operation, host.clone(), limit)
    }

    /// Notes what the node takes for itself: its host, its name, and addresses beside its cluster's networks.
    fn claim(&self, cx: &Context, node: &NodeModel, request: PlanRequest<'_>, planned: &Value) {
        let ssh = node.ssh.as_ref();
        let claimant = Claimant {
            type_name: K::TYPE_NAME,
            instance: request.private,
        };
        let host = node.host.as_ref();
        let taken = host.and_then(|host| self.shared.claim_host(Role::Node, host, ssh, &claimant));
        if let Some(taken) = taken {
            cx.add(taken);
        }
        let is_new = request.prior.is_none();
        if is_new {
            K::validate(Rules::of_new(cx), request.config);
        }
        let noted = Noted::of_node(request.config, is_new);
        let overlaps = self.shared.note_addresses(node.endpoint(), ssh, &noted);
        for overlap in overlaps {
            cx.add(overlap);
        }
        if let (Some(name), Some(host)) = (sure_name(request, planned), host) {
            self.claim_name(cx, node, name, host);
        }
    }

    fn claim_name(&self, cx: &Context, node: &NodeModel, name: &str, host: &str) {
        let ssh = node.ssh.as_ref();
        let taken = self.shared.claim_name(node.endpoint(), name, host, ssh);
        if let Some(taken) = taken {
            cx.add(taken);
        }
    }

    /// What can be seen from here to go wrong at apply.
    async fn check(&self, cx: &Context, model: &K, config: &Value) {
        let node = model.node();
        let (address, ssh) = (node.address(), node.ssh.as_ref());
        let Some(host) = self.shared.host(address, ssh) else {
            return;
        };
        let looked = self.shared.look(address, ssh);
        match model.check(cx, &self.shared, &host, config, looked).await {
            Ok(checked) => {
                let machine = checked.facts.machine();
                for told in self.shared.claim_machine(K::TYPE_NAME, address, machine) {
                    cx.add(told);
                }
                self.shared.keep_look(address, ssh, checked.facts);
                self.claim_name(cx, node, &checked.node_name, address);
                checked.notices.iter().for_each(|told| cx.add(notice(told)));
                if let Some(failure) = failure_of(&checked.problems) {
                    cx.add(diagnostic(&failure.on(address)));
                }
            }
            Err(failure) => cx.add(at_plan(&failure.on(address))),
        }
    }

    async fn foresee(&self, cx: &Context, model: &K) {
        if let Some(warning) = model.foresee_removal(&self.shared).await {
            cx.add(notice(&warning));
        }
    }
}

#[async_trait]
impl<K: NodeKind> Resource for NodeResource<K> {
    fn type_name(&self) -> &'static str {
        K::TYPE_NAME
    }

    fn schema(&self) -> Schema {
        K::schema()
    }

    async fn validate(&self, cx: &Context, config: &Value) {
        K::validate(Rules::of_any(cx), config);
    }

    async fn plan(&self, cx: &Context, request: PlanRequest<'_>, planned: &mut Value) {
        let Some(model) = Self::model(cx, planned) else {
            return;
        };
        replace_half_removed(request.prior, planned);
        model.plan(cx, &self.shared, request, planned);
        if cx.has_errors() {
            return;
        }
        let node = model.node();
        self.claim(cx, node, request, planned);
        let Some(address) = &node.host else { return };
        if cx.has_errors() || !self.shared.checks_at_plan() {
            return;
        }
        let ssh = node.ssh.as_ref();
        if let Some(prior) = request.prior {
            self.shared.note_existing(K::TYPE_NAME, address, ssh, prior);
            return;
        }
        if is_checkable(request.config) {
            self.check(cx, &model, request.config).await;
        }
        // Terraform plans a replacement as an update first and as a create after that.
        if let Some(replaced) = self.shared.existing(K::TYPE_NAME, address, ssh)
            && let Some(old) = Self::model(cx, &replaced)
        {
            self.foresee(cx, &old).await;
        }
    }

    async fn plan_destroy(&self, cx: &Context, prior: &Value) {
        if self.shared.checks_at_plan()
            && let Some(model) = Self::model(cx, prior)
        {
            self.foresee(cx, &model).await;
        }
    }

    async fn import(&self, cx: &Context, id: &str) -> Option<Value> {
        let id = ImportId::parse(id).map_err(|wrong| cx.add(wrong)).ok()?;
        let mut state = K::schema().with_defaults(id.state());
        let model = Self::model(cx, &state)?;
        let host = self.reach(cx, model.node())?;
        let found = find_node(&host, MINUTE).await.and_then(|found| match found.role {
            role if role == K::ROLE => Ok(found),
            role => Err(other_role(role, K::TYPE_NAME)),
        });
        match found {
            Ok(found) => {
                set_found(&mut state, found);
                Some(state)
            }
            Err(failure) => {
                cx.add(diagnostic(&failure.on(host.name())));
                None
            }
        }
    }

    async fn read(&self, cx: &Context, mut state: Value, _private: &mut Vec<u8>) -> Option<Value> {
        let Some(model) = Self::model(cx, &state) else {
            return Some(state);
        };
        let node = model.node();
        let (address, identity) = (node.address(), node.identity());
        let time = limit(node.timeouts().read.as_ref(), MINUTE);
        let read = async |host: &Host| read_node(host, &identity.node_name, time).await;
        let Some(found) = self.shared.read(cx, address, node.ssh.as_ref(), read).await else {
            return Some(state);
        };
        let seen = match found? {
            Found::Half => {
                cx.add(half_removed(address));
                return Some(without_machine(state));
            }
            Found::Node(seen) => seen,
        };
        if node
            .ca_cert_hash
            .as_ref()
            .is_some_and(|known| *known != seen.ca_cert_hash)
        {
            cx.add(other_cluster(address));
            return Some(state);
        }
        if seen.is_leaving {
            cx.add(begun_removal(address));
            return Some(without_machine(state));
        }
        match model.standing(cx, &self.shared, &seen).await {
            Standing::Part => {
                model.set_drift(&self.shared, &mut state, &seen);
                model.set_seen(&mut state, &identity, &seen);
                Some(state)
            }
            Standing::Stale(told) => {
                cx.add(notice(&told));
                Some(without_machine(state))
            }
            Standing::Deleted(told) => {
                cx.add(notice(&told));
                None
            }
        }
    }

    async fn create(
        &self,
        cx: &Context,
        config: &Value,
        planned: Value,
        _private: &mut Vec<u8>,
    ) -> Option<Value> {
        let model = Self::model(cx, &planned)?;
        let node = model.node();
        let host = self.reach(cx, node)?;
        let run = self.run(
            cx,
            "create",
            &host,
            limit(node.timeouts().create.as_ref(), K::CREATE_LIMIT),
        );
        let looked = self.shared.take_look(host.name(), node.ssh.as_ref());
        let made = async {
            let identity = model.create(cx, &self.shared, &run, config, looked).await?;
            let found = read_node(&host, &identity.node_name, MINUTE).await?;
            Ok::<_, Failure>((identity, found.and_then(Found::node)))
        };
        match made.await {
            Ok((identity, Some(seen))) => {
                let mut state = planned;
                model.set_seen(&mut state, &identity, &seen);
                Some(state)
            }
            Ok((_, None)) => {
                let detail = "The host joined and has no node's files any more.";
                cx.add(
                    Diagnostic::error("Node disappeared after the join", detail).at(Path::attribute("host")),
                );
                None
            }
            Err(failure) => {
                // Nothing is recorded: tainted would mean destroyed, and the next create goes on by looking.
                cx.add(diagnostic(&failure.on(host.name())));
                None
            }
        }
    }

    async fn update(
        &self,
        cx: &Context,
        prior: &Value,
        _config: &Value,
        planned: Value,
        _private: &mut Vec<u8>,
    ) -> Value {
        let (Some(old), Some(model)) = (Self::model(cx, prior), Self::model(cx, &planned)) else {
            return prior.clone();
        };
        let (old, new) = (old.node(), model.node());
        if let Some(refusal) = cluster_change(old.join.as_ref(), new.join.as_ref()) {
            cx.add(refusal);
            return prior.clone();
        }
        if !changes_node(prior, &planned) {
            return planned;
        }
        let Some(host) = self.reach(cx, new) else {
            return prior.clone();
        };
        let has_drifted = prior.get("rendered") != planned.get("rendered");
        let change = NodeChange {
            name: new.identity().node_name,
            masters: self.shared.hosts(&new.masters, new.ssh.as_ref()),
            labels: changes(old.labels.as_ref(), new.labels.as_ref()),
            annotations: changes(old.annotations.as_ref(), new.annotations.as_ref()),
            taints: new.wanted_taints(),
            files: if has_drifted { model.files() } else { Vec::new() },
        };
        let run = self.run(
            cx,
            "update",
            &host,
            limit(new.timeouts().update.as_ref(), 10 * MINUTE),
        );
        match update_node(&run, change, &self.shared.locks).await {
            Ok(()) => planned,
            Err(failure) => {
                cx.add(diagnostic(&failure.on(host.name())));
                prior.clone()
            }
        }
    }

    async fn delete(&self, cx: &Context, prior: &Value, _private: &mut Vec<u8>) -> Option<Value> {
        let left = || Some(prior.clone());
        let Some(model) = Self::model(cx, prior) else {
            return left();
        };
        let node = model.node();
        let Some(host) = self.reach(cx, node) else {
            return left();
        };
        let leaving = node.leaving(self.shared.hosts(&node.masters, node.ssh.as_ref()));
        let run = self.run(
            cx,
            "delete",
            &host,
            limit(node.timeouts().delete.as_ref(), 15 * MINUTE),
        );
        match K::remove(&self.shared, &run, &leaving).await {
            Ok(notices) => {
                for told in &notices {
                    cx.add(notice(told));
                }
                None
            }
            Err(failure) => {
                cx.add(diagnostic(&failure.on(host.name())));
                left()
            }
        }
    }
}
