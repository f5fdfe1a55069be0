//! Which operation runs when Terraform plans, applies, refreshes or destroys an `ha_master`.
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
            replace_half_removed, sure_name, without_machine,
        },
        rules::Rules,
        settings::{bug, limit},
        shared::Shared,
        text_map,
    },
    computed::{planned_join, rendered, set_master_seen},
    model::Model,
    network_rules::named_networks,
    schema::schema,
    settings_change::settings_change,
    validate::validate,
};
use crate::{
    lifecycle::{
        CLUSTER_FILE, Failure, Found, Identity, Leaving, NodeChange, Notice, check_master, cluster_file,
        create_master, failure_of, foresee_removal, is_recorded, look_for_lost_quorum, look_for_stale_master,
        prove_floating_ip, read_node, remove_master, update_node,
    },
    remote::Host,
    tf_provider::{Context, Diagnostic, Path, PlanRequest, Resource, Schema, Value},
};

const MINUTE: Duration = Duration::from_secs(60);

/// The resource `ha_master`.
#[derive(Debug)]
pub(crate) struct Master {
    shared: Arc<Shared>,
}

impl Master {
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

    /// What can be seen from here to go wrong at apply.
    async fn check(&self, cx: &Context, model: &Model, config: &Value) {
        let Some(address) = &model.host else { return };
        let Some(host) = self.shared.host(address, model.ssh.as_ref()) else {
            return;
        };
        let looked = self.shared.look(address, model.ssh.as_ref());
        match check_master(&host, &model.spec(&self.shared, config), looked).await {
            Ok(checked) => {
                let is_recorded = is_recorded(&checked.facts);
                let machine = checked.facts.machine();
                for told in self.shared.machines.claim("ha_master", address, machine) {
                    cx.add(told);
                }
                self.shared.keep_look(address, model.ssh.as_ref(), checked.facts);
                let endpoint = model.endpoint().unwrap_or_default();
                if let Some(taken) =
                    self.shared
                        .claim_name(endpoint, &checked.node_name, address, model.ssh.as_ref())
                {
                    cx.add(taken);
                }
                checked.notice.iter().for_each(|told| cx.add(notice(told)));
                if let Some(failure) = failure_of(&checked.problems) {
                    cx.add(diagnostic(&failure.on(address)));
                } else if is_recorded && let Some(stale) = self.look_for_stale(model).await {
                    cx.add(notice(&stale));
                }
            }
            Err(failure) => cx.add(at_plan(&failure.on(address))),
        }
    }

    /// What removing it would do to etcd, as things are now.
    async fn foresee(&self, cx: &Context, model: &Model, prior: &Value) {
        let leaving = Leaving {
            masters: self.shared.not_silent(&model.masters(), model.ssh.as_ref()),
            ..self.leaving(model, prior)
        };
        if let Some(warning) = foresee_removal(&leaving).await {
            cx.add(notice(&warning));
        }
    }

    /// Whether the host is a master no more, as the others say.
    async fn look_for_stale(&self, model: &Model) -> Option<Notice> {
        let host = self.shared.host(model.host.as_deref()?, model.ssh.as_ref())?;
        let masters = self.shared.not_silent(&model.masters(), model.ssh.as_ref());
        look_for_stale_master(&host, &masters).await
    }

    /// Whether etcd has lost its quorum; the user is told once for each cluster.
    async fn look_for_lost_quorum(&self, model: &Model) -> Option<Diagnostic> {
        let host = self.shared.host(model.host.as_deref()?, model.ssh.as_ref())?;
        let lost = look_for_lost_quorum(&host).await?;
        let endpoint = model.endpoint().unwrap_or_default();
        self.shared
            .is_first_to_tell(endpoint, model.ssh.as_ref(), lost.summary)
            .then(|| notice(&lost))
    }

    fn leaving(&self, model: &Model, prior: &Value) -> Leaving {
        Leaving {
            node_name: model.node.node_name.clone().unwrap_or_default(),
            endpoint: model.endpoint().unwrap_or_default().to_owned(),
            advertise_address: model.node.advertise_address,
            ca_cert_hash: prior.get("ca_cert_hash").as_str().unwrap_or_default().to_owned(),
            masters: self.shared.hosts(&model.masters(), model.ssh.as_ref()),
            cri_socket: model.node.cri_socket(),
            if_unreachable: model.node.if_unreachable(),
        }
    }

    /// The state of a master that exists, from the planned one and what is seen.
    async fn settle(
        &self,
        host: &Host,
        model: &Model,
        identity: Identity,
        mut state: Value,
    ) -> Result<Option<Value>, Failure> {
        let Identity {
            node_name: name,
            address,
        } = identity;
        let Some(seen) = read_node(host, &name, MINUTE).await?.and_then(Found::node) else {
            return Ok(None);
        };
        state.set("node_name", name.as_str());
        // What is written in the configuration stays as it is spelled.
        if state.get("advertise_address").is_unknown() {
            state.set(
                "advertise_address",
                address.map_or(Value::Null, |address| Value::from(address.to_string())),
            );
        }
        let mut model = model.clone();
        model.node.advertise_address = address;
        set_master_seen(&mut state, &model, &name, &seen);
        Ok(Some(state))
    }
}

