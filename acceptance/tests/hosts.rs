//! The machines of the examples by name and by address, as tests write them.
pub(crate) use acceptance::hosts::{ALL, Hosts, MASTERS};
use acceptance::lab::address::NodeName;

/// The address of a machine.
pub(crate) fn address(name: &str) -> String {
    name.parse::<NodeName>().unwrap().address().to_string()
}

/// The machine at an address.
pub(crate) fn at(address_wanted: &str) -> &'static str {
    let found = ALL.into_iter().find(|name| address(name) == address_wanted);
    found.unwrap_or_else(|| panic!("no machine has the address {address_wanted}"))
}
