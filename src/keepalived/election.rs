//! Who holds the VIP first: router id and priorities, derived so that every host comes to the same numbers.
use std::{collections::BTreeMap, net::IpAddr};

use sha2::{Digest as _, Sha256};

/// The lowest priority that [`priorities`] gives.
pub(super) const LOWEST: u8 = 128;
/// The highest; 255 is for the owner of an address.
pub(super) const HIGHEST: u8 = 254;

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
