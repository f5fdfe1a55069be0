//! From what ssh says to a transport error, and to the hop that it is about.
//!
//! The words are those of OpenSSH 8 to 10 with `LC_ALL=C`; ssh's exit status is 255 for all of them.
use super::{
    Key, Refusal, Target, TransportError,
    host_words::readable,
    known_hosts, private_key,
    refusal::BOOTING,
    ssh_symptoms::{SYMPTOMS, Symptom, notable, symptom},
};

/// One end of a connection: the target or its bastion.
#[derive(Clone, Copy, Debug)]
struct Hop<'a> {
    address: &'a str,
    port: u16,
    user: &'a str,
    key: &'a Key,
}

/// What the programs said that were to make a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Said<'a> {
    /// ssh, by its log.
    pub(super) log: &'a str,
    /// The bastion's ssh, by its log.
    pub(super) bastion_log: &'a str,
    /// Both, before their logs count, and banners of the hosts.
    pub(super) stderr: &'a str,
}

/// Says why a connection could not be made.
pub(super) fn diagnose(target: &Target, said: &Said<'_>) -> TransportError {
    let Said {
        log,
        bastion_log,
        stderr,
    } = *said;
    if let Some(error) = before_a_connection(said) {
        return error;
    }
    let error = of_connection(target, log, bastion_log);
    match &error {
        // An account that PAM refuses is told so in a banner, and then the connection is closed.
        TransportError::Dropped { hop, .. } | TransportError::WrongKey { hop, .. } => {
            let says = notable(stderr).join("; ");
            if BOOTING.iter().any(|words| says.contains(words)) {
                return TransportError::Booting {
                    hop: hop.clone(),
                    says: readable(stderr),
                };
            }
            if says.contains("account has expired") {
                return TransportError::LoginRefused {
                    hop: hop.clone(),
                    user: target.user.clone(),
                    says: readable(stderr),
                    refusal: Refusal::Expired,
                };
            }
            error
        }
        TransportError::HostKeyChanged { hop, shown, .. } if is_pinned(target, hop) => {
            TransportError::HostKeyNotGiven {
                hop: hop.clone(),
                shown: shown.clone(),
            }
        }
        TransportError::HostKeyUnknown { hop } if is_pinned(target, hop) => TransportError::HostKeyNotGiven {
            hop: hop.clone(),
            shown: "a key of another type".to_owned(),
        },
        TransportError::Other(text) if text == NOTHING && !notable(stderr).is_empty() => {
            TransportError::Other(readable(stderr))
        }
        _ => error,
    }
}

fn is_pinned(target: &Target, hop: &str) -> bool {
    !target.host_keys.is_empty() && hop == target.address
}

/// What keeps ssh from even trying.
fn before_a_connection(said: &Said<'_>) -> Option<TransportError> {
    let lines = || {
        [said.stderr, said.log, said.bastion_log]
            .into_iter()
            .flat_map(str::lines)
    };
    let line = |words: &[&str]| {
        let line = lines().find(|line| words.iter().any(|words| line.contains(words)))?;
        Some(readable(line))
    };
    if let Some(says) = line(&["No user exists for uid", "You don't exist, go away"]) {
        return Some(TransportError::NoLocalUser { says });
    }
    let says = line(&[
        "Bad configuration option",
        "unsupported option",
        "Unsupported option",
    ])?;
    Some(TransportError::SshTooOld { says })
}

fn of_connection(target: &Target, log: &str, bastion_log: &str) -> TransportError {
    let hop = Hop {
        address: &target.address,
        port: target.port,
        user: &target.user,
        key: &target.key,
    };
    let Some(bastion) = &target.bastion else {
        return classify(hop, log);
    };
    // The bastion was reached, and tells how its own connection to the target went.
    if let Some(line) = bastion_log.lines().find(|line| line.contains("open failed: ")) {
        return if line.contains("administratively prohibited") {
            TransportError::Other(format!(
                "the bastion {} forbids forwarding: {line}",
                bastion.address
            ))
        } else {
            classify(hop, line)
        };
    }
    let bastion_hop = Hop {
        address: &bastion.address,
        port: bastion.port,
        user: &bastion.user,
        key: &bastion.key,
    };
    // Without the bastion, the target's ssh only sees its end of the pipe close.
    let of_bastion = bastion_log.lines().any(|line| symptom(line).is_some());
    let unheard = log.contains("kex_exchange_identification") && !notable(bastion_log).is_empty();
    if of_bastion || unheard {
        match classify(bastion_hop, bastion_log) {
            TransportError::Other(text) => {
                TransportError::Other(format!("at the bastion {}: {text}", bastion.address))
            }
            error => error,
        }
    } else {
        classify(hop, log)
    }
}

