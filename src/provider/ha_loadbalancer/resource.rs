//! Which operation runs when Terraform plans, applies, refreshes or destroys an `ha_loadbalancer`.
use std::{net::IpAddr, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{
    super::{
        claims::{Claimant, Role},
        cluster_networks::{Noted, addresses_of_loadbalancer},
        diagnose::{diagnostic, notice},
        import_id::ImportId,
        settings::{bug, limit},
        shared::Shared,
        text_map,
    },
    import::set_found,
    model::Model,
    schema::schema,
    validate::validate,
};
use crate::{
    lifecycle::{
        Failure, IfUnreachable, LoadbalancerSpec, apply_loadbalancer, check_loadbalancer, confirm_vip_fault,
        failure_of, find_loadbalancer, look_for_own_member, own_member, prove_floating_ip, read_loadbalancer,
        remove_loadbalancer,
    },
    node::vip::VipLook,
    remote::Host,
    tf_provider::{Context, PlanRequest, Resource, Schema, Value},
};

const MINUTE: Duration = Duration::from_secs(60);

/// The resource `ha_loadbalancer`.
#[derive(Debug)]
pub(crate) struct Loadbalancer {
    shared: Arc<Shared>,
}

impl Loadbalancer {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    fn model(cx: &Context, value: &Value) -> Option<Model> {
        Model::of(value).map_err(|error| cx.add(bug(&error))).ok()
    }

    /// What can be seen from here to go wrong at apply. It only warns and refuses: the host may be silent when Terraform
    /// plans once more, right before it applies, and what a plan promised must stay.
    async fn check(&self, cx: &Context, model: &Model, config: &Value) {
        let Some(address) = &model.host else { return };
        let Some(host) = self.shared.host(address, model.ssh.as_ref()) else {
            return;
        };
        let checked = async {
            let own = look_for_own_member(&host, &model.member_addresses()).await?;
            let Some(spec) = model.spec(config, Some(own)) else {
                return Ok(None);
            };
            let checked = check_loadbalancer(&host, &spec, &self.other_hosts(model)).await?;
            Ok::<_, Failure>(Some(checked))
        };
        match checked.await {
            Ok(Some(checked)) => {
                let machine = checked.facts.machine();
                for told in self.shared.claim_machine("ha_loadbalancer", address, machine) {
                    cx.add(told);
                }
                self.shared.keep_look(address, model.ssh.as_ref(), checked.facts);
                checked.notices.iter().for_each(|told| cx.add(notice(told)));
                if let Some(failure) = failure_of(&checked.problems) {
                    cx.add(diagnostic(&failure.on(host.name())));
                }
            }
            Ok(None) => {}
            Err(failure) => cx.add(super::super::at_plan(&failure)),
        }
    }

    /// Tells if a refresh saw the floating IP on several hosts or on none, and it stays so.
    async fn look_for_vip_fault(&self, cx: &Context, model: &Model, vip: IpAddr, look: VipLook) {
        let address = model.host.as_deref().unwrap_or_default();
        let ssh = model.ssh.as_ref();
        let members = model.member_addresses();
        let (Some(host), Some(site)) = (
            self.shared.host(address, ssh),
            self.shared.site(vip, &members, address, ssh),
        ) else {
            return;
        };
        if let Some(hosts) = self.shared.note_floating_ip(&site, &host, look) {
            let run = self
                .shared
                .run(cx, format!("read ha_loadbalancer {address}"), host, MINUTE);
            if let Some(fault) = confirm_vip_fault(&run, vip, &hosts).await {
                cx.add(notice(&fault));
            }
        }
    }

    /// Hosts of the other members and of the backends, by their addresses: a host that is reached by another one or another
    /// user does not answer there, and is then not asked.
    fn other_hosts(&self, model: &Model) -> Vec<Host> {
        let own = model.host.as_deref().and_then(|host| host.parse().ok());
        let mut others = model.member_addresses();
        others.extend(model.backend_addresses());
        others.sort_unstable();
        others.dedup();
        others.retain(|other| Some(*other) != own);
        let others: Vec<String> = others.iter().map(IpAddr::to_string).collect();
        self.shared.not_silent(&others, model.ssh.as_ref())
    }

    /// Writes the files; the state that came of it.
    async fn apply(
        &self,
        cx: &Context,
        config: &Value,
        planned: &Value,
        operation: &str,
        time: Duration,
    ) -> Option<Value> {
        let model = Self::model(cx, planned)?;
        let address = model.host.clone().unwrap_or_default();
        let host = self.shared.known_host(cx, &address, model.ssh.as_ref())?;
        let run = self.shared.run(
            cx,
            format!("{operation} ha_loadbalancer {address}"),
            host.clone(),
            time,
        );
        let done = async {
            let own = own_member(&run, &model.member_addresses()).await?;
            let spec = model.spec(config, Some(own)).ok_or_else(|| {
                Failure::new("Load balancer not fully known", "An argument has no value.").at("members")
            })?;
            let looked = self.shared.take_look(&address, model.ssh.as_ref());
            let others = self.other_hosts(&model);
            let interface = apply_loadbalancer(&run, &spec, &others, looked).await?;
            // A change reaches the members one after the other, and proves nothing before the last.
            if operation == "create"
                && let Some(fault) = prove_floating_ip(&run, &others).await
            {
                cx.add(notice(&fault));
            }
            let seen = read_loadbalancer(&host, None, MINUTE).await?;
            Ok::<_, Failure>((spec, interface, seen))
        };
        let (spec, interface, seen) = done
            .await
            .map_err(|failure| cx.add(diagnostic(&failure.on(&address))))
            .ok()?;
        let mut state = planned.clone();
        state.set("rendered", rendered(&spec, &interface));
        state.set("interface", interface.as_str());
        state.set("machine_id", seen.machine_id.as_str());
        model.set_computed(config, Some(spec.address), &mut state);
        Some(state)
    }
}

fn rendered(spec: &LoadbalancerSpec, interface: &str) -> Value {
    let files = spec.files(interface).into_iter();
    text_map(files.map(|file| (file.path, file.content)))
}

/// Whether nothing is planned that concerns the host: these arguments are read when an operation begins.
fn differs_only_in_settings(prior: &Value, planned: &Value) -> bool {
    let mut same = prior.clone();
    for name in ["if_unreachable", "timeouts", "ssh"] {
        if prior.get(name) != planned.get(name) {
            same.set(name, planned.get(name).clone());
        }
    }
    same == *planned
}

#[async_trait]
impl Resource for Loadbalancer {
    fn type_name(&self) -> &'static str {
        "ha_loadbalancer"
    }

    fn schema(&self) -> Schema {
        schema()
    }

    async fn validate(&self, cx: &Context, config: &Value) {
        validate(cx, config);
    }

    async fn plan(&self, cx: &Context, request: PlanRequest<'_>, planned: &mut Value) {
        let Some(model) = Self::model(cx, planned) else {
            return;
        };
        let config = request.config;
        let claimant = Claimant {
            type_name: self.type_name(),
            instance: request.private,
        };
        if let Some(taken) = model.host.as_ref().and_then(|host| {
            self.shared
                .claim_host(Role::Loadbalancer, host, model.ssh.as_ref(), &claimant)
        }) {
            cx.add(taken);
        }
        model.set_computed(config, None, planned);
        let text = model
            .spec(config, None)
            .zip(planned.get("interface").as_str())
            .map(|(spec, interface)| rendered(&spec, interface));
        planned.set("rendered", text.unwrap_or_else(Value::unknown));
        if request.prior.is_some() {
            return;
        }
        if let Some(endpoint) = planned.get("endpoint").as_str() {
            let noted = Noted {
                addresses: addresses_of_loadbalancer(config),
                is_new: true,
                ..Noted::default()
            };
            let overlaps = self.shared.note_addresses(endpoint, model.ssh.as_ref(), &noted);
            for overlap in overlaps {
                cx.add(overlap);
            }
        }
        if self.shared.checks_at_plan() && Model::is_checkable(config) {
            self.check(cx, &model, config).await;
        }
    }

    async fn import(&self, cx: &Context, id: &str) -> Option<Value> {
        let id = ImportId::parse(id).map_err(|wrong| cx.add(wrong)).ok()?;
        let mut state = schema().with_defaults(id.state());
        let model = Self::model(cx, &state)?;
        let address = model.host.clone().unwrap_or_default();
        let host = self.shared.known_host(cx, &address, model.ssh.as_ref())?;
        match find_loadbalancer(&host, MINUTE).await {
            Ok(found) => set_found(&mut state, &found),
            Err(failure) => {
                cx.add(diagnostic(&failure.on(host.name())));
                return None;
            }
        }
        let state = schema().conform(state);
        let mut computed = state.clone();
        Self::model(cx, &state)?.set_computed(&state, None, &mut computed);
        computed.unknown_to_null();
        Some(computed)
    }

    async fn read(&self, cx: &Context, mut state: Value, _private: &mut Vec<u8>) -> Option<Value> {
        let Some(model) = Self::model(cx, &state) else {
            return Some(state);
        };
        let address = model.host.clone().unwrap_or_default();
        let time = limit(
            model
                .timeouts
                .as_ref()
                .and_then(|timeouts| timeouts.read.as_ref()),
            MINUTE,
        );
        let read = async |host: &Host| read_loadbalancer(host, model.vip, time).await;
        let Some(seen) = self.shared.read(cx, &address, model.ssh.as_ref(), read).await else {
            return Some(state);
        };
        if seen.files.is_empty() {
            return None;
        }
        if let (Some(vip), Some(look)) = (model.vip, seen.vip) {
            self.look_for_vip_fault(cx, &model, vip, look).await;
        }
        state.set("rendered", text_map(seen.files));
        state.set("machine_id", seen.machine_id);
        Some(state)
    }

    async fn create(
        &self,
        cx: &Context,
        config: &Value,
        planned: Value,
        _private: &mut Vec<u8>,
    ) -> Option<Value> {
        let time = Model::of(&planned)
            .ok()
            .and_then(|model| model.timeouts)
            .unwrap_or_default();
        self.apply(
            cx,
            config,
            &planned,
            "create",
            limit(time.create.as_ref(), 10 * MINUTE),
        )
        .await
    }

    async fn update(
        &self,
        cx: &Context,
        prior: &Value,
        config: &Value,
        planned: Value,
        _private: &mut Vec<u8>,
    ) -> Value {
        if differs_only_in_settings(prior, &planned) {
            return planned;
        }
        let time = Model::of(&planned)
            .ok()
            .and_then(|model| model.timeouts)
            .unwrap_or_default();
        self.apply(
            cx,
            config,
            &planned,
            "update",
            limit(time.update.as_ref(), 10 * MINUTE),
        )
        .await
        .unwrap_or_else(|| prior.clone())
    }

    async fn delete(&self, cx: &Context, prior: &Value, _private: &mut Vec<u8>) -> Option<Value> {
        let left = || Some(prior.clone());
        let Some(model) = Self::model(cx, prior) else {
            return left();
        };
        let address = model.host.clone().unwrap_or_default();
        let Some(host) = self.shared.known_host(cx, &address, model.ssh.as_ref()) else {
            return left();
        };
        let policy = IfUnreachable::of(model.if_unreachable.as_deref());
        let time = limit(model.timeouts.unwrap_or_default().delete.as_ref(), 5 * MINUTE);
        let run = self
            .shared
            .run(cx, format!("delete ha_loadbalancer {address}"), host, time);
        let vip = model.vip.map(|vip| vip.to_string()).unwrap_or_default();
        match remove_loadbalancer(&run, policy, &vip).await {
            Ok(notices) => {
                for left in &notices {
                    cx.add(notice(left));
                }
                None
            }
            Err(failure) => {
                cx.add(diagnostic(&failure.on(&address)));
                left()
            }
        }
    }
}
