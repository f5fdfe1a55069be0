//! The trait of a data source.
use async_trait::async_trait;

use super::{Context, Schema, Value};

/// Something Terraform can look at.
#[async_trait]
pub trait DataSource: Send + Sync + 'static {
    /// The full name in configurations, `ha_cluster`.
    fn type_name(&self) -> &'static str;

    /// Its schema; the same at each call.
    fn schema(&self) -> Schema;

    /// As [`super::Resource::validate`].
    async fn validate(&self, _cx: &Context, _config: &Value) {}

    /// At plan, or at apply if the configuration holds unknown values. `None` only with an error.
    async fn read(&self, cx: &Context, config: &Value) -> Option<Value>;
}
