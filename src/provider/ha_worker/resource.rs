//! Which operation runs when Terraform plans, applies, refreshes or destroys an `ha_worker`.
use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{
    super::{
        at_plan,
        claims::{Claimant, Role},
        cluster_networks::{Noted, addresses_of_node},
        diagnose::{diagnostic, notice},
        node_model::{
            begun_removal, changes, changes_node, cluster_change, half_removed, is_checkable,
            replace_half_removed, set_seen, sure_name, without_machine,
        },
        rules::Rules,
        settings::{bug, limit},
        shared::Shared,
    },
    model::Model,
    schema::schema,
    validate::validate,
};
use crate::{
    lifecycle::{
        Found, Leaving, NodeChange, NodeSeen, WorkerSpec, check_worker, create_worker, failure_of, read_node,
        remove_worker, stale_worker, update_node,
    },
    remote::Host,
    tf_provider::{Context, Diagnostic, Path, PlanRequest, Resource, Schema, Value},
};

const MINUTE: Duration = Duration::from_secs(60);

/// The resource `ha_worker`.
#[derive(Debug)]
pub(crate) struct Worker {
    shared: Arc<Shared>,
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    fn model(cx: &Context, value: &Value) -> Option<Model> {
        Model::of(value).map_err(|error| cx.add(bug(&error))).ok()
    }

    fn reach(&self, cx: &Context, model: &Model) -> Option<Host> {
        self.shared
            .known_host(cx, model.host.as_deref().unwrap_or_default(), model.ssh.as_ref())
    }
}

/// The planned state with everything that was seen.
fn settled(mut state: Value, model: &Model, name: &str, seen: &NodeSeen) -> Value {
    let endpoint = model
        .join
        .as_ref()
        .map(|join| join.endpoint.clone())
        .unwrap_or_default();
    state.set("node_name", name);
    state.set("id", format!("{endpoint}/{name}"));
    set_seen(&mut state, &model.node, seen);
    // The API may not answer right after the join; the next refresh fills in what is missing.
    state.unknown_to_null();
    state
}

