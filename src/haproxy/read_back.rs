//! Reads a `haproxy.cfg` back: what its load balancer listens on and leads to.
use std::collections::BTreeMap;

use super::HaproxySpec;

/// What a configuration says, as far as a [`HaproxySpec`] has it; its image is in the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundHaproxy {
    /// The port that clients connect to.
    pub port: u16,
    /// Address of each API server by name.
    pub backends: BTreeMap<String, String>,
    /// Connections at once.
    pub maxconn: u32,
    /// The loopback port of the health pages.
    pub health_port: u16,
}

/// Reads the text of [`super::render_config`]: the `frontend` that listens for clients, the `backend` with `server` lines, and
/// the `frontend` on loopback. `None` if one of them is not there.
pub fn read_config(text: &str) -> Option<FoundHaproxy> {
    let mut backends = BTreeMap::new();
    let (mut port, mut health_port, mut maxconn) = (None, None, HaproxySpec::MAXCONN);
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["maxconn", number, ..] => maxconn = number.parse().ok()?,
            ["bind", bind, ..] => {
                let (address, number) = bind.rsplit_once(':')?;
                let place = if address == "127.0.0.1" {
                    &mut health_port
                } else {
                    &mut port
                };
                *place = Some(number.parse().ok()?);
            }
            ["server", name, address, ..] => {
                let (host, _) = address.rsplit_once(':')?;
                backends.insert((*name).to_owned(), host.trim_matches(['[', ']']).to_owned());
            }
            _ => {}
        }
    }
    Some(FoundHaproxy {
        port: port?,
        health_port: health_port?,
        backends,
        maxconn,
    })
    .filter(|found| !found.backends.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{super::render_config, *};

    #[test]
    fn what_is_written_is_read_back() {
        for (name, address) in [
            ("m1", "10.0.0.11"),
            ("m-2.a", "api.example.net"),
            ("m3", "fd00::13"),
        ] {
            let spec = HaproxySpec {
                maxconn: 500,
                health_port: 8405,
                ..HaproxySpec::new(443, [(name.to_owned(), address.to_owned())].into())
            };
            let found = read_config(&render_config(&spec)).unwrap();
            assert_eq!((found.port, found.health_port, found.maxconn), (443, 8405, 500));
            assert_eq!(found.backends, spec.backends);
        }
    }

    #[test]
    fn what_is_none_is_none() {
        for text in ["", "global\n", "frontend a\n bind *:8443\n", "bind x\n"] {
            assert_eq!(read_config(text), None, "{text}");
        }
    }
}
