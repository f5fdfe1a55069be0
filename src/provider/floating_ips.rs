//! What the refreshes of one run saw of each floating IP: which hosts have it.
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{node::vip::VipLook, remote::Host};

type Machines = BTreeMap<String, (Host, VipLook)>;

/// Gathers what each `ha_loadbalancer` says, and tells when several hosts have one address, or none.
#[derive(Debug, Default)]
pub(super) struct FloatingIps {
    /// By address and machine.
    seen: Mutex<HashMap<IpAddr, Machines>>,
    told: Mutex<HashSet<IpAddr>>,
}

impl FloatingIps {
    /// Takes a note of what one of `members` hosts says. If something looks wrong, and nobody looks closer yet, the hosts
    /// to ask again: more than one has the address, or all have said that they have it not and keepalived runs on some.
    pub(super) fn note(&self, vip: IpAddr, host: &Host, look: VipLook, members: usize) -> Option<Vec<Host>> {
        let mut seen = lock(&self.seen);
        let seen = seen.entry(vip).or_default();
        seen.insert(look.machine.clone(), (host.clone(), look));
        let holders = seen.values().filter(|(_, look)| look.holds).count();
        let is_orphaned =
            || seen.len() >= members && seen.values().any(|(_, look)| look.keepalived_age.is_some());
        let is_odd = holders > 1 || (holders == 0 && is_orphaned());
        (is_odd && lock(&self.told).insert(vip))
            .then(|| seen.values().map(|(host, _)| host.clone()).collect())
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

    /// The hosts to ask again after each of three members has said whether it has the address.
    fn asked(said: [Option<bool>; 3]) -> Vec<Vec<String>> {
        let (ips, vip) = (FloatingIps::default(), IpAddr::from([10, 0, 0, 100]));
        let mut asked = Vec::new();
        for (name, holds) in ["m1", "m2", "m3"].into_iter().zip(said) {
            let look = VipLook {
                machine: name.to_owned(),
                holds: holds == Some(true),
                keepalived_age: holds.map(|_| Duration::from_secs(60)),
            };
            let hosts = ips.note(vip, &FakeHost::new(name).host(), look, 3);
            asked.extend(hosts.map(|hosts| hosts.iter().map(|host| host.name().to_owned()).collect()));
        }
        asked
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
