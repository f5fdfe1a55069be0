//! Step: keepalived on this host gives the floating IP away before the host leaves, so that another one has it at
//! once instead of after a missed advert.
use std::{net::IpAddr, time::Duration};

use async_trait::async_trait;

use crate::{
    command::{Look, Script},
    keepalived,
    lifecycle::{
        engine::{Act, Check, Run, Step, wait_until_done},
        failure::{Failure, FailureKind},
        host::{LoadbalancerNote, drop_vip},
    },
    node::{DIRECTORY, vip},
};

/// How long keepalived may take to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// Puts keepalived's manifest aside (the reset puts it back) and waits until the address is off this host.
#[derive(Debug)]
pub(crate) struct ReleaseVip;

#[async_trait]
impl Step for ReleaseVip {
    fn title(&self) -> &'static str {
        "release the floating IP"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        Ok(match held_vip(run).await? {
            None => Check::Done,
            Some(vip) => Check::Needed(format!("{vip} is on this host")),
        })
    }

    async fn perform(&self, act: Act<'_>) -> Result<(), Failure> {
        let run = &*act;
        let aside = format!("{DIRECTORY}/manifests");
        let manifest = keepalived::MANIFEST_PATH;
        let body = format!("set -e\nmkdir -p {aside}\n[ ! -e {manifest} ] || mv {manifest} {aside}/");
        act.change(&run.host, &Script::new("stop keepalived", body))
            .await?;
        let gone = wait_until_done(run, self, "the floating IP is off this host", PATIENCE).await;
        // Where no kubelet is there to end keepalived, or it was killed, the address stays. What asks for the endpoint
        // on this host would then ask itself.
        match gone {
            Err(failure) if failure.kind == FailureKind::Permanent => drop_vip(act).await,
            gone => gone,
        }
    }
}

/// The floating IP that `ha_loadbalancer` keeps here, if this host has it now.
async fn held_vip(run: &Run) -> Result<Option<IpAddr>, Failure> {
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
    Ok((holds.status == 0).then_some(note.vip))
}
