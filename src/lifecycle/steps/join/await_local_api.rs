//! Step: the API server on the host itself answers.
use std::time::Duration;

use async_trait::async_trait;

use crate::{
    command::Look,
    kube,
    kubeadm::Endpoint,
    lifecycle::{
        engine::{Act, Check, Run, Step, wait_until_done},
        failure::Failure,
    },
};

/// How long an API server may take to start, etcd included.
pub(crate) const LIMIT: Duration = Duration::from_secs(5 * 60);

/// Waits for `/readyz` of the host's own API server.
#[derive(Debug)]
pub(crate) struct AwaitLocalApi;

#[async_trait]
impl Step for AwaitLocalApi {
    fn title(&self) -> &'static str {
        "wait for the API server"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        ready(run, kube::readyz_command(&Endpoint::local_api_server())).await
    }

    async fn perform(&self, act: Act<'_>) -> Result<(), Failure> {
        let run = &*act;
        wait_until_done(run, self, "the host's own API server is ready", LIMIT).await
    }

    fn finishes(&self) -> bool {
        true
    }
}

/// Whether `/readyz` answers as this command asks it.
pub(crate) async fn ready(run: &Run, command: String) -> Result<Check, Failure> {
    let output = run.host.look(&Look::new("ask readyz", command)).await?;
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