#[async_trait]
impl Resource for Master {
    fn type_name(&self) -> &'static str {
        "ha_master"
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
        if let Some(prior) = request.prior {
            let refusals = settings_change(prior.get("cluster"), request.config.get("cluster"));
            if !refusals.is_empty() {
                for refusal in refusals {
                    cx.add(refusal);
                }
                return;
            }
        }
        let config = request.config;
        if config.get("cluster").is_null() {
            planned.set("rendered", text_map([]));
        } else {
            planned.set("join", planned_join(&model, request));
            planned.set(
                "rendered",
                rendered(&model)
                    .map_or_else(Value::unknown, |text| text_map([(CLUSTER_FILE.to_owned(), text)])),
            );
        }
        let claimant = Claimant {
            type_name: self.type_name(),
            instance: request.private,
        };
        if let Some(taken) = model.host.as_ref().and_then(|host| {
            self.shared
                .claim_host(Role::Node, host, model.ssh.as_ref(), &claimant)
        }) {
            cx.add(taken);
        }
        let endpoint = model.endpoint().unwrap_or_default().to_owned();
        let is_new = request.prior.is_none();
        if is_new {
            validate(Rules::of_new(cx), config);
        }
        if is_new || model.cluster.is_some() {
            let noted = Noted {
                networks: if config.get("cluster").is_null() {
                    Vec::new()
                } else {
                    named_networks(config.get("cluster"))
                },
                addresses: if is_new {
                    addresses_of_node(config)
                } else {
                    Vec::new()
                },
                is_new,
            };
            let overlaps = self.shared.note_addresses(&endpoint, model.ssh.as_ref(), &noted);
            for overlap in overlaps {
                cx.add(overlap);
            }
        }
        if let (Some(name), Some(host)) = (sure_name(request, planned), &model.host)
            && let Some(taken) = self.shared.claim_name(&endpoint, name, host, model.ssh.as_ref())
        {
            cx.add(taken);
        }
        if cx.has_errors() || !self.shared.checks_at_plan() || !config.get("host").is_wholly_known() {
            return;
        }
        let address = model.host.clone().unwrap_or_default();
        if let Some(prior) = request.prior {
            self.shared.note_existing(&address, model.ssh.as_ref(), prior);
            return;
        }
        if is_checkable(config) {
            self.check(cx, &model, config).await;
        }
        // Terraform plans a replacement as an update first and as a create after that.
        if let Some(replaced) = self.shared.existing(&address, model.ssh.as_ref())
            && let Some(old) = Self::model(cx, &replaced)
        {
            self.foresee(cx, &old, &replaced).await;
        }
    }

    async fn read(&self, cx: &Context, mut state: Value, _private: &mut Vec<u8>) -> Option<Value> {
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
                let known = state.get("ca_cert_hash").as_str().map(str::to_owned);
                if known.is_some_and(|known| known != seen.ca_cert_hash) {
                    let detail = format!(
                        "Host: {address}\n\nThe host's cluster CA is not the one of this resource's cluster any more: somebody made it part of another cluster. Its state is kept as it was."
                    );
                    cx.add(
                        Diagnostic::error("Host belongs to another cluster", detail)
                            .at(Path::attribute("host")),
                    );
                    return Some(state);
                }
                if seen.is_leaving {
                    cx.add(begun_removal(&address));
                    return Some(without_machine(state));
                }
                // A host whose etcd does not answer may have been taken out while it was down.
                if seen.members.is_empty()
                    && let Some(stale) = self.look_for_stale(&model).await
                {
                    cx.add(notice(&stale));
                    return Some(without_machine(state));
                }
                if seen.members.is_empty()
                    && let Some(lost) = self.look_for_lost_quorum(&model).await
                {
                    cx.add(lost);
                }
                set_master_seen(&mut state, &model, &name, &seen);
                Some(state)
            }
        }
    }

    async fn plan_destroy(&self, cx: &Context, prior: &Value) {
        if self.shared.checks_at_plan()
            && let Some(model) = Self::model(cx, prior)
        {
            self.foresee(cx, &model, prior).await;
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
        let host = self.reach(cx, &model)?;
        let spec = model.spec(&self.shared, config);
        let run = self.shared.run(
            cx,
            format!("create ha_master {}", host.name()),
            host.clone(),
            limit(model.timeouts.create.as_ref(), 20 * MINUTE),
        );
        let looked = self.shared.take_look(host.name(), model.ssh.as_ref());
        let identity = match create_master(&run, &spec, &self.shared.locks, looked).await {
            Ok(identity) => identity,
            Err(failure) => {
                // Nothing is recorded: tainted would mean destroyed, and the next create goes on by looking.
                cx.add(diagnostic(&failure.on(host.name())));
                return None;
            }
        };
        if let Some(fault) = prove_floating_ip(&run, &spec.candidates()).await {
            cx.add(notice(&fault));
        }
        match self.settle(&host, &model, identity, planned).await {
            Ok(Some(state)) => Some(state),
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
        let drifted = prior.get("rendered") != planned.get("rendered");
        let change = NodeChange {
            name: new.node.node_name.clone().unwrap_or_default(),
            masters: self.shared.hosts(&new.masters(), new.ssh.as_ref()),
            labels: changes(old.node.labels.as_ref(), new.node.labels.as_ref()),
            annotations: changes(old.node.annotations.as_ref(), new.node.annotations.as_ref()),
            taints: new.node.taints(),
            files: rendered(&new)
                .filter(|_| drifted)
                .map(cluster_file)
                .into_iter()
                .collect(),
        };
        let run = self.shared.run(
            cx,
            format!("update ha_master {}", host.name()),
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
        let leaving = self.leaving(&model, prior);
        let run = self.shared.run(
            cx,
            format!("delete ha_master {}", host.name()),
            host.clone(),
            limit(model.timeouts.delete.as_ref(), 15 * MINUTE),
        );
        match remove_master(&run, &leaving, &self.shared.locks, &self.shared.departures).await {
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
