//! Scripts on a host through ssh.
use std::sync::Arc;

use async_trait::async_trait;

use super::{Target, Transport, TransportError, ssh_master::Workspace};
use crate::command::{Output, Script};

#[derive(Debug)]
pub(super) struct OpenSsh {
    target: Target,
}

impl OpenSsh {
    pub(super) fn new(target: Target, _workspace: Arc<Workspace>) -> Self {
        Self { target }
    }
}

#[async_trait]
impl Transport for OpenSsh {
    async fn run(&self, _script: &Script) -> Result<Output, TransportError> {
        Err(TransportError::Other(format!("not yet: {}", self.target.address)))
    }
}
