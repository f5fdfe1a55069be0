//! Step: the API server answers through the cluster's endpoint.
use async_trait::async_trait;

use super::await_local_api::{LIMIT, ready};
use crate::{
    kube,
    kubeadm::Endpoint,
    lifecycle::{
        engine::{Act, Check, Run, Step, wait_until_done},
        failure::Failure,
    },
};

/// Waits for `/readyz` through the endpoint, asked from the host.
#[derive(Debug)]
pub(crate) struct AwaitEndpoint {
    /// The cluster's endpoint.
    pub endpoint: Endpoint,
}

#[async_trait]
impl Step for AwaitEndpoint {
    fn title(&self) -> &'static str {
        "wait for the API server through the endpoint"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        ready(run, kube::endpoint_readyz_command(&self.endpoint)).await
    }

    async fn perform(&self, act: Act<'_>) -> Result<(), Failure> {
        let run = &*act;
        let name = format!("the API server is ready through {}", self.endpoint);
        wait_until_done(run, self, &name, LIMIT).await.map_err(|failure| {
            Failure { attribute: Some("cluster.control_plane_endpoint"), ..failure }
                .advise("Check that the endpoint leads to this host: ha_loadbalancer's pods run here (`crictl ps`), the floating IP is on a host (`ip addr`), VRRP (IP protocol 112) passes between the members.")
        })
    }

    fn finishes(&self) -> bool {
        true
    }
}
