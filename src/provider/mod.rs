//! Terraform ⇄ domain: the provider `ha` and its resources.
//!
//! **Invariant:** the only place that imports both `tf_provider` and `lifecycle`. A folder is named as the resource
//! in HCL and has `schema.rs` (texts), `model.rs` (value ⇄ spec) and `resource.rs` (which operation when).
mod claims;
mod cluster_networks;
mod diagnose;
#[cfg(test)]
mod docs;
mod duration;
mod floating_ips;
mod machines;
mod node_kind;
mod node_model;
mod node_resource;
mod node_rules;
mod node_state;
mod rules;
mod run_memory;
mod settings;
mod shared;
mod shared_attributes;

mod ha_loadbalancer;
mod ha_master;
mod ha_worker;

use std::sync::Arc;

use async_trait::async_trait;

use self::{settings::Settings, shared::Shared};
use crate::{
    lifecycle::Failure,
    remote::Pool,
    tf_provider::{Context, Diagnostic, Provider, Resource, Schema, Severity, Value},
};

/// A map of texts as Terraform's value.
fn text_map(entries: impl IntoIterator<Item = (String, String)>) -> Value {
    Value::object(entries.into_iter().map(|(key, text)| (key, Value::from(text))))
}

/// A failure of a check at plan. That a host does not answer or let anybody in yet is no error: the same apply may make the
/// machine, and Terraform plans once more right before it applies, when the address is known and the machine still boots.
fn at_plan(failure: &Failure) -> Diagnostic {
    if !failure.may_pass_after_boot {
        return diagnose::diagnostic(failure);
    }
    let advice = format!(
        "{}\n\nIf this apply makes the machine, nothing is wrong: creating the resource waits for the host and checks it then.",
        failure.advice
    );
    Diagnostic {
        severity: Severity::Warning,
        ..diagnose::diagnostic(&Failure {
            advice,
            detail: failure.detail.clone(),
            host: failure.host.clone(),
            ..*failure
        })
    }
}

/// The provider `ha`.
#[derive(Debug)]
pub struct Ha {
    shared: Arc<Shared>,
}

impl Ha {
    /// A provider that reaches its hosts through this pool.
    pub fn new(pool: Pool) -> Self {
        Self {
            shared: Arc::new(Shared::new(pool)),
        }
    }
}

#[async_trait]
impl Provider for Ha {
    fn name(&self) -> &'static str {
        "ha"
    }

    fn address(&self) -> &'static str {
        "kube-ha/ha"
    }

    fn schema(&self) -> Schema {
        settings::schema()
    }

    async fn validate(&self, cx: &Context, config: &Value) {
        settings::validate(cx, config);
    }

    async fn configure(&self, cx: &Context, config: &Value) {
        match Settings::from_config(config) {
            Ok(settings) => self.shared.configure(settings),
            Err(diagnostic) => cx.add(*diagnostic),
        }
    }

    fn resources(&self) -> Vec<Arc<dyn Resource>> {
        vec![
            Arc::new(ha_loadbalancer::Loadbalancer::new(self.shared.clone())),
            Arc::new(ha_master::Master::new(self.shared.clone())),
            Arc::new(ha_worker::Worker::new(self.shared.clone())),
        ]
    }

    async fn shutdown(&self) {
        self.shared.pool.close().await;
    }
}

#[cfg(test)]
mod any_value;
#[cfg(test)]
mod leaving_nodes;
#[cfg(test)]
mod master_plans;
#[cfg(test)]
mod named_attributes;
#[cfg(test)]
mod one_host;
#[cfg(test)]
mod own_member;
#[cfg(test)]
mod rules_table;
#[cfg(test)]
mod silent_hosts;
