//! Step: nothing of the load balancer is left on the host.
use async_trait::async_trait;

use crate::{
    command::Look,
    haproxy, keepalived,
    lifecycle::{
        engine::{Act, Check, Run, Step},
        failure::Failure,
        host::LoadbalancerNote,
    },
    node::{DIRECTORY, files::remove_files_script},
};

/// Takes everything else of the load balancer away.
#[derive(Debug)]
pub(crate) struct RemoveLoadbalancer;

#[async_trait]
impl Step for RemoveLoadbalancer {
    fn title(&self) -> &'static str {
        "remove HAProxy's and keepalived's files"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        let note = LoadbalancerNote::path();
        let paths = [
            haproxy::MANIFEST_PATH,
            haproxy::CONFIG_PATH,
            keepalived::CONFIG_PATH,
            &note,
        ];
        let tests = paths.map(|path| format!("[ -e {path} ]")).join(" || ");
        let output = run
            .host
            .look(&Look::new("look for the load balancer's files", tests))
            .await?;
        Ok(if output.status == 0 {
            Check::Needed("the load balancer's files are there".into())
        } else {
            Check::Done
        })
    }

    async fn perform(&self, act: Act<'_>) -> Result<(), Failure> {
        let run = &*act;
        let note = LoadbalancerNote::path();
        let paths = [
            haproxy::MANIFEST_PATH,
            haproxy::CONFIG_PATH,
            keepalived::CONFIG_PATH,
            &note,
        ];
        let directories = [
            haproxy::CONFIG_DIRECTORY,
            keepalived::CONFIG_DIRECTORY,
            "/etc/kubernetes/manifests",
            DIRECTORY,
        ];
        act.change(
            &run.host,
            &remove_files_script("remove the load balancer's files", &paths, &directories),
        )
        .await?;
        Ok(())
    }

    fn finishes(&self) -> bool {
        true
    }
}
