//! Scripts about the way between hosts: addresses, connections, VRRP, who has the floating IP.
use super::{
    reply::{says, whether},
    shell::words,
    world::World,
};
use crate::{
    command::{Output, Script},
    node::Answers,
};

/// What stands for IP protocol 112 among the closed ports.
pub(super) const VRRP: u16 = 112;

pub(super) fn answer(world: &mut World, at: &str, script: &Script) -> Option<Output> {
    let body = script.body.as_str();
    let machine = &world.machines[at];
    Some(match script.title {
        "read the node's address" => {
            let addresses = format!("2: eth0    inet {at}/24 scope global eth0\n");
            let advertise = format!("--advertise-address={at}\n");
            let is_master = machine.has("/etc/kubernetes/manifests/kube-apiserver.yaml");
            let sections = [
                ("addresses", 0, addresses.as_str()),
                ("routes", 0, "default via 10.0.0.1 dev eth0"),
                ("advertise", i32::from(!is_master), advertise.as_str()),
            ];
            says(Answers::from_sections(sections).render())
        }
        "try the connections" => {
            let tries = body.lines().filter(|line| line.ends_with(" &")).map(words);
            let verdict = |words: Vec<String>| {
                let [_, index, to, port, _] = words.try_into().unwrap();
                format!("{index} {}\n", world.verdict(at, &to, port.parse().unwrap()))
            };
            says(tries.map(verdict).collect::<String>())
        }
        "try VRRP" | "hear VRRP" => {
            let (_, rest) = body.split_once("exec $python - ").unwrap();
            let (addresses, _) = rest.split_once(" <<").unwrap();
            let peers: Vec<&str> = addresses.split(' ').skip(2).collect();
            let hears = script.title == "hear VRRP";
            let verdict = |peer: &str| {
                if hears {
                    world.verdict(peer, at, VRRP)
                } else {
                    world.verdict(at, peer, VRRP)
                }
            };
            let lines = peers.iter().enumerate();
            says(
                lines
                    .map(|(index, peer)| format!("{index} {}", verdict(peer)))
                    .collect::<Vec<_>>()
                    .join(
                        "
",
                    ),
            )
        }
        "look for VRRP" => whether(machine.has_loadbalancer()),
        "look at the floating IP" => {
            let holds = world.vip_holder.as_deref() == Some(at) || machine.has_vip_too;
            let age = if machine.has_loadbalancer() { "60" } else { "-" };
            says(format!(
                "{} {age} {}\n",
                if holds { "holds" } else { "lacks" },
                machine.name
            ))
        }
        _ => return None,
    })
}

impl World {
    fn verdict(&self, from: &str, to: &str, port: u16) -> &'static str {
        let is_closed = self
            .closed
            .iter()
            .any(|(closed_to, closed_port)| closed_to == to && *closed_port == port);
        if is_closed && from != to {
            "closed no answer within 4 s"
        } else {
            "open"
        }
    }
}
