//! Which operation runs when Terraform plans, applies, refreshes or destroys an `ha_loadbalancer`.
use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{
    super::{
        cluster_networks::addresses_of_loadbalancer,
        diagnose::{diagnostic, notice},
        settings::{bug, limit},
        shared::Shared,
        text_map,
    },
    model::Model,
    schema::schema,
    validate::validate,
};
use crate::{
    lifecycle::{
        Failure, IfUnreachable, LoadbalancerSpec, apply_loadbalancer, check_loadbalancer, failure_of,
        own_member, read_loadbalancer, remove_loadbalancer,
    },
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

    /// What can be seen from here to go wrong at apply.
    async fn check(&self, cx: &Context, model: &Model, spec: &LoadbalancerSpec) {
        let Some(address) = &model.host else { return };
        let Some(host) = self.shared.host(address, model.ssh.as_ref()) else {
            return;
        };
        match check_loadbalancer(&host, spec).await {
            Ok((problems, facts)) => {
                self.shared.keep_look(address, model.ssh.as_ref(), facts);
                if let Some(failure) = failure_of(&problems) {
                    cx.add(diagnostic(&failure.on(host.name())));
                }
            }
            Err(failure) => cx.add(super::super::at_plan(&failure)),
        }
    }

    /// Writes the files; the state that came of it.
    async fn apply(&self, cx: &Context, planned: &Value, operation: &str, time: Duration) -> Option<Value> {
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
            let spec = model.spec(planned, Some(own)).ok_or_else(|| {
                Failure::new("Load balancer not fully known", "An argument has no value.").at("members")
            })?;
            let looked = self.shared.take_look(&address, model.ssh.as_ref());
            let interface = apply_loadbalancer(&run, &spec, looked).await?;
            let seen = read_loadbalancer(&host, MINUTE).await?;
            Ok::<_, Failure>((spec, interface, seen))
        };
        let (spec, interface, seen) = done
            .await
            .map_err(|failure| cx.add(diagnostic(&failure.on(&address))))
            .ok()?;
        let mut state = planned.clone();
        let files = spec
            .files(&interface)
            .into_iter()
            .map(|file| (file.path, file.content));
        state.set("rendered", text_map(files));
        state.set("interface", interface.as_str());
        state.set("machine_id", seen.machine_id.as_str());
        set_known(&mut state, &model, &spec);
        Some(state)
    }
}

fn set_known(value: &mut Value, model: &Model, spec: &LoadbalancerSpec) {
    let endpoint = format!("{}:{}", host_in_url(spec.vip), spec.haproxy.port);
    value.set(
        "id",
        format!("{endpoint}/{}", model.host.as_deref().unwrap_or_default()),
    );
    value.set("address", spec.address.to_string());
    value.set("endpoint", endpoint);
    value.set("port", i64::from(spec.haproxy.port));
    value.set("virtual_router_id", i64::from(spec.virtual_router_id));
    value.set("priority", i64::from(spec.priority));
}

fn host_in_url(vip: std::net::IpAddr) -> String {
    if vip.is_ipv6() {
        format!("[{vip}]")
    } else {
        vip.to_string()
    }
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
        if let (Some(vip), Some(port)) = (model.vip, model.port(request.config)) {
            planned.set("port", i64::from(port));
            planned.set("endpoint", format!("{}:{port}", host_in_url(vip)));
            if let Some(id) = model.virtual_router_id(request.config) {
                planned.set("virtual_router_id", i64::from(id));
            }
        }
        if request.prior.is_none()
            && let Some(endpoint) = planned.get("endpoint").as_str()
            && let Some(overlap) = self
                .shared
                .networks
                .place(endpoint, addresses_of_loadbalancer(request.config))
        {
            cx.add(overlap);
        }
        let Some(spec) = model.spec(request.config, None) else {
            for name in ["rendered", "priority", "address"] {
                planned.set(name, Value::unknown());
            }
            return;
        };
        set_known(planned, &model, &spec);
        match planned.get("interface").as_str() {
            Some(interface) => {
                let files = spec
                    .files(interface)
                    .into_iter()
                    .map(|file| (file.path, file.content));
                planned.set("rendered", text_map(files));
            }
            None => planned.set("rendered", Value::unknown()),
        }
        if request.prior.is_none() && self.shared.checks_at_plan() {
            self.check(cx, &model, &spec).await;
        }
    }

    async fn read(&self, cx: &Context, mut state: Value, _private: &mut Vec<u8>) -> Option<Value> {
        let Some(model) = Self::model(cx, &state) else {
            return Some(state);
        };
        let address = model.host.clone().unwrap_or_default();
        let time = limit(model.timeouts.unwrap_or_default().read.as_ref(), MINUTE);
        let read = async |host: &Host| read_loadbalancer(host, time).await;
        let Some(seen) = self.shared.read(cx, &address, model.ssh.as_ref(), read).await else {
            return Some(state);
        };
        if seen.files.is_empty() {
            return None;
        }
        state.set("rendered", text_map(seen.files));
        state.set("machine_id", seen.machine_id);
        Some(state)
    }

    async fn create(
        &self,
        cx: &Context,
        _config: &Value,
        planned: Value,
        _private: &mut Vec<u8>,
    ) -> Option<Value> {
        let time = Model::of(&planned)
            .ok()
            .and_then(|model| model.timeouts)
            .unwrap_or_default();
        self.apply(cx, &planned, "create", limit(time.create.as_ref(), 10 * MINUTE))
            .await
    }

    async fn update(
        &self,
        cx: &Context,
        prior: &Value,
        _config: &Value,
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
        self.apply(cx, &planned, "update", limit(time.update.as_ref(), 10 * MINUTE))
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
