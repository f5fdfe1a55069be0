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
    let interface = quote(interface);
    let here = vip_holder_command(vip);
    format!(
        "if {here}; then exit 1; fi\n\
         ip neigh flush to {vip} dev {interface} >/dev/null 2>&1\n\
         answered=1\n\
         if command -v ping >/dev/null 2>&1; then ping -c 1 -W 1 -I {interface} {vip} >/dev/null 2>&1 && answered=0\n\
         else curl -s -o /dev/null --max-time 1 --interface {interface} http://{host}:9/\n\
         fi\n\
         lladdr=$(ip neigh show to {vip} dev {interface} | sed -n 's/.*lladdr \\([0-9a-f:]*\\).*/\\1/p')\n\
         echo $lladdr\n\
         [ -n \"$lladdr\" ] || [ $answered = 0 ]",
        host = if vip.is_ipv6() {
            format!("[{vip}]")
        } else {
            vip.to_string()
        },
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_good_sh() {
        for vip in ["10.0.0.100", "fd00::100"].map(|vip| vip.parse().unwrap()) {
            for command in [
                vip_holder_command(vip),
                vip_answers_command(vip, "eth0"),
                drop_vip_command(vip, "eth0"),
            ] {
                let status = std::process::Command::new("sh")
                    .args(["-n", "-c", &command])
                    .status()
                    .unwrap();
                assert!(status.success(), "{command}");
            }
        }
    }

    #[test]
    fn renders_the_question_who_answers() {
        insta::assert_snapshot!(vip_answers_command("10.0.0.100".parse().unwrap(), "eth0"));
    }
}
