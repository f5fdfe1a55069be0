//! Shell commands about a floating IP on a host: is it here, does somebody else have it, give it up.
use std::net::IpAddr;

use crate::command::quote;

/// Status 0 if the address is on this host.
pub fn vip_holder_command(vip: IpAddr) -> String {
    format!("ip -o addr show to {vip} | grep -q .")
}

/// Status 0 if some other host answers for the address; prints its link-layer address where it is seen.
///
/// The host's own VIP is not an answer. Without `ping` a TCP connection makes the kernel ask for the address:
/// who answers on layer 2 shows in its neighbour table even if nothing listens.
pub fn vip_answers_command(vip: IpAddr, interface: &str) -> String {
    format!("{vip} {}", quote(interface))
}

/// Takes the address off the interface; fine if it is not there.
pub fn drop_vip_command(vip: IpAddr, interface: &str) -> String {
    let interface = quote(interface);
    let length = if vip.is_ipv6() { 128 } else { 32 };
    format!(
        "ip addr del {vip}/{length} dev {interface} 2>/dev/null || ! {{ {}; }}",
        vip_holder_command(vip)
    )
}
