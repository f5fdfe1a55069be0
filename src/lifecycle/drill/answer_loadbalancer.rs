//! Scripts about HAProxy, keepalived and the floating IP.
use super::{
    detached::{put_aside, put_back},
    reply::{says, whether},
    shell::{paths, words},
    world::World,
};
use crate::{
    command::{Output, Script},
    keepalived,
    node::{Answers, DIRECTORY},
};

pub(super) fn answer(world: &mut World, at: &str, script: &Script) -> Option<Output> {
    let body = script.body.as_str();
    let note = format!("{DIRECTORY}/loadbalancer.json");
    let machine = world.machines.get_mut(at).unwrap();
    Some(match script.title {
        "remove keepalived's manifest" | "remove the load balancer's files" => {
            for test in body.split("if [ -e ").skip(1) {
                machine.remove(&words(test)[0]);
            }
            Output::default()
        }
        "read the load balancer's note" => says(machine.files.get(&note).cloned().unwrap_or_default()),
        "read load balancer" => {
            let files = machine
                .files
                .iter()
                .filter(|(path, _)| body.contains(path.as_str()));
            let sections = files.map(|(path, text)| (path.as_str(), 0, text.as_str()));
            let identity = ("machine_id", 0, machine.identity.as_str());
            says(Answers::from_sections(sections.chain([identity])).render())
        }
        "read files" => {
            let sections = machine
                .files
                .iter()
                .map(|(path, text)| (path.as_str(), 0, text.as_str()));
            says(Answers::from_sections(sections).render())
        }
        "look for keepalived's manifest" => whether(paths(body).iter().all(|path| machine.has(path))),
        "look for the load balancer's files" => whether(paths(body).iter().any(|path| machine.has(path))),
        "stop keepalived" => {
            put_aside(machine, keepalived::MANIFEST_PATH);
            Output::default()
        }
        "start keepalived" => {
            put_back(machine);
            Output::default()
        }
        "ask HAProxy" => whether(machine.has_loadbalancer()),
        "look for the floating IP" => whether(world.vip_holder.as_deref() == Some(at)),
        "ask for the floating IP" => whether(world.vip_stranger),
        "drop the floating IP" => {
            machine.has_vip_too = false;
            Output::default()
        }
        _ => return None,
    })
}
