//! Which ports of other hosts a host reaches, and whether VRRP gets through: tried from the host itself.
//!
//! A refused connection is an open one: nothing listens there yet, and nothing stands in between. Only silence and what
//! firewalls and routers say is a closed one.
use std::fmt::Write as _;
use std::net::IpAddr;

use crate::command::{Look, quote};

/// A TCP port of another host that a host needs to reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Address or name of the other host.
    pub to: String,
    /// Its port.
    pub port: u16,
}

/// What a try came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The other host answered, if only to refuse.
    Open,
    /// It did not, and why.
    Closed(String),
    /// Nothing can be said: the host has no program to try with, or whoever runs there answers nobody.
    Unknown,
}

/// How long an answer is waited for: TCP sends its first packet again after 1 s and after 3 s (RFC 6298).
const PATIENCE_SECONDS: u32 = 4;

/// Tries all connections at once. [`parse_verdicts`] reads what it prints.
///
/// With bash, which says why a connection failed, or else with curl.
pub fn try_connections_script(connections: &[Connection]) -> Look {
    let mut body = TRY_CONNECTION.replace("PATIENCE", &PATIENCE_SECONDS.to_string());
    for (index, Connection { to, port }) in connections.iter().enumerate() {
        let _ = writeln!(body, "try {index} {} {port} &", quote(to));
    }
    body += "wait\n";
    Look::new("try the connections", body)
}

// A name that has no address, or a resolver that is slow, says nothing of the port. "Refused" is an answer of the host itself. `timeout` ends with 124, that of busybox with 143.
const TRY_CONNECTION: &str = r#"try() {
  case $2 in
    *[!0-9.:a-fA-F]*) set -- "$1" "$(timeout 10 getent ahosts "$2" | head -n 1 | cut -d ' ' -f 1)" "$3" ;;
  esac
  if [ -z "$2" ]; then
    echo "$1 unknown"
    return
  fi
  if command -v bash >/dev/null 2>&1; then
    said=$(timeout PATIENCE bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$2" "$3" 2>&1 </dev/null)
    status=$?
  elif command -v curl >/dev/null 2>&1; then
    case $2 in *:*) to="[$2]" ;; *) to=$2 ;; esac
    said=$(timeout PATIENCE curl -gsv --noproxy '*' "telnet://$to:$3" 2>&1 </dev/null)
    status=$?
    said=$(printf '%s\n' "$said" | grep -e 'Connected to' -e 'failed: ' | head -n 1)
  else
    echo "$1 unknown"
    return
  fi
  case "$status $said" in
    0\ * | *refused* | *'Connected to'*) echo "$1 open" ;;
    124\ * | 143\ *) echo "$1 closed no answer within PATIENCE s" ;;
    *'No such file'*) echo "$1 unknown" ;;
    *) said=$(printf '%s\n' "$said" | tail -n 1); echo "$1 closed ${said##*: }" ;;
  esac
}
"#;

/// Sends a packet of IP protocol 112 (VRRP) from the host's `own` address to each peer, and waits for what comes
/// back. [`parse_verdicts`] reads what it prints.
///
/// A host on which no VRRP runs says that it does not know the protocol (ICMP type 3 code 2, RFC 792; for IPv6 `ICMPv6`
/// type 4 code 1, RFC 4443): an open way. One that tries the same at this moment sends packets itself, and says in them
/// whether it has heard this host: only then the way is open, as a firewall may drop one direction. Where keepalived runs
/// already nothing may come back, which says nothing.
///
/// With Python or Perl, one of which nearly every distribution brings along.
pub fn try_vrrp_script(own: IpAddr, peers: &[IpAddr]) -> Look {
    vrrp_script("try VRRP", "ask", own, peers)
}

/// The same with a peer that does this too at the same moment: only its packets count, so that each side says what reaches
/// it. Takes 3.5 s.
pub fn hear_vrrp_script(own: IpAddr, peer: IpAddr) -> Look {
    vrrp_script("hear VRRP", "hear", own, &[peer])
}

