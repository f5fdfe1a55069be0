//! The provider as Terraform sees it: its settings and its resources.
use std::sync::Arc;

use async_trait::async_trait;

use super::{
    ha_loadbalancer, ha_master, ha_worker,
    settings::{self, Settings},
    shared::Shared,
};
use crate::{
    remote::Pool,
    tf_provider::{Context, Provider, Resource, Schema, Value},
};

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
