//! What the refreshes of one run saw of each floating IP: which hosts have it.
use std::{
    collections::BTreeSet,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{node::vip::VipLook, remote::Host};

/// Where a floating IP is. Another site may have the same address: behind another bastion, or with other members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Site {
    /// The floating IP.
    pub(super) vip: IpAddr,
    /// The bastion before the host, as [`bastion_of`](super::claims::bastion_of) tells it.
    pub(super) bastion: Option<(String, u16)>,
    /// The addresses of the hosts that share it.
    pub(super) members: BTreeSet<IpAddr>,
}

impl Site {
    /// One member in common is enough: while members are added or removed, not all hosts have the same list, and that is
    /// when two of them may hold the address.
    fn is(&self, other: &Self) -> bool {
        let shares_members = || self.members == other.members || !self.members.is_disjoint(&other.members);
        self.vip == other.vip && self.bastion == other.bastion && shares_members()
    }
}

/// What one host said.
#[derive(Debug)]
struct Said {
    site: Site,
    host: Host,
    look: VipLook,
    /// Whether it was among those that somebody looks closer at.
    is_told: bool,
}

/// Gathers what each `ha_loadbalancer` says, and tells when several hosts of a site have its address, or none.
#[derive(Debug, Default)]
pub(super) struct FloatingIps(Mutex<Vec<Said>>);

impl FloatingIps {
    /// Takes a note of what one of the site's hosts says. If something looks wrong, and nobody looks closer yet, the hosts
    /// to ask again: more than one has the address, or all have said that they have it not and keepalived runs on some.
    pub(super) fn note(&self, site: &Site, host: &Host, look: VipLook) -> Option<Vec<Host>> {
        let mut all = lock(&self.0);
        // Asked twice, or under two names: what was said last counts.
        let was_told = |said: &Said| said.is_told && said.look.machine == look.machine && said.site.is(site);
        let is_told = all.iter().any(was_told);
        all.retain(|said| said.look.machine != look.machine || !said.site.is(site));
        all.push(Said {
            site: site.clone(),
            host: host.clone(),
            look,
            is_told,
        });
        let mut here: Vec<&mut Said> = all.iter_mut().filter(|said| said.site.is(site)).collect();
        let holders = here.iter().filter(|said| said.look.holds).count();
        let is_orphaned =
            || here.len() >= site.members.len() && here.iter().any(|said| said.look.keepalived_age.is_some());
        let is_odd = holders > 1 || (holders == 0 && is_orphaned());
        if !is_odd || here.iter().any(|said| said.is_told) {
            return None;
        }
        for said in &mut here {
            said.is_told = true;
        }
        Some(here.iter().map(|said| said.host.clone()).collect())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::remote::fake::FakeHost;

    fn site(bastion: Option<&str>, members: &[u8]) -> Site {
        Site {
            vip: IpAddr::from([10, 0, 0, 100]),
            bastion: bastion.map(|name| (name.to_owned(), 22)),
            members: members.iter().map(|last| [10, 0, 0, *last].into()).collect(),
        }
    }

    /// Takes a note of a host that runs keepalived, if it is said whether it has the address; the hosts to ask again.
    fn note(ips: &FloatingIps, site: &Site, name: &str, holds: Option<bool>) -> Option<Vec<String>> {
        let look = VipLook {
            machine: name.to_owned(),
            holds: holds == Some(true),
            keepalived_age: holds.map(|_| Duration::from_secs(60)),
        };
        let hosts = ips.note(site, &FakeHost::new(name).host(), look)?;
        Some(hosts.iter().map(|host| host.name().to_owned()).collect())
    }

    /// The hosts to ask again after each of three members has said whether it has the address.
    fn asked(said: [Option<bool>; 3]) -> Vec<Vec<String>> {
        let (ips, site) = (FloatingIps::default(), site(None, &[11, 12, 13]));
        let said = ["m1", "m2", "m3"].into_iter().zip(said);
        said.filter_map(|(name, holds)| note(&ips, &site, name, holds))
            .collect()
    }

    #[test]
    fn two_sites_may_have_the_same_address() {
        let ips = FloatingIps::default();
        for (site, name) in [
            (site(Some("a"), &[11, 12]), "a1"),
            (site(Some("b"), &[11, 12]), "b1"),
            (site(None, &[11, 12]), "c1"),
            (site(None, &[21, 22]), "d1"),
        ] {
            assert_eq!(note(&ips, &site, name, Some(true)), None, "{name}");
        }
        let told = note(&ips, &site(Some("b"), &[11, 12]), "b2", Some(true));
        assert_eq!(told.unwrap(), ["b1", "b2"]);
        let told = note(&ips, &site(None, &[21, 22]), "d2", Some(true));
        assert_eq!(told.unwrap(), ["d1", "d2"], "each site is told");
    }

    #[test]
    fn members_that_are_just_changed_are_one_site() {
        let ips = FloatingIps::default();
        assert_eq!(note(&ips, &site(None, &[11, 12]), "m1", Some(true)), None);
        let told = note(&ips, &site(None, &[12, 13]), "m3", Some(true));
        assert_eq!(told.unwrap(), ["m1", "m3"]);
    }

    #[test]
    fn what_a_machine_said_last_counts() {
        let (ips, site) = (FloatingIps::default(), site(None, &[11, 12]));
        assert_eq!(note(&ips, &site, "m1", Some(true)), None);
        assert_eq!(
            note(&ips, &site, "m1", Some(true)),
            None,
            "one machine under two names"
        );
        assert_eq!(note(&ips, &site, "m1", Some(false)), None);
        assert_eq!(note(&ips, &site, "m2", Some(true)), None);
    }

    #[test]
    fn one_holder_is_right() {
        assert!(asked([Some(true), Some(false), Some(false)]).is_empty());
        assert!(asked([Some(false), Some(false), Some(true)]).is_empty());
    }

    #[test]
    fn a_second_holder_is_seen_at_once_and_told_once() {
        assert_eq!(asked([Some(true), Some(true), Some(true)]), [["m1", "m2"]]);
    }

    #[test]
    fn nobody_has_it_only_once_all_have_said_so_and_keepalived_runs() {
        assert_eq!(
            asked([Some(false), Some(false), Some(false)]),
            [["m1", "m2", "m3"]]
        );
        assert!(
            asked([None, None, None]).is_empty(),
            "no master has been made yet"
        );
    }
}
