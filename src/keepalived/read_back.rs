//! Reads a `keepalived.conf` back: which floating IP it carries, and with whom.
use std::net::IpAddr;

/// What a configuration says, as far as an operation wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundKeepalived {
    /// The floating IP.
    pub vip: IpAddr,
    /// The interface that carries it.
    pub interface: String,
    /// VRRP's virtual router id.
    pub virtual_router_id: u8,
    /// This host's own address.
    pub address: IpAddr,
    /// The other members' addresses.
    pub peers: Vec<IpAddr>,
    /// Whether the VIP moves back.
    pub preempt: bool,
}

/// Reads the text of [`super::render_config`]. `None` if a part of it is not there.
pub fn read_config(text: &str) -> Option<FoundKeepalived> {
    let lines: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let word_after = |name: &str| {
        let line = lines.iter().find(|line| line.first() == Some(&name))?;
        line.get(1).copied()
    };
    let block = |name: &str| {
        let inside = lines
            .iter()
            .skip_while(|line| line.first() != Some(&name))
            .skip(1);
        let inside = inside.take_while(|line| line.first() != Some(&"}"));
        inside
            .filter_map(|line| line.first().copied())
            .collect::<Vec<_>>()
    };
    let vip = *block("virtual_ipaddress").first()?;
    Some(FoundKeepalived {
        vip: vip.split('/').next()?.parse().ok()?,
        interface: word_after("interface")?.to_owned(),
        virtual_router_id: word_after("virtual_router_id")?.parse().ok()?,
        address: word_after("unicast_src_ip")?.parse().ok()?,
        peers: block("unicast_peer")
            .into_iter()
            .map(|peer| peer.parse().ok())
            .collect::<Option<_>>()?,
        preempt: !lines.iter().any(|line| line == &["nopreempt"]),
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::{KeepalivedSpec, render_config},
        *,
    };

    #[test]
    fn what_is_written_is_read_back() {
        for (vip, own, peers) in [
            ("10.0.0.100", "10.0.0.11", ["10.0.0.12", "10.0.0.13"].as_slice()),
            ("fd00::100", "fd00::11", &["fd00::12"]),
            ("10.0.0.100", "10.0.0.11", &[]),
        ] {
            for preempt in [false, true] {
                let spec = KeepalivedSpec {
                    vip: vip.parse().unwrap(),
                    interface: "eth0".to_owned(),
                    virtual_router_id: 51,
                    priority: 200,
                    address: own.parse().unwrap(),
                    peers: peers.iter().map(|peer| peer.parse().unwrap()).collect(),
                    preempt,
                    advert_int: KeepalivedSpec::ADVERT_INT,
                    health_port: 8404,
                };
                let found = read_config(&render_config(&spec)).unwrap();
                assert_eq!(
                    (found.vip, found.address, found.peers),
                    (spec.vip, spec.address, spec.peers)
                );
                assert_eq!(
                    (found.interface.as_str(), found.virtual_router_id, found.preempt),
                    ("eth0", 51, preempt)
                );
            }
        }
        assert_eq!(read_config("vrrp_instance a {\n}\n"), None);
    }
}
