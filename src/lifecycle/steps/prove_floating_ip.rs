//! Step: exactly one host has the floating IP, once keepalived runs on this one too.
use async_trait::async_trait;

use super::super::{
    failure::Failure,
    floating_ip::{DECIDED, Holders},
    loadbalancer::START_LIMIT,
    loadbalancer_note::LoadbalancerNote,
    step::{Check, Run, Step},
    wait::{Seen, wait_until},
};
use crate::{command::Script, keepalived, remote::Host};

/// Waits until keepalived on this host has decided, and asks all members who has the address. Nothing to do on a host
/// that carries no floating IP: it has no load balancer, or somebody's `kubeadm reset` took the manifest away, which
/// `ha_loadbalancer` puts back.
#[derive(Debug)]
pub struct ProveFloatingIp {
    /// The other members, as far as they are known.
    pub others: Vec<Host>,
}

impl ProveFloatingIp {
    /// What this host carries.
    async fn note(run: &Run) -> Result<Option<LoadbalancerNote>, Failure> {
        let note = LoadbalancerNote::read(&run.host).await?;
        let manifest = Script::new(
            "look for keepalived's manifest",
            format!("test -e {}", keepalived::MANIFEST_PATH),
        );
        Ok(match note {
            Some(note) if run.host.run(&manifest).await?.status == 0 => Some(note),
            _ => None,
        })
    }

    async fn ask(&self, run: &Run, note: &LoadbalancerNote) -> Holders {
        let others = self.others.iter().filter(|host| host.name() != run.host.name());
        let hosts: Vec<Host> = std::iter::once(&run.host).chain(others).cloned().collect();
        Holders::ask(note.vip, &hosts).await
    }
}

/// What is missing yet; none if one host has the address.
fn missing(run: &Run, holders: &Holders) -> Option<String> {
    match holders.keepalived_age(run.host.name()) {
        None => Some("keepalived does not run on this host".to_owned()),
        Some(age) if age < DECIDED => Some("keepalived has just started on this host".to_owned()),
        Some(_) => holders.fault().map(|fault| fault.detail),
    }
}

#[async_trait]
impl Step for ProveFloatingIp {
    fn title(&self) -> &'static str {
        "check that one host has the floating IP"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        // A stopped run has no time for a proof; the next refresh looks too.
        if run.cancel.is_cancelled() {
            return Ok(Check::Done);
        }
        let Some(note) = Self::note(run).await? else {
            return Ok(Check::Done);
        };
        let holders = self.ask(run, &note).await;
        Ok(missing(run, &holders).map_or(Check::Done, Check::Needed))
    }

    async fn perform(&self, run: &Run) -> Result<(), Failure> {
        let Some(note) = Self::note(run).await? else {
            return Ok(());
        };
        wait_until(run, "one host has the floating IP", START_LIMIT, || {
            Box::pin(async {
                let holders = self.ask(run, &note).await;
                let age = holders.keepalived_age(run.host.name());
                match (missing(run, &holders), holders.fault()) {
                    (None, _) => Ok(Seen::Yes(())),
                    (Some(_), Some(fault)) if age.is_some_and(|age| age >= DECIDED * 4) => {
                        Err(Failure::from(fault).at("host"))
                    }
                    (Some(missing), _) => Ok(Seen::NotYet(missing)),
                }
            })
        })
        .await
        .map_err(|failure| {
            if failure.advice.is_empty() {
                failure.advise("The host itself is ready. Mend this and apply again.")
            } else {
                failure
            }
        })
    }

    fn finishes(&self) -> bool {
        true
    }
}
