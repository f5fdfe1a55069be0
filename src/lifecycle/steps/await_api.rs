//! Steps: the API server answers, on the host itself or through the cluster's endpoint.
use std::time::Duration;

use async_trait::async_trait;

use super::super::{
    failure::Failure,
    step::{Check, Run, Step},
    wait::wait_until,
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
        ready(run, "127.0.0.1", API_SERVER_PORT).await
    }

    async fn perform(&self, run: &Run) -> Result<(), Failure> {
        wait_until(run, "the host's own API server is ready", LIMIT, async || not_ready(self.check(run).await)).await
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
        ready(run, &self.endpoint.host, self.endpoint.port).await
    }

    async fn perform(&self, run: &Run) -> Result<(), Failure> {
        let name = format!("the API server is ready through {}", self.endpoint);
        wait_until(run, &name, LIMIT, async || not_ready(self.check(run).await)).await.map_err(|failure| {
            Failure { attribute: Some("cluster.control_plane_endpoint"), ..failure }
                .advise("Check that the endpoint leads to this host: ha_loadbalancer's pods run here (`crictl ps`), the floating IP is on a host (`ip addr`), VRRP (IP protocol 112) passes between the members.")
        })
    }

    fn finishes(&self) -> bool {
        true
    }
}

async fn ready(run: &Run, address: &str, port: u16) -> Result<Check, Failure> {
    let script = Script::new("ask readyz", kube::readyz_command(address, port));
    let output = run.host.run(&script).await?;
    Ok(match output.status {
        0 => Check::Done,
        _ => Check::Needed(match output.stdout.trim() {
            "" => "no answer".into(),
            said => said.to_owned(),
        }),
    })
}

fn not_ready(check: Result<Check, Failure>) -> Result<Option<String>, Failure> {
    Ok(match check? {
        Check::Done => None,
        Check::Needed(why) => Some(why),
    })
}
