//! The trait of an ephemeral resource: something that is in no plan and no state (Terraform 1.10 and later).
use std::time::SystemTime;

use async_trait::async_trait;

use super::{Context, Schema, Value};

/// An opened ephemeral resource.
#[derive(Clone, Debug, Default)]
pub struct Opened {
    /// All attributes.
    pub result: Value,
    /// When `renew` must be called, if at all.
    pub renew_at: Option<SystemTime>,
    /// What `renew` and `close` need.
    pub private: Vec<u8>,
}

/// Something that exists for as long as Terraform runs.
#[async_trait]
pub trait EphemeralResource: Send + Sync + 'static {
    /// The full name in configurations, `ha_kubeconfig`.
    fn type_name(&self) -> &'static str;

    /// Its schema; the same at each call.
    fn schema(&self) -> Schema;

    /// As [`super::Resource::validate`].
    async fn validate(&self, _cx: &Context, _config: &Value) {}

    /// At plan and again at apply, so it must be cheap and repeatable. `None` only with an error.
    async fn open(&self, cx: &Context, config: &Value) -> Option<Opened>;

    /// At `renew_at`: prolongs it; gives the next time, if any.
    async fn renew(&self, _cx: &Context, _private: &mut Vec<u8>) -> Option<SystemTime> {
        None
    }

    /// When nothing needs it any more.
    async fn close(&self, _cx: &Context, _private: &[u8]) {}
}
