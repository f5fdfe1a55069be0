//! Who holds the VIP first: router id and priorities, derived so that every host comes to the same numbers.
//!
//! Why priorities are hashed from names: decision 7.
use std::{collections::BTreeMap, net::IpAddr};

use sha2::{Digest as _, Sha256};

/// The lowest priority that [`priorities`] gives.
const LOWEST: u8 = 128;
/// The highest; 255 is for the owner of an address.
const HIGHEST: u8 = 254;

/// The virtual router id of a floating endpoint unless told: 1 to 255, always the same for the same endpoint.
pub fn virtual_router_id(vip: IpAddr, port: u16) -> u8 {
    slot(&format!("{vip} {port}"), 255) + 1
}

/// A priority for each member, all different (up to 127 members), from name alone.
///
/// They are scattered rather than ranked: a new member leaves the others' as they are unless it takes a place
/// by collision, and hosts far apart in priority do not rise at the same instant (VRRP's skew time).
pub fn priorities(members: &BTreeMap<String, String>) -> BTreeMap<String, u8> {
    let places = HIGHEST - LOWEST + 1;
    let mut taken = [false; 256];
    let mut given = BTreeMap::new();
    for name in members.keys() {
        let first = slot(name, places);
        let free = (0..places).map(|step| LOWEST + (first + step) % places);
        let mut free = free.filter(|priority| !taken.get(usize::from(*priority)).copied().unwrap_or(true));
        let priority = free.next().unwrap_or(LOWEST);
        drop(free);
        if let Some(place) = taken.get_mut(usize::from(priority)) {
            *place = true;
        }
        given.insert(name.clone(), priority);
    }
    given
}

fn slot(text: &str, places: u8) -> u8 {
    let digest = Sha256::digest(text);
    let number = digest
        .iter()
        .take(4)
        .fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    u8::try_from(number % u32::from(places)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn members(names: impl IntoIterator<Item = impl Into<String>>) -> BTreeMap<String, String> {
        names
            .into_iter()
            .map(|name| (name.into(), String::new()))
            .collect()
    }

    proptest! {
        #[test]
        fn priorities_differ_and_stay_in_range(names in proptest::collection::btree_set("[a-z0-9-]{1,12}", 1..=127)) {
            let given = priorities(&members(names.clone()));
            let different: BTreeSet<u8> = given.values().copied().collect();
            prop_assert_eq!(different.len(), names.len());
            prop_assert!(different.iter().all(|priority| (LOWEST..=HIGHEST).contains(priority)));
        }

        #[test]
        fn a_router_id_is_never_0(vip: [u8; 4], port: u16) {
            prop_assert_ne!(virtual_router_id(vip.into(), port), 0);
        }
    }

    #[test]
    fn numbers_stay_the_same_from_release_to_release() {
        assert_eq!(virtual_router_id([10, 0, 0, 100].into(), 8443), 4);
        assert_eq!(
            priorities(&members(["m1", "m2", "m3"])),
            [("m1", 195), ("m2", 197), ("m3", 222)]
                .map(|(name, priority)| (name.to_owned(), priority))
                .into()
        );
    }

    #[test]
    fn a_fourth_member_leaves_the_others_as_they_are() {
        let (three, four) = (
            priorities(&members(["m1", "m2", "m3"])),
            priorities(&members(["m1", "m10", "m2", "m3"])),
        );
        assert!(
            three
                .iter()
                .all(|(name, priority)| four.get(name) == Some(priority)),
            "{three:?} {four:?}"
        );
    }
}
