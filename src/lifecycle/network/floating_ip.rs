//! Who has the floating IP: exactly one host must.
use std::{collections::HashSet, net::IpAddr, time::Duration};

use futures::future::join_all;
use tokio::time::Instant;

use crate::{
    command::Look,
    keepalived, kube,
    lifecycle::{
        engine::{Condition, Run, wait_until},
        failure::FailureKind,
        host::LoadbalancerNote,
        notice::Notice,
    },
    node::vip::{VipLook, look_at_vip_script},
    remote::Host,
};

/// By then a keepalived that was started has decided: its check of HAProxy succeeds twice, a second apart, and the
/// adverts of a holder stay away for less than a second.
const DECIDED: Duration = Duration::from_secs(5);

/// How long a keepalived that the kubelet starts is waited for.
const START: Duration = Duration::from_secs(60);

/// How long several holders, or none, are borne: a failover may be under way, or other members change too.
const FAILOVER: Duration = Duration::from_secs(3);
const CHANGES: Duration = Duration::from_secs(15);

/// What hosts say of the floating IP, at one moment.
#[derive(Debug)]
struct Holders {
    vip: IpAddr,
    /// Each host with what it says; none if it does not answer. A machine under two names is there once.
    said: Vec<(String, Option<VipLook>)>,
}

impl Holders {
    /// Asks all of them at once.
    async fn ask(vip: IpAddr, hosts: &[Host]) -> Self {
        let said = hosts.iter().map(async |host| {
            let script = look_at_vip_script(vip, &keepalived::RELOADED);
            let stdout = host.look_ok(&script).await.ok();
            let look = stdout.and_then(|stdout| VipLook::parse(&stdout));
            (host.name().to_owned(), look)
        });
        Self::of(vip, join_all(said).await)
    }

    fn of(vip: IpAddr, mut said: Vec<(String, Option<VipLook>)>) -> Self {
        let mut seen = HashSet::new();
        said.retain(|(_, look)| look.as_ref().is_none_or(|look| seen.insert(look.machine.clone())));
        Self { vip, said }
    }

    /// What is wrong; none if one host has the address, or one that does not answer may have it.
    fn fault(&self) -> Option<Notice> {
        let is_holder = |look: &Option<VipLook>| look.as_ref().is_some_and(|look| look.holds);
        let holders = self.said.iter().filter(|(_, look)| is_holder(look)).count();
        let is_silent = self.said.iter().any(|(_, look)| look.is_none());
        match holders {
            1 => None,
            0 if is_silent => None,
            0 => Some(Notice {
                summary: "The floating IP is on no host",
                detail: format!(
                    "Nobody reaches the API by {}:\n{}\n\nkeepalived gives the address to no host whose HAProxy finds no healthy API server. Look at both pods' logs there (`crictl ps -a`, `crictl logs`).",
                    self.vip,
                    self.account()
                ),
            }),
            _ => Some(Notice {
                summary: "The floating IP is on several hosts",
                detail: format!(
                    "{} is on more than one host at once, so connections to it break:\n{}\n\nThese hosts do not hear each other's VRRP packets (IP protocol 112). Let them pass in the hosts' own firewalls and in the network between them.",
                    self.vip,
                    self.account()
                ),
            }),
        }
    }

    /// How long keepalived has been running on the host that was asked first.
    fn keepalived_age(&self) -> Option<Duration> {
        self.said.first()?.1.as_ref()?.keepalived_age
    }