fn vrrp_script(title: &'static str, mode: &str, own: IpAddr, peers: &[IpAddr]) -> Look {
    let addresses = std::iter::once(own).chain(peers.iter().copied());
    let addresses = addresses.map(|address| address.to_string());
    let addresses = std::iter::once(mode.to_owned())
        .chain(addresses)
        .collect::<Vec<_>>()
        .join(" ");
    let body = format!(
        "for python in python3 /usr/libexec/platform-python; do\n\
         \x20 if command -v $python >/dev/null 2>&1; then exec $python - {addresses} <<'end of program'\n\
         {VRRP_PYTHON}end of program\n\
         \x20 fi\n\
         done\n\
         if command -v perl >/dev/null 2>&1; then exec perl - {addresses} <<'end of program'\n\
         {VRRP_PERL}end of program\n\
         fi\n"
    );
    Look::new(title, body)
}

const VRRP_PYTHON: &str = include_str!("connectivity/try_vrrp.py");

const VRRP_PERL: &str = include_str!("connectivity/try_vrrp.pl");

/// Ends with 0 if VRRP runs on the host: a raw socket of IP protocol 112 (hexadecimal 70) is open there that takes packets
/// of anybody. Those of [`try_vrrp_script`] are connected to one peer each.
pub fn runs_vrrp_command() -> &'static str {
    "cat /proc/net/raw /proc/net/raw6 2>/dev/null | grep -Eq ':0070 0+:0000'"
}

