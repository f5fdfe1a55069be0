//! Terraform's part around any provider: what it sends in the calls up to a plan, and what it demands of the answers.
//!
//! Sensitive, ephemeral and other marks are Terraform's own: it takes them off before a call and puts them back on the
//! answer. What a provider gets of them is the plain value, so no case here has marks. Refinements of unknown values
//! do travel (`Refinements`).
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tonic::Request;

use super::super::{
    catalog::Catalog,
    dynamic_value::{decode, encode},
    server::Server,
    tfplugin5::{self as pb, provider_server::Provider as _},
};
use crate::tf_provider::{Block, Nesting, Path, Provider, Schema, Type, Value, compare::broken_promises};

/// One message to the user.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) is_error: bool,
    pub(crate) summary: String,
    pub(crate) detail: String,
    /// Attributes, keys and indices, by dots: `ssh.bastion.host`, `peers.0`.
    pub(crate) at: String,
}

/// A Terraform that runs this provider.
pub(crate) struct Terraform {
    server: Server,
    catalog: Catalog,
}

impl Terraform {
    pub(crate) fn of(provider: Arc<dyn Provider>) -> Self {
        Self {
            server: Server::new(provider.clone(), CancellationToken::new(), true),
            catalog: Catalog::new(provider),
        }
    }

    pub(crate) fn provider_schema(&self) -> Schema {
        self.catalog.provider.schema()
    }

    pub(crate) fn schema(&self, resource: &str) -> Schema {
        self.catalog.resources[resource].schema()
    }

    /// Checks the provider block as `terraform validate` does.
    pub(crate) async fn validate_provider(&self, config: &Value) -> Vec<Told> {
        let request = pb::prepare_provider_config::Request {
            config: wire(&self.provider_schema(), config),
        };
        let answer = self.server.prepare_provider_config(Request::new(request)).await;
        told(answer.unwrap().into_inner().diagnostics)
    }

    /// Begins a run with this provider block.
    pub(crate) async fn configure(&self, config: &Value) -> Vec<Told> {
        let request = pb::configure::Request {
            config: wire(&self.provider_schema(), config),
            ..Default::default()
        };
        let answer = self.server.configure(Request::new(request)).await;
        told(answer.unwrap().into_inner().diagnostics)
    }

    pub(crate) async fn validate(&self, resource: &str, config: &Value) -> Vec<Told> {
        let request = pb::validate_resource_type_config::Request {
            type_name: resource.to_owned(),
            config: wire(&self.schema(resource), config),
            ..Default::default()
        };
        let answer = self
            .server
            .validate_resource_type_config(Request::new(request))
            .await;
        told(answer.unwrap().into_inner().diagnostics)
    }

    /// Plans one and the same instance; see [`Self::plan_instance`].
    pub(crate) async fn plan(
        &self,
        resource: &str,
        prior: Option<&Value>,
        config: &Value,
    ) -> (Value, Vec<Told>) {
        let mut private = b"the one".to_vec();
        self.plan_instance(resource, prior, config, &mut private).await
    }

    /// Plans, and checks the plan as Terraform does: what the configuration says is in it, and nothing else but what
    /// the provider may set. `private` is what lies beside the state, and what the plan makes of it.
    pub(crate) async fn plan_instance(
        &self,
        resource: &str,
        prior: Option<&Value>,
        config: &Value,
        private: &mut Vec<u8>,
    ) -> (Value, Vec<Told>) {
        let schema = self.schema(resource);
        let config = schema.conform(config.clone());
        let none = Value::Null;
        let request = pb::plan_resource_change::Request {
            type_name: resource.to_owned(),
            prior_state: wire(&schema, prior.unwrap_or(&none)),
            proposed_new_state: wire(&schema, &proposed(&schema.block, prior.unwrap_or(&none), &config)),
            config: wire(&schema, &config),
            prior_private: private.clone(),
            ..Default::default()
        };
        let answer = self.server.plan_resource_change(Request::new(request)).await;
        let answer = answer.unwrap().into_inner();
        private.clone_from(&answer.planned_private);
        let planned = decode(answer.planned_state.as_ref(), &schema.value_type()).unwrap();
        let told = told(answer.diagnostics);
        if told.iter().all(|told| !told.is_error) {
            assert_valid(&schema.block, &config, &planned, resource);
        }
        (planned, told)
    }

    /// Where the plan at apply is not what the first plan promised.
    pub(crate) fn broken_promises(&self, resource: &str, first: &Value, last: &Value) -> Vec<String> {
        let mut broken = Vec::new();
        let ty = self.schema(resource).value_type();
        broken_promises(first, last, &ty, &Path::root(), &mut broken);
        broken.iter().map(ToString::to_string).collect()
    }

    pub(crate) async fn read(&self, resource: &str, state: &Value) -> (Value, Vec<Told>) {
        let schema = self.schema(resource);
        let request = pb::read_resource::Request {
            type_name: resource.to_owned(),
            current_state: wire(&schema, state),
            ..Default::default()
        };
        let answer = self.server.read_resource(Request::new(request)).await;
        let answer = answer.unwrap().into_inner();
        (
            decode(answer.new_state.as_ref(), &schema.value_type()).unwrap(),
            told(answer.diagnostics),
        )
    }

