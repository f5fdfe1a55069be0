//! Shell commands about a floating IP on a host: is it here, does somebody else have it, give it up.
use std::{net::IpAddr, time::Duration};

use super::reload::{Reader, age_command};
use crate::command::{Look, quote};

/// Status 0 if the address is on this host.
pub fn vip_holder_command(vip: IpAddr) -> String {
    format!("ip -o addr show to {vip} | grep -q .")
}

/// What a host says of the floating IP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VipLook {
    /// The machine that says it, the same under each of its names: the kernel's boot id (random(4)) and the network
    /// namespace of the first process, which each container has its own of.
    pub machine: String,
    /// Whether the address is on it.
    pub holds: bool,
    /// How long keepalived has been running there; none if it does not.
    pub keepalived_age: Option<Duration>,
}

impl VipLook {
    /// Reads what [`look_at_vip_command`] prints.
    pub fn parse(stdout: &str) -> Option<Self> {
        let mut words = stdout.split_whitespace();
        let holds = match words.next()? {
            "holds" => true,
            "lacks" => false,
            _ => return None,
        };
        let age = words.next().and_then(|seconds| seconds.parse().ok());
        Some(Self {
            machine: words.collect::<Vec<_>>().join(" "),
            holds,
            keepalived_age: age.map(Duration::from_secs),
        })
    }
}

/// Prints whether the address is on the host, how many seconds `keepalived` has been running (`-` if it does not), and
/// which machine it is. [`VipLook::parse`] reads it.
pub fn look_at_vip_command(vip: IpAddr, keepalived: &Reader) -> String {
    format!(
        "if {}; then said=holds; else said=lacks; fi\nage=$({})\n\
         echo \"$said ${{age:--}} $(cat /proc/sys/kernel/random/boot_id) $(readlink /proc/1/ns/net)\"",
        vip_holder_command(vip),
        age_command(keepalived)
    )
}

/// The same as a script.
pub fn look_at_vip_script(vip: IpAddr, keepalived: &Reader) -> Look {
    Look::new("look at the floating IP", look_at_vip_command(vip, keepalived))
}

/// Status 0 if a machine answers for the address that is none of the members; prints its link-layer address where
/// it is seen. `members` are all hosts that may hold the VIP; this host's own VIP is no answer. It is asked for on the
/// interface, or else on the one that has the host's `address`.
///
/// Without `ping` a TCP connection makes the kernel ask for the address: who answers on layer 2 shows in its
/// neighbour table even if nothing listens. Takes about 1 s when nobody answers.
pub fn vip_answers_command(
    vip: IpAddr,
    interface: Option<&str>,
    address: IpAddr,
    members: &[IpAddr],
) -> String {
    let interface = interface.map_or_else(
        || format!("$(ip -o addr show to {address} | sed -n '1s/^[0-9]*: *\\([^ ]*\\).*/\\1/p')"),
        quote,
    );
    let here = vip_holder_command(vip);
    let members = members
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" ");
    format!(
        r#"if {here}; then exit 1; fi
interface={interface}
[ -n "$interface" ] || exit 1
lladdr() {{ ip neigh show to "$1" dev "$interface" | sed -n 's/.*lladdr \([0-9a-f:]*\).*/\1/p'; }}
reach() {{
  if command -v ping >/dev/null 2>&1; then
    ping -c 1 -W "$patience" -I "$interface" "$1" >/dev/null 2>&1
    return
  fi
  case $1 in *:*) host="[$1]" ;; *) host=$1 ;; esac
  curl -s -o /dev/null --max-time 1 --interface "$interface" "http://$host:9/"
  [ $? = 7 ] && [ -n "$(lladdr "$1")" ]
}}
# A neighbour answers within milliseconds; only iputils' ping can wait less than a second.
patience=1
ping -V 2>&1 | grep -q 'iputils.*20[2-9]' && patience=0.5
ip neigh flush to {vip} dev "$interface" >/dev/null 2>&1
for member in {members}; do reach "$member" & done
reach {vip}; answered=$?
wait
holder=$(lladdr {vip})
if [ -n "$holder" ]; then
  for member in {members}; do [ "$(lladdr "$member")" = "$holder" ] && exit 1; done
  echo "$holder"
else
  [ $answered = 0 ]