fn classify(hop: Hop<'_>, text: &str) -> TransportError {
    let found = SYMPTOMS.iter().find_map(|(words, symptom)| {
        let line = text.lines().find(|line| line.contains(words))?;
        Some((*symptom, line.trim()))
    });
    let Some((symptom, line)) = found else {
        let lines = notable(text);
        return TransportError::Other(if lines.is_empty() {
            NOTHING.to_owned()
        } else {
            lines.join("; ")
        });
    };
    let hop_address = hop.address.to_owned();
    match symptom {
        Symptom::HostKeyChanged => host_key_changed(hop_address, text),
        Symptom::HostKeyUnknown => TransportError::HostKeyUnknown { hop: hop_address },
        Symptom::UnusableKey => {
            private_key::explain_refusal(hop.key).unwrap_or_else(|| TransportError::UnusableKey {
                reason: of_key_file(hop.key, line).to_owned(),
            })
        }
        Symptom::WrongKey => {
            private_key::explain_refusal(hop.key).unwrap_or_else(|| TransportError::WrongKey {
                hop: hop_address,
                user: hop.user.to_owned(),
            })
        }
        Symptom::TooManyKeys => TransportError::TooManyKeys {
            hop: hop_address,
            user: hop.user.to_owned(),
        },
        Symptom::UnknownName => TransportError::UnknownName { name: hop_address },
        Symptom::Refused => TransportError::Refused {
            hop: hop_address,
            port: hop.port,
        },
        Symptom::Unreachable => TransportError::Unreachable {
            hop: hop_address,
            port: hop.port,
            reason: last_words(line),
        },
        Symptom::Dropped => TransportError::Dropped {
            hop: hop_address,
            port: hop.port,
            reason: last_words(line),
        },
    }
}

const NOTHING: &str = "it said nothing";

fn last_words(line: &str) -> String {
    line.rsplit(": ").next().unwrap_or(line).to_owned()
}

/// Of `Load key "PATH": REASON` what the user needs; the path of a key text is ours and says nothing.
fn of_key_file<'a>(key: &Key, line: &'a str) -> &'a str {
    match key {
        Key::Text(_) => line.rsplit_once("\": ").map_or(line, |(_, reason)| reason),
        Key::Agent | Key::File(_) => line,
    }
}