    /// Creates what was planned.
    pub(crate) async fn create(&self, resource: &str, config: &Value, planned: &Value) -> (Value, Vec<Told>) {
        let schema = self.schema(resource);
        let request = pb::apply_resource_change::Request {
            type_name: resource.to_owned(),
            prior_state: Some(encode(&Value::Null, &Type::Dynamic)),
            planned_state: wire(&schema, planned),
            config: wire(&schema, config),
            ..Default::default()
        };
        let answer = self.server.apply_resource_change(Request::new(request)).await;
        let answer = answer.unwrap().into_inner();
        (
            decode(answer.new_state.as_ref(), &schema.value_type()).unwrap(),
            told(answer.diagnostics),
        )
    }

    /// Destroys, plan and apply; what is left.
    pub(crate) async fn destroy(&self, resource: &str, state: &Value) -> (Value, Vec<Told>) {
        let schema = self.schema(resource);
        let null = || Some(encode(&Value::Null, &Type::Dynamic));
        let plan = pb::plan_resource_change::Request {
            type_name: resource.to_owned(),
            prior_state: wire(&schema, state),
            proposed_new_state: null(),
            config: null(),
            ..Default::default()
        };
        let planned = self.server.plan_resource_change(Request::new(plan)).await;
        let apply = pb::apply_resource_change::Request {
            type_name: resource.to_owned(),
            prior_state: wire(&schema, state),
            planned_state: null(),
            config: null(),
            ..Default::default()
        };
        let applied = self.server.apply_resource_change(Request::new(apply)).await;
        let applied = applied.unwrap().into_inner();
        let mut all = told(planned.unwrap().into_inner().diagnostics);
        all.extend(told(applied.diagnostics));
        (
            decode(applied.new_state.as_ref(), &schema.value_type()).unwrap(),
            all,
        )
    }
}

#[expect(clippy::unnecessary_wraps, reason = "requests take an option")]
fn wire(schema: &Schema, value: &Value) -> Option<pb::DynamicValue> {
    Some(encode(&schema.conform(value.clone()), &schema.value_type()))
}

fn told(diagnostics: Vec<pb::Diagnostic>) -> Vec<Told> {
    use pb::attribute_path::step::Selector;
    let tell = |diagnostic: pb::Diagnostic| {
        let steps = diagnostic.attribute.iter().flat_map(|path| &path.steps);
        let steps = steps.map(|step| match step.selector.as_ref().unwrap() {
            Selector::AttributeName(name) | Selector::ElementKeyString(name) => name.clone(),
            Selector::ElementKeyInt(index) => index.to_string(),
        });
        Told {
            is_error: diagnostic.severity() == pb::diagnostic::Severity::Error,
            at: steps.collect::<Vec<_>>().join("."),
            summary: diagnostic.summary,
            detail: diagnostic.detail,
        }
    };
    diagnostics.into_iter().map(tell).collect()
}

/// Terraform's merge of configuration and prior state: computed values that are not configured stay as they are.
fn proposed(block: &Block, prior: &Value, config: &Value) -> Value {
    if config.as_map().is_none() {
        return config.clone();
    }
    let attributes = block.attributes.iter().map(|attribute| {
        let configured = config.get(attribute.name);
        let kept = configured.is_null() && attribute.is_computed();
        let source = if kept { prior } else { config };
        (attribute.name, source.get(attribute.name).clone())
    });
    let blocks = block.blocks.iter().map(|nested| {
        let (prior, config) = (prior.get(nested.name), config.get(nested.name));
        let value = match (nested.nesting, config) {
            (Nesting::List, Value::List(items)) => items
                .iter()
                .enumerate()
                .map(|(index, item)| proposed(&nested.block, prior.item(index), item))
                .collect::<Vec<_>>()
                .into(),
            (Nesting::Single, config) => proposed(&nested.block, prior, config),
            (_, other) => other.clone(),
        };
        (nested.name, value)
    });
    Value::object(attributes.chain(blocks))
}

/// What Terraform checks of a plan ("Provider produced invalid plan").
fn assert_valid(block: &Block, config: &Value, planned: &Value, at: &str) {
    if config.as_map().is_none() {
        assert_eq!(planned, config, "{at}");
        return;
    }
    for attribute in &block.attributes {
        let (config, planned) = (config.get(attribute.name), planned.get(attribute.name));
        if !config.is_null() || !attribute.is_computed() {
            assert_eq!(planned, config, "{at}.{}", attribute.name);
        }
    }
    for nested in &block.blocks {
        let (config, planned) = (config.get(nested.name), planned.get(nested.name));
        let at = format!("{at}.{}", nested.name);
        match config {
            Value::List(items) => {
                assert_eq!(items.len(), planned.as_list().len(), "{at}");
                for (item, planned) in items.iter().zip(planned.as_list()) {
                    assert_valid(&nested.block, item, planned, &at);
                }
            }
            single => assert_valid(&nested.block, single, planned, &at),
        }
    }
}
