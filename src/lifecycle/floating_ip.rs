//! Who has the floating IP: exactly one host must.
use std::{net::IpAddr, time::Duration};

use futures::future::join_all;

use super::{
    failure::{Failure, FailureKind},
    left_behind::Notice,
    step::Run,
    wait::{Seen, wait_until},
};
use crate::{
    keepalived,
    node::vip::{VipLook, look_at_vip_script},
    remote::Host,
};

/// By then a keepalived that was started has decided: its check of HAProxy succeeds twice, a second apart, and the
/// adverts of a holder stay away for less than a second.
pub(super) const DECIDED: Duration = Duration::from_secs(5);

/// How long more than one holder, or none, is borne at a refresh: a failover may be under way.
const FAILOVER: Duration = Duration::from_secs(3);

/// What hosts say of the floating IP, at one moment.
#[derive(Debug)]
pub(super) struct Holders {
    vip: IpAddr,
    /// Each host with what it says; none if it does not answer.
    said: Vec<(String, Option<VipLook>)>,
}

impl Holders {
    /// Asks all of them at once.
    pub(super) async fn ask(vip: IpAddr, hosts: &[Host]) -> Self {
        let said = hosts.iter().map(async |host| {
            let look = host
                .run_ok(&look_at_vip_script(vip, &keepalived::RELOADED))
                .await
                .ok();
            (
                host.name().to_owned(),
                look.and_then(|stdout| VipLook::parse(&stdout)),
            )
        });
        Self {
            vip,
            said: join_all(said).await,
        }
    }

    /// What is wrong; none if one host has the address, or one that does not answer may have it.
    pub(super) fn fault(&self) -> Option<Notice> {
        let holders = self
            .said
            .iter()
            .filter(|(_, look)| look.is_some_and(|look| look.holds));
        let is_silent = self.said.iter().any(|(_, look)| look.is_none());
        match holders.count() {
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

    /// How long keepalived has been running on a host, as far as it says.
    pub(super) fn keepalived_age(&self, host: &str) -> Option<Duration> {
        let (_, look) = self.said.iter().find(|(name, _)| name == host)?;
        (*look)?.keepalived_age
    }

    /// Each host in a line.
    pub(super) fn account(&self) -> String {
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
pub async fn confirm_vip_fault(run: &Run, vip: IpAddr, hosts: &[Host]) -> Option<Notice> {
    let looked = wait_until(run, "one host has the floating IP", FAILOVER, || {
        Box::pin(async {
            let holders = Holders::ask(vip, hosts).await;
            Ok(match holders.fault() {
                None => Seen::Yes(()),
                Some(_) => Seen::NotYet(holders.account()),
            })
        })
    });
    match looked.await {
        Err(failure) if failure.kind == FailureKind::Permanent => Holders::ask(vip, hosts).await.fault(),
        _ => None,
    }
}

impl From<Notice> for Failure {
    fn from(notice: Notice) -> Self {
        Self::new(notice.summary, notice.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holders(said: &[(&str, Option<(bool, Option<u64>)>)]) -> Holders {
        let look = |(holds, age): (bool, Option<u64>)| VipLook {
            holds,
            keepalived_age: age.map(Duration::from_secs),
        };
        Holders {
            vip: IpAddr::from([10, 0, 0, 100]),
            said: said
                .iter()
                .map(|(host, said)| ((*host).to_owned(), said.map(look)))
                .collect(),
        }
    }

    #[test]
    fn exactly_one_host_has_it() {
        let (has, runs, idle) = (Some((true, Some(9))), Some((false, Some(9))), Some((false, None)));
        let summary = |said: &[(&str, Option<(bool, Option<u64>)>)]| {
            holders(said).fault().map_or("", |fault| fault.summary)
        };
        assert_eq!(summary(&[("m1", has), ("m2", runs)]), "");
        assert_eq!(summary(&[("m1", has), ("m2", None)]), "");
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