    /// Each host in a line.
    fn account(&self) -> String {
        let line = |(host, look): &(String, Option<VipLook>)| {
            let said = match look {
                Some(VipLook { holds: true, .. }) => "has it",
                Some(VipLook {
                    keepalived_age: None, ..
                }) => "has it not, and no keepalived runs",
                Some(_) => "has it not; keepalived runs",
                None => "does not answer",
            };
            format!("- {host}: {said}")
        };
        self.said.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Looks again for some seconds at hosts that a refresh saw without a floating IP, or with several. Reads only.
pub(crate) async fn confirm_vip_fault(run: &Run, vip: IpAddr, hosts: &[Host]) -> Option<Notice> {
    let looked = wait_until(run, "one host has the floating IP", FAILOVER, || {
        Box::pin(async {
            let holders = Holders::ask(vip, hosts).await;
            Ok(match holders.fault() {
                None => Condition::Met(()),
                Some(_) => Condition::NotYet(holders.account()),
            })
        })
    });
    match looked.await {
        Err(failure) if failure.kind == FailureKind::Permanent => Holders::ask(vip, hosts).await.fault(),
        _ => None,
    }
}

/// After a create: whether exactly one host has the floating IP that this one helps to carry, once keepalived has decided
/// here. Tells what is wrong; what was created stays. Nothing to say of a host that carries none, or whose kubelet does not
/// run yet. `others`: the other members, as far as they are known. Reads only.
pub(crate) async fn prove_floating_ip(run: &Run, others: &[Host]) -> Option<Notice> {
    let note = LoadbalancerNote::read(&run.host).await.ok().flatten()?;
    let files = format!(
        "test -e {} && test -e {}",
        keepalived::MANIFEST_PATH,
        kube::KUBELET_CONF
    );
    let script = Look::new("look for keepalived's manifest", files);
    if run.host.look(&script).await.ok()?.status != 0 {
        return None;
    }
    let others = others.iter().filter(|host| host.name() != run.host.name());
    let hosts: Vec<Host> = std::iter::once(&run.host).chain(others).cloned().collect();
    let begun = Instant::now();
    let proven = wait_until(run, "one host has the floating IP", START + CHANGES, || {
        Box::pin(async {
            let holders = Holders::ask(note.vip, &hosts).await;
            let waited = begun.elapsed();
            Ok(match (holders.keepalived_age(), holders.fault()) {
                (Some(age), None) if age >= DECIDED => Condition::Met(None),
                (Some(age), Some(fault)) if age >= DECIDED && waited >= CHANGES => {
                    Condition::Met(Some(fault))
                }
                (None, _) if waited >= START => Condition::Met(Some(no_keepalived(run.host.name(), &note))),
                _ => Condition::NotYet(holders.account()),
            })
        })
    });
    // A stopped run has no time for a proof; the next refresh looks too.
    proven.await.ok().flatten()
}

fn no_keepalived(host: &str, note: &LoadbalancerNote) -> Notice {
    Notice {
        summary: "keepalived does not run",
        detail: format!(
            "Host: {host}\n\nThe host is to carry {}, and keepalived's pod has not started there within {} s. Look at it: `crictl ps -a --name keepalived`, `crictl logs`. A wrong keepalived.image is a usual cause.",
            note.vip,
            START.as_secs()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Said = (&'static str, Option<(bool, Option<u64>)>);

    fn holders(said: &[Said]) -> Holders {
        let said = said.iter().map(|(host, said)| {
            let look = said.map(|(holds, age)| VipLook {
                machine: format!("machine of {}", host.trim_end_matches(".example")),
                holds,
                keepalived_age: age.map(Duration::from_secs),
            });
            ((*host).to_owned(), look)
        });
        Holders::of(IpAddr::from([10, 0, 0, 100]), said.collect())
    }

    #[test]
    fn exactly_one_host_has_it() {
        let (has, runs, idle) = (Some((true, Some(9))), Some((false, Some(9))), Some((false, None)));
        let summary = |said: &[Said]| holders(said).fault().map_or("", |fault| fault.summary);
        assert_eq!(summary(&[("m1", has), ("m2", runs)]), "");
        assert_eq!(summary(&[("m1", has), ("m2", None)]), "");
        assert_eq!(
            summary(&[("m1.example", has), ("m1", has)]),
            "",
            "one machine by two names"
        );
        assert_eq!(
            summary(&[("m1", runs), ("m2", None)]),
            "",
            "the silent one may have it"
        );
        assert_eq!(
            summary(&[("m1", runs), ("m2", idle)]),
            "The floating IP is on no host"
        );
        assert_eq!(
            summary(&[("m1", has), ("m2", has)]),
            "The floating IP is on several hosts"
        );
    }

    #[test]
    fn a_fault_names_each_host() {
        let said = [
            ("m1", Some((true, Some(9)))),
            ("m2", Some((true, Some(9)))),
            ("m3", None),
        ];
        insta::assert_snapshot!(holders(&said).fault().unwrap().detail);
        let said = [("m1", Some((false, Some(9)))), ("m2", Some((false, None)))];
        insta::assert_snapshot!(holders(&said).fault().unwrap().detail);
    }
}
