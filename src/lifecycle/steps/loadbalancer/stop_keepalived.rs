//! Step: keepalived does not run on the host any more, and the floating IP is off it.
use crate::command::Look;
use async_trait::async_trait;

use crate::{
    keepalived,
    lifecycle::{
        engine::{Act, Check, Run, Step, wait_until_done},
        failure::{Failure, FailureKind},
        host::{LoadbalancerNote, drop_vip},
    },
    node::{files::remove_files_script, vip},
};

/// Takes keepalived's manifest away and waits until the floating IP is off the host.
#[derive(Debug)]
pub(crate) struct StopKeepalived;

#[async_trait]
impl Step for StopKeepalived {
    fn title(&self) -> &'static str {
        "stop keepalived"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        Ok(match still_there(run).await? {
            None => Check::Done,
            Some(what) => Check::Needed(what),
        })
    }

    async fn perform(&self, act: Act<'_>) -> Result<(), Failure> {
        let run = &*act;
        act.change(
            &run.host,
            &remove_files_script("remove keepalived's manifest", &[keepalived::MANIFEST_PATH], &[]),
        )
        .await?;
        if LoadbalancerNote::read(&run.host).await?.is_none() {
            return Ok(());
        }
        // keepalived gives the address back when it ends; where it was killed, or no kubelet is there to end it, we do.
        let gone = wait_until_done(
            run,
            self,
            "keepalived has ended",
            std::time::Duration::from_secs(30),
        )
        .await;
        match gone {
            Err(failure) if failure.kind == FailureKind::Permanent => drop_vip(act).await,
            gone => gone,
        }
    }
}

async fn still_there(run: &Run) -> Result<Option<String>, Failure> {
    let manifest = Look::new(
        "look for keepalived's manifest",
        format!("test -e {}", keepalived::MANIFEST_PATH),
    );
    if run.host.look(&manifest).await?.status == 0 {
        return Ok(Some("keepalived's manifest is there".into()));
    }
    let Some(note) = LoadbalancerNote::read(&run.host).await? else {
        return Ok(None);
    };
    let holds = run
        .host
        .look(&Look::new(
            "look for the floating IP",
            vip::vip_holder_command(note.vip),
        ))
        .await?;
    Ok((holds.status == 0).then(|| format!("{} is on this host", note.vip)))
}
