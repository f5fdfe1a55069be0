//! Step: keepalived does not run on the host any more, and the floating IP is off it.
use async_trait::async_trait;

use crate::{
    command::Look,
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::Instant;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{
        command::Output,
        lifecycle::engine::Progress,
        remote::{TransportError, fake::FakeHost},
    };

    /// A host on which keepalived does not end, and what stopping it there came to.
    async fn stop(host: &FakeHost, cancel: &CancellationToken) -> Result<(), Failure> {
        let run = Run {
            operation: "remove ha_loadbalancer m1".to_owned(),
            host: host.host(),
            cancel: cancel.clone(),
            deadline: Instant::now() + std::time::Duration::from_secs(300),
            progress: Arc::new(Progress::default()),
            keeps_journal: Arc::new(false.into()),
        };
        StopKeepalived.perform(Act::on(&run)).await
    }

    fn host() -> FakeHost {
        let note = r#"{"vip":"10.0.0.100","interface":"eth0","port":8443}"#;
        let says = |stdout: &'static str, status: i32| {
            move |_: &mut crate::remote::fake::FakeState, _: &crate::command::Script| Output {
                stdout: stdout.to_owned(),
                status,
                ..Output::default()
            }
        };
        FakeHost::new("m1")
            .on("remove keepalived's manifest", says("", 0))
            .on("read the load balancer's note", says(note, 0))
            .on("look for keepalived's manifest", says("", 1))
            .on("look for the floating IP", says("", 0))
            .on("drop the floating IP", says("", 0))
    }

    fn drops(host: &FakeHost) -> bool {
        host.log().iter().any(|title| title == "drop the floating IP")
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_keepalived_left_is_dropped() {
        let host = host();
        stop(&host, &CancellationToken::new()).await.unwrap();
        assert!(drops(&host));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_or_a_broken_link_is_not_taken_for_the_end_of_keepalived() {
        let (stopped, cancel) = (host(), CancellationToken::new());
        cancel.cancel();
        let failure = stop(&stopped, &cancel).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Cancelled);
        assert!(!drops(&stopped));
        let cut = host();
        let title = "look for the floating IP";
        cut.fail_next(title, TransportError::Disconnected { title });
        let failure = stop(&cut, &CancellationToken::new()).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Interrupted);
        assert!(!drops(&cut));
    }
}
