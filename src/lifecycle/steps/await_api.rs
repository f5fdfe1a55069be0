//! Steps: the API server answers, on the host itself or through the cluster's endpoint.
use std::time::Duration;

use async_trait::async_trait;

use super::super::{
    failure::Failure,
    step::{Check, Run, Step},
    wait::wait_until_done,
};
use crate::{
    command::Script,
    kube,
    kubeadm::{API_SERVER_PORT, Endpoint},
};

const LIMIT: Duration = Duration::from_secs(5 * 60);

/// Waits for `/readyz` of the host's own API server.
#[derive(Debug)]
pub struct AwaitLocalApi;

/// Waits for `/readyz` through the endpoint, asked from the host.
#[derive(Debug)]
pub struct AwaitEndpoint {
    /// The cluster's endpoint.
    pub endpoint: Endpoint,
}

#[async_trait]
impl Step for AwaitLocalApi {
    fn title(&self) -> &'static str {
        "wait for the API server"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        ready(run, kube::readyz_command(&local_api())).await
    }

    async fn perform(&self, run: &Run) -> Result<(), Failure> {
        wait_until_done(run, self, "the host's own API server is ready", LIMIT).await
    }

    fn finishes(&self) -> bool {
        true
    }
}

#[async_trait]
impl Step for AwaitEndpoint {
    fn title(&self) -> &'static str {
        "wait for the API server through the endpoint"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        ready(run, kube::endpoint_readyz_command(&self.endpoint)).await
    }

    async fn perform(&self, run: &Run) -> Result<(), Failure> {
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

/// The API server's own port on the host itself.
pub fn local_api() -> Endpoint {
    Endpoint {
        host: "127.0.0.1".to_owned(),
        port: API_SERVER_PORT,
    }
}

async fn ready(run: &Run, command: String) -> Result<Check, Failure> {
    let output = run.host.run(&Script::new("ask readyz", command)).await?;
    Ok(match output.status {
        0 => Check::Done,
        _ => Check::Needed(
            output
                .stderr
                .trim()
                .lines()
                .last()
                .unwrap_or("no answer")
                .to_owned(),
        ),
    })
}
