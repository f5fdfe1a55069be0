//! The machines of the examples by name and by address, as tests write them.
pub(crate) use acceptance::hosts::{ALL, Hosts, MASTERS};
use acceptance::lab::address::NodeName;
use serde_json::{Value, json};

/// The address of a machine.
pub(crate) fn address(name: &str) -> String {
    name.parse::<NodeName>().unwrap().address().to_string()
}

/// The machine at an address.
pub(crate) fn at(address_wanted: &str) -> &'static str {
    let found = ALL.into_iter().find(|name| address(name) == address_wanted);
    found.unwrap_or_else(|| panic!("no machine has the address {address_wanted}"))
}

/// Names and addresses of machines, as the examples' variables want them.
pub(crate) fn addresses(names: &[&str]) -> Value {
    let pairs = names
        .iter()
        .map(|name| ((*name).to_owned(), json!(address(name))));
    Value::Object(pairs.collect())
}