fn host_key_changed(hop: String, text: &str) -> TransportError {
    let shown = text.lines().find(|line| line.starts_with("SHA256:"));
    let record = text
        .lines()
        .find(|line| line.starts_with("Offending "))
        .and_then(|line| line.split_once(" key in "))
        .map(|(_, record)| record.trim());
    let unknown = || "(unreadable)".to_owned();
    TransportError::HostKeyChanged {
        hop,
        known: record
            .and_then(known_hosts::fingerprint_at)
            .unwrap_or_else(unknown),
        shown: shown.map_or_else(unknown, |line| line.trim().trim_end_matches('.').to_owned()),
        record: record.unwrap_or("known_hosts").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::Bastion;

    fn target() -> Target {
        Target::new("m1", "ops")
    }

    fn behind_bastion() -> Target {
        let bastion = Bastion {
            address: "gate".into(),
            port: 2222,
            user: "jump".into(),
            key: Key::Agent,
            host_key_policy: super::super::HostKeyPolicy::AcceptNew,
            known_hosts_file: None,
        };
        Target {
            bastion: Some(Box::new(bastion)),
            ..target()
        }
    }

    /// What a direct connection fails with, as people read it.
    fn direct(log: &str) -> String {
        let said = Said {
            log,
            ..Said::default()
        };
        diagnose(&target(), &said).to_string()
    }

    const PIPE: &str = "kex_exchange_identification: Connection closed by remote host\n";

    fn behind(bastion_log: &str) -> String {
        of_both(PIPE, bastion_log).to_string()
    }

    fn of_both(log: &str, bastion_log: &str) -> TransportError {
        let said = Said {
            log,
            bastion_log,
            stderr: "",
        };
        diagnose(&behind_bastion(), &said)
    }

    #[test]
    fn what_ssh_says_of_a_direct_connection() {
        let table = [
                "ssh: connect to host 10.0.0.1 port 22: Connection refused",
                "ssh: connect to host 10.0.0.1 port 22: Connection timed out",
                "ssh: connect to host 10.0.0.1 port 22: No route to host",
                "ssh: connect to host 10.0.0.1 port 22: Network is unreachable",
                "Connection timed out during banner exchange\nConnection to 10.0.0.1 port 22 timed out",
                "kex_exchange_identification: read: Connection reset by peer\nConnection reset by 10.0.0.1 port 22",
                "kex_exchange_identification: Connection closed by remote host\nConnection closed by 10.0.0.1 port 22",
                "Connection closed by 10.0.0.1 port 22",
                "ssh: Could not resolve hostname m1: Name or service not known",
                "ssh: Could not resolve hostname m1: Temporary failure in name resolution",
                "ops@10.0.0.1: Permission denied (publickey).",
                "ops@10.0.0.1: Permission denied (publickey,password,keyboard-interactive).",
                "Received disconnect from 10.0.0.1 port 22:2: Too many authentication failures\nDisconnected from 10.0.0.1 port 22",
                "Load key \"/tmp/x\": error in libcrypto\nops@10.0.0.1: Permission denied (publickey).",
                "Load key \"/tmp/x\": bad permissions\nops@10.0.0.1: Permission denied (publickey).",
                "No ED25519 host key is known for 10.0.0.1 and you have requested strict checking.\nHost key verification failed.",
                "kex_exchange_identification: read: Connection reset by peer\nnot allowed",
                "Not allowed at this time\nkex_exchange_identification: banner line contains invalid characters",
                "/tmp/ha-x/1.conf: line 9: Bad configuration option: stricthostkeychecking",
                "/tmp/ha-x/1.conf line 9: unsupported option \"accept-new\".",
                "Unable to negotiate with 10.0.0.1 port 22: no matching host key type found. Their offer: ssh-rsa",
                "",
            ]
            .map(|log| format!("{log}\n => {}\n", direct(log)))
            .join("\n");
        insta::assert_snapshot!(table);
    }

    #[test]
    fn what_the_bastion_s_ssh_says() {
        let table = [
                "ssh: connect to host 10.0.0.9 port 2222: Connection refused",
                "Warning: Permanently added 'gate' (ED25519) to the list of known hosts.\njump@10.0.0.9: Permission denied (publickey).",
                "No ED25519 host key is known for gate and you have requested strict checking.\nHost key verification failed.",
                "Bad configuration option: x",
                "channel 0: open failed: connect failed: Connection refused\nstdio forwarding failed",
                "channel 0: open failed: connect failed: No route to host\nstdio forwarding failed",
                "channel 0: open failed: connect failed: Name or service not known\nstdio forwarding failed",
                "channel 0: open failed: administratively prohibited: open failed\nstdio forwarding failed",
                "Warning: Permanently added 'gate' (ED25519) to the list of known hosts.",
            ]
            .map(|log| format!("{log}\n => {}\n", behind(log)))
            .join("\n");
        insta::assert_snapshot!(table);
    }

    #[test]
    fn behind_a_bastion_that_works_the_target_speaks_for_itself() {
        let log = "ops@10.0.0.1: Permission denied (publickey).";
        let error = of_both(log, "Warning: Permanently added 'gate' (ED25519)…");
        assert_eq!(
            error.to_string(),
            "m1 accepts none of the keys offered for user ops"
        );
    }

    #[test]
    fn a_changed_host_key_shows_both_fingerprints() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let key = "AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q";
        std::fs::write(file.path(), format!("|1|c2FsdA==|aGFzaA== ssh-ed25519 {key}\n")).unwrap();
        let record = format!("{}:1", file.path().display());
        let log = format!(
            "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n\
             The fingerprint for the ED25519 key sent by the remote host is\n\
             SHA256:eFbe4T8ZUVf+ioqpaRNFs8t/j+mostf9V+jRJ/cHXwo.\n\
             Offending ED25519 key in {record}\n  remove with:\n\
             Host key for m1 has changed and you have requested strict checking.\n\
             Host key verification failed.\n"
        );
        let expected = TransportError::HostKeyChanged {
            hop: "m1".into(),
            known: "SHA256:FHsTyFHNmvNpw4o7+rp+M1yqMyBF8vXSBRkZtkQ0RKY".into(),
            shown: "SHA256:eFbe4T8ZUVf+ioqpaRNFs8t/j+mostf9V+jRJ/cHXwo".into(),
            record,
        };
        let said = Said {
            log: &log,
            ..Said::default()
        };
        assert_eq!(diagnose(&target(), &said), expected);
        let at_bastion = of_both(PIPE, &log);
        assert!(matches!(at_bastion, TransportError::HostKeyChanged { hop, .. } if hop == "gate"));
    }

    #[test]
    fn what_ssh_says_before_its_log_counts() {
        let pinned = Target {
            host_keys: super::super::PublicKey::parse_lines(
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q",
            )
            .unwrap(),
            ..target()
        };
        let closed = "Connection closed by 10.0.0.1 port 22";
        let booting = "\"System is booting up. Unprivileged users are not permitted to log in yet. Please come back later. For technical details, see pam_nologin(8).\"";
        let table = [
            (&target(), "", "No user exists for uid 54321\n"),
            (&target(), "", "command-line: line 0: Bad configuration option: x\n"),
            (&target(), closed, booting),
            (&target(), closed, "Your account has expired; please contact your system administrator.\n"),
            (&target(), closed, "Authorized users only.\n"),
            (&target(), "", "ssh: error while loading shared libraries: libcrypto.so.3\n"),
            (&pinned, "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nSHA256:eFbe4T8ZUVf+ioqpaRNFs8t/j+mostf9V+jRJ/cHXwo.\n", ""),
            (&pinned, "No RSA host key is known for m1 and you have requested strict checking.\n", ""),
        ]
        .map(|(target, log, stderr)| {
            let said = Said { log, bastion_log: "", stderr };
            format!("{log}\n{stderr}\n => {}\n", diagnose(target, &said))
        })
        .join("\n");
        insta::assert_snapshot!(table);
    }
}
