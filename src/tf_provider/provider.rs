//! The trait of the provider itself.
use std::sync::Arc;

use async_trait::async_trait;

use super::{Context, DataSource, EphemeralResource, Function, Resource, Schema, Value};

/// A Terraform provider.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// The prefix of its resources, `ha`.
    fn name(&self) -> &'static str;

    /// Its address, `namespace/name` in the public registry, for logs and debugging.
    fn address(&self) -> &'static str {
        self.name()
    }

    /// The schema of the `provider` block.
    fn schema(&self) -> Schema;

    /// As [`Resource::validate`], for the `provider` block.
    async fn validate(&self, _cx: &Context, _config: &Value) {}

    /// Once, before anything that needs the outer world. Values may be unknown at plan: store them, connect
    /// later. The framework has already put in the defaults.
    async fn configure(&self, cx: &Context, config: &Value);

    /// What it can manage. Called once.
    fn resources(&self) -> Vec<Arc<dyn Resource>>;

    /// What it can lend. Called once.
    fn ephemeral_resources(&self) -> Vec<Arc<dyn EphemeralResource>> {
        Vec::new()
    }

    /// What it can look at. Called once.
    fn data_sources(&self) -> Vec<Arc<dyn DataSource>> {
        Vec::new()
    }

    /// What it can compute. Called once.
    fn functions(&self) -> Vec<Arc<dyn Function>> {
        Vec::new()
    }

    /// Before the process ends (Terraform is done, SIGTERM, Terraform is gone): close what is open. It gets
    /// 1.5 s; Terraform kills after 2 s.
    async fn shutdown(&self) {}
}