/// Reads what the scripts of this file print, in the order of what was tried; what is missing is not known.
pub fn parse_verdicts(stdout: &str, count: usize) -> Vec<Verdict> {
    let mut verdicts = vec![Verdict::Unknown; count];
    for line in stdout.lines() {
        let Some((index, verdict)) = line.split_once(' ') else {
            continue;
        };
        let Some(slot) = index
            .parse()
            .ok()
            .and_then(|index: usize| verdicts.get_mut(index))
        else {
            continue;
        };
        *slot = match verdict.split_once(' ').unwrap_or((verdict, "")) {
            ("open", _) => Verdict::Open,
            ("closed", why) => Verdict::Closed(why.trim().to_owned()),
            _ => Verdict::Unknown,
        };
    }
    verdicts
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        net::TcpListener,
        os::unix::fs::PermissionsExt as _,
        process::{Command, Output},
    };

    use super::*;

    fn to(address: &str, port: u16) -> Connection {
        Connection {
            to: address.to_owned(),
            port,
        }
    }

    fn sh(body: &str, path: &str) -> Output {
        Command::new("/bin/sh")
            .args(["-c", body])
            .env_clear()
            .env("LC_ALL", "C")
            .env("PATH", path)
            .output()
            .unwrap()
    }

    /// Tries here, where only the named programs are there besides those that any host has.
    fn tried(connections: &[Connection], program: &str, stand_in: Option<&str>) -> Vec<Verdict> {
        let folder = tempfile::tempdir().unwrap();
        let mut path = folder.path().display().to_string();
        for name in ["timeout", "grep", "tail", program] {
            if name == program
                && let Some(body) = stand_in
            {
                let file = folder.path().join(name);
                fs::write(&file, format!("#!/bin/sh\n{body}\n")).unwrap();
                fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
                continue;
            }
            let found = ["/bin", "/usr/bin"]
                .map(|place| format!("{place}/{name}"))
                .into_iter()
                .find(|file| fs::exists(file).unwrap());
            if let Some(found) = found {
                std::os::unix::fs::symlink(found, folder.path().join(name)).unwrap();
            }
        }
        if stand_in.is_some() {
            path += ":/usr/bin:/bin";
        }
        let output = sh(&try_connections_script(connections).body, &path);
        parse_verdicts(&String::from_utf8(output.stdout).unwrap(), connections.len())
    }

    #[test]
    fn what_answers_or_refuses_is_open() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let listening = listener.local_addr().unwrap().port();
        let free = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let connections = [to("127.0.0.1", listening), to("127.0.0.1", free), to("::1", free)];
        let verdicts = tried(&connections, "bash", None);
        assert_eq!(verdicts, [Verdict::Open, Verdict::Open, Verdict::Open]);
    }

    #[test]
    fn without_bash_and_curl_nothing_is_known() {
        assert_eq!(
            tried(&[to("127.0.0.1", 1)], "no-such-program", None),
            [Verdict::Unknown]
        );
    }

    #[test]
    fn a_name_without_an_address_says_nothing_of_the_port() {
        let closed_if_tried = Some("exit 124");
        assert_eq!(
            tried(&[to("no-such-name.invalid", 1)], "bash", closed_if_tried),
            [Verdict::Unknown]
        );
        let known = tried(&[to("localhost", 1)], "bash", closed_if_tried);
        assert_eq!(known, [Verdict::Closed("no answer within 4 s".to_owned())]);
    }

    #[test]
    fn words_of_bash_are_understood() {
        let said = |text: &str, status: u8| {
            let stand_in = format!(
                "echo 'bash: connect: {text}' >&2; echo 'bash: line 1: /dev/tcp/10.0.0.1/1: {text}' >&2; exit {status}"
            );
            tried(&[to("10.0.0.1", 1)], "bash", Some(&stand_in)).remove(0)
        };
        assert_eq!(said("Connection refused", 1), Verdict::Open);
        assert_eq!(
            said("No route to host", 1),
            Verdict::Closed("No route to host".to_owned())
        );
        assert_eq!(
            said("Permission denied", 1),
            Verdict::Closed("Permission denied".to_owned())
        );
        assert_eq!(said("", 124), Verdict::Closed("no answer within 4 s".to_owned()));
        assert_eq!(
            said("No such file or directory", 1),
            Verdict::Unknown,
            "bash without /dev/tcp"
        );
    }

    #[test]
    fn words_of_curl_are_understood() {
        let said = |text: &str, status: u8| {
            // A bash that is not there: the folder comes first in PATH, so curl is tried by its own name.
            let script = try_connections_script(&[to("fd00::1", 1)])
                .body
                .replace("command -v bash", "false");
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("curl");
            fs::write(&file, format!("#!/bin/sh\necho '{text}' >&2\nexit {status}\n")).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
            let output = sh(&script, &format!("{}:/usr/bin:/bin", folder.path().display()));
            parse_verdicts(&String::from_utf8(output.stdout).unwrap(), 1).remove(0)
        };
        assert_eq!(said("* Connected to fd00::1 port 1", 124), Verdict::Open);
        assert_eq!(
            said("* connect to fd00::1 port 1 failed: Connection refused", 7),
            Verdict::Open
        );
        assert_eq!(
            said("* connect to fd00::1 port 1 failed: No route to host", 7),
            Verdict::Closed("No route to host".to_owned())
        );
        assert_eq!(said("", 124), Verdict::Closed("no answer within 4 s".to_owned()));
    }

    #[test]
    fn what_is_missing_or_foreign_is_not_known() {
        assert_eq!(
            parse_verdicts("1 closed no answer within 4 s\n7 open\nhello\n0 open\n", 3),
            [
                Verdict::Open,
                Verdict::Closed("no answer within 4 s".to_owned()),
                Verdict::Unknown
            ]
        );
    }

    #[test]
    fn a_try_is_not_taken_for_a_running_vrrp() {
        let runs = |line: &str| {
            let command =
                runs_vrrp_command().replace("cat /proc/net/raw /proc/net/raw6", &format!("echo '{line}'"));
            sh(&command, "/usr/bin:/bin").status.success()
        };
        assert!(runs(" 112: 0B00580A:0070 00000000:0000 07 00000000:00000000"));
        assert!(runs(
            " 112: 00000000000000000000000000000000:0070 00000000000000000000000000000000:0000 07"
        ));
        assert!(
            !runs(" 112: 0B00580A:0070 0C00580A:0000 01 00000000:00000000"),
            "a try"
        );
        assert!(
            !runs("   1: 00000000:0001 00000000:0000 07 00000000:00000000"),
            "ping"
        );
    }

    #[test]
    fn renders_the_scripts() {
        insta::assert_snapshot!(try_connections_script(&[to("10.0.0.12", 2380), to("it's", 1)]).body);
        let own = "10.0.0.11".parse().unwrap();
        let peers = ["10.0.0.12", "10.0.0.13"].map(|peer| peer.parse().unwrap());
        insta::assert_snapshot!(try_vrrp_script(own, &peers).body);
    }

    #[test]
    fn the_programs_for_vrrp_are_well_formed() {
        for (program, check, text) in [("python3", "-c", VRRP_PYTHON), ("perl", "-ce", VRRP_PERL)] {
            let text = if program == "python3" {
                format!("compile({text:?}, 'x', 'exec')")
            } else {
                text.to_owned()
            };
            // A host without the program cannot check it.
            if let Ok(status) = Command::new(program).args([check, &text]).output() {
                assert!(status.status.success(), "{program}: {status:?}");
            }
        }
    }
}