#[async_trait]
impl Resource for Worker {
    fn type_name(&self) -> &'static str {
        "ha_worker"
    }

    fn schema(&self) -> Schema {
        schema()
    }

    async fn validate(&self, cx: &Context, config: &Value) {
        validate(Rules::of_any(cx), config);
    }

    async fn plan(&self, cx: &Context, request: PlanRequest<'_>, planned: &mut Value) {
        let Some(model) = Self::model(cx, planned) else {
            return;
        };
        replace_half_removed(request.prior, planned);
        let endpoint = request
            .config
            .get("join")
            .get("endpoint")
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if request.prior.is_none() {
            validate(Rules::of_new(cx), request.config);
            let noted = Noted {
                addresses: addresses_of_node(request.config),
                is_new: true,
                ..Noted::default()
            };
            let overlaps = self.shared.note_addresses(&endpoint, model.ssh.as_ref(), &noted);
            for overlap in overlaps {
                cx.add(overlap);
            }
        }
        let Some(address) = &model.host else { return };
        let claimant = Claimant {
            type_name: self.type_name(),
            instance: request.private,
        };
        if let Some(taken) = self
            .shared
            .claim_host(Role::Node, address, model.ssh.as_ref(), &claimant)
        {
            cx.add(taken);
        }
        if let Some(taken) = sure_name(request, planned).and_then(|name| {
            self.shared
                .claim_name(&endpoint, name, address, model.ssh.as_ref())
        }) {
            cx.add(taken);
        }
        if cx.has_errors()
            || request.prior.is_some()
            || !self.shared.checks_at_plan()
            || !is_checkable(request.config)
        {
            return;
        }
        let Some(host) = self.shared.host(address, model.ssh.as_ref()) else {
            return;
        };
        let join = model
            .join
            .as_ref()
            .and_then(|join| join.join(&self.shared, model.ssh.as_ref()));
        match check_worker(&host, &model.node.wishes(), &endpoint, join.as_ref()).await {
            Ok(checked) => {
                let machine = checked.facts.machine();
                for told in self.shared.claim_machine("ha_worker", address, machine) {
                    cx.add(told);
                }
                self.shared.keep_look(address, model.ssh.as_ref(), checked.facts);
                if let Some(taken) =
                    self.shared
                        .claim_name(&endpoint, &checked.node_name, address, model.ssh.as_ref())
                {
                    cx.add(taken);
                }
                checked.notice.iter().for_each(|told| cx.add(notice(told)));
                if let Some(failure) = failure_of(&checked.problems) {
                    cx.add(diagnostic(&failure.on(address)));
                }
            }
            Err(failure) => cx.add(at_plan(&failure.on(address))),
        }
    }

    async fn read(&self, cx: &Context, state: Value, _private: &mut Vec<u8>) -> Option<Value> {
        let Some(model) = Self::model(cx, &state) else {
            return Some(state);
        };
        let address = model.host.clone().unwrap_or_default();
        let name = model.node.node_name.clone().unwrap_or_default();
        let time = limit(model.timeouts.read.as_ref(), MINUTE);
        let read = async |host: &Host| read_node(host, &name, time).await;
        let Some(seen) = self.shared.read(cx, &address, model.ssh.as_ref(), read).await else {
            return Some(state);
        };
        match seen {
            None => None,
            Some(Found::Half) => {
                cx.add(half_removed(&address));
                Some(without_machine(state))
            }
            Some(Found::Node(seen)) => {
                if model
                    .join
                    .as_ref()
                    .is_some_and(|join| join.ca_cert_hash != seen.ca_cert_hash)
                {
                    cx.add(other_cluster(&address));
                    return Some(state);
                }
                if seen.is_leaving {
                    cx.add(begun_removal(&address));
                    return Some(without_machine(state));
                }
                if seen.is_node_gone {
                    cx.add(notice(&stale_worker(&address, &name)));
                    return None;
                }
                Some(settled(state, &model, &name, &seen))
            }
        }
    }

    async fn create(
        &self,
        cx: &Context,
        _config: &Value,
        planned: Value,
        _private: &mut Vec<u8>,
    ) -> Option<Value> {
        let model = Self::model(cx, &planned)?;
        let host = self.reach(cx, &model)?;
        let join = model
            .join
            .as_ref()
            .and_then(|join| join.join(&self.shared, model.ssh.as_ref()));
        let Some(join) = join else {
            cx.add(
                Diagnostic::error("join has no value", "The resource's join argument is empty.")
                    .at(Path::attribute("join")),
            );
            return None;
        };
        let spec = WorkerSpec {
            node: model.node.wishes(),
            join,
        };
        let run = self.shared.run(
            cx,
            format!("create ha_worker {}", host.name()),
            host.clone(),
            limit(model.timeouts.create.as_ref(), 15 * MINUTE),
        );
        let looked = self.shared.take_look(host.name(), model.ssh.as_ref());
        let name = match create_worker(&run, &spec, &self.shared.locks, looked).await {
            Ok(identity) => identity.node_name,
            Err(failure) => {
                // Nothing is recorded: tainted would mean destroyed, and the next create goes on by looking.
                cx.add(diagnostic(&failure.on(host.name())));
                return None;
            }
        };
        let found = read_node(&host, &name, MINUTE).await;
        match found.map(|found| found.and_then(Found::node)) {
            Ok(Some(seen)) => Some(settled(planned, &model, &name, &seen)),
            Ok(None) => {
                cx.add(
                    Diagnostic::error(
                        "Node vanished",
                        "The host joined and has no node's files any more.",
                    )
                    .at(Path::attribute("host")),
                );
                None
            }
            Err(failure) => {
                cx.add(diagnostic(&failure));
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
        let (Some(old), Some(new)) = (Self::model(cx, prior), Self::model(cx, &planned)) else {
            return prior.clone();
        };
        if let Some(refusal) = cluster_change(old.join.as_ref(), new.join.as_ref()) {
            cx.add(refusal);
            return prior.clone();
        }
        if !changes_node(prior, &planned) {
            return planned;
        }
        let Some(host) = self.reach(cx, &new) else {
            return prior.clone();
        };
        let name = new.node.node_name.clone().unwrap_or_default();
        let masters = new
            .join
            .iter()
            .flat_map(|join| self.shared.hosts(&join.masters, new.ssh.as_ref()))
            .collect();
        let change = NodeChange {
            name: name.clone(),
            masters,
            labels: changes(old.node.labels.as_ref(), new.node.labels.as_ref()),
            annotations: changes(old.node.annotations.as_ref(), new.node.annotations.as_ref()),
            taints: new.node.taints(),
            files: Vec::new(),
        };
        let run = self.shared.run(
            cx,
            format!("update ha_worker {}", host.name()),
            host.clone(),
            limit(new.timeouts.update.as_ref(), 10 * MINUTE),
        );
        match update_node(&run, change).await {
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
        let Some(host) = self.reach(cx, &model) else {
            return left();
        };
        let Some(join) = &model.join else { return left() };
        let leaving = Leaving {
            node_name: model.node.node_name.clone().unwrap_or_default(),
            endpoint: join.endpoint.clone(),
            advertise_address: None,
            ca_cert_hash: join.ca_cert_hash.clone(),
            masters: self.shared.hosts(&join.masters, model.ssh.as_ref()),
            cri_socket: model.node.cri_socket(),
            if_unreachable: model.node.if_unreachable(),
        };
        let run = self.shared.run(
            cx,
            format!("delete ha_worker {}", host.name()),
            host.clone(),
            limit(model.timeouts.delete.as_ref(), 15 * MINUTE),
        );
        match remove_worker(&run, &leaving, &self.shared.locks).await {
            Ok(notices) => {
                for left in &notices {
                    cx.add(notice(left));
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

fn other_cluster(host: &str) -> Diagnostic {
    let detail = format!(
        "Host: {host}\n\nThe host's cluster CA is not the one of this resource's cluster any more: somebody made it part of another cluster. Its state is kept as it was."
    );
    Diagnostic::error("Host belongs to another cluster", detail).at(Path::attribute("host"))
}