fi"#
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
    use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

    use super::*;

    /// Runs a command among stand-ins: `ip` reads what the host has from `addresses` and `neighbours`.
    fn run(command: &str, addresses: &str, neighbours: &[(&str, &str)], pings: &str) -> (bool, String) {
        let host = tempfile::tempdir().unwrap();
        let program = |name: &str, body: &str| {
            let path = host.path().join(name);
            fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        };
        let neighbour = |(address, lladdr): &(&str, &str)| {
            format!("'neigh show to {address} dev eth0') echo '{address} lladdr {lladdr} REACHABLE' ;;\n")
        };
        let neighbours: String = neighbours.iter().map(neighbour).collect();
        program(
            "ip",
            &format!("case \"$*\" in\n'-o addr show to {addresses}') echo 2: eth0 ;;\n{neighbours}esac"),
        );
        program("ping", pings);
        let path = format!("{}:/usr/bin:/bin", host.path().display());
        let output = Command::new("sh")
            .args(["-c", command])
            .env("PATH", path)
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    }

    fn answers() -> String {
        let members = ["10.0.0.11", "10.0.0.12"].map(|member| member.parse().unwrap());
        vip_answers_command(
            "10.0.0.100".parse().unwrap(),
            Some("eth0"),
            "10.0.0.13".parse().unwrap(),
            &members,
        )
    }

    #[test]
    fn a_look_tells_holder_and_keepalived() {
        let look = |text| VipLook::parse(text).map(|look| (look.holds, look.keepalived_age));
        assert_eq!(look("holds 7 b n\n"), Some((true, Some(Duration::from_secs(7)))));
        assert_eq!(look("lacks - b n\n"), Some((false, None)));
        assert_eq!(VipLook::parse("lacks - b n\n").unwrap().machine, "b n");
        assert_eq!(look("\n"), None);
        let command = look_at_vip_command("10.0.0.100".parse().unwrap(), &crate::keepalived::RELOADED);
        let (_, printed) = run(&command, "10.0.0.100", &[], "");
        assert_eq!(look(&printed), Some((true, None)));
    }

    const OTHER: (&str, &str) = ("10.0.0.12", "02:00:00:00:00:0c");

    #[test]
    fn a_stranger_is_named() {
        let neighbours = [("10.0.0.100", "02:00:00:00:00:63"), OTHER];
        assert_eq!(
            run(&answers(), "none", &neighbours, "exit 1"),
            (true, "02:00:00:00:00:63\n".to_owned())
        );
    }

    #[test]
    fn the_interface_is_the_one_of_the_address() {
        let own = "10.0.0.13".parse().unwrap();
        let command = vip_answers_command("10.0.0.100".parse().unwrap(), None, own, &[]);
        let neighbours = [("10.0.0.100", "02:00:00:00:00:63")];
        assert_eq!(
            run(&command, "10.0.0.13", &neighbours, "exit 1"),
            (true, "02:00:00:00:00:63\n".to_owned())
        );
        assert!(!run(&command, "none", &neighbours, "exit 0").0, "none has it");
    }

    #[test]
    fn an_answer_from_behind_a_router_counts() {
        assert_eq!(run(&answers(), "none", &[OTHER], "exit 0"), (true, String::new()));
    }

    #[test]
    fn a_member_or_nobody_or_the_host_itself_is_no_stranger() {
        let no = (false, String::new());
        assert_eq!(
            run(&answers(), "none", &[("10.0.0.100", OTHER.1), OTHER], "exit 0"),
            no
        );
        assert_eq!(run(&answers(), "none", &[OTHER], "exit 1"), no);
        assert_eq!(
            run(
                &answers(),
                "10.0.0.100",
                &[("10.0.0.100", "02:00:00:00:00:63")],
                "exit 0"
            ),
            no
        );
    }

    #[test]
    fn a_dropped_address_is_gone() {
        let drop = drop_vip_command("10.0.0.100".parse().unwrap(), "eth0");
        assert!(run(&drop, "none", &[], "").0);
        assert!(run(&drop.replace("ip addr del", "false"), "none", &[], "").0);
        assert!(!run(&drop.replace("ip addr del", "false"), "10.0.0.100", &[], "").0);
    }

    #[test]
    fn every_command_is_good_sh() {
        for vip in ["10.0.0.100", "fd00::100"].map(|vip| vip.parse().unwrap()) {
            let answers = |interface| vip_answers_command(vip, interface, vip, &[]);
            for command in [
                vip_holder_command(vip),
                answers(Some("eth0")),
                answers(None),
                drop_vip_command(vip, "eth0"),
            ] {
                let status = Command::new("sh").args(["-n", "-c", &command]).status().unwrap();
                assert!(status.success(), "{command}");
            }
        }
    }
}
