//! Scripts that take turns and notes: the cluster's lock and the journal on a host.
use tokio::time::Instant;

use super::{answer::says, shell::word_after, world::World};
use crate::{
    command::{Output, Script},
    node::lock::{LEASE, Owner},
};

pub(super) fn answer(world: &mut World, at: &str, script: &Script) -> Option<Output> {
    let body = script.body.as_str();
    let machine = world.machines.get_mut(at).unwrap();
    Some(match script.title {
        "take the cluster's lock" => {
            let owner: Owner = serde_json::from_str(&word_after(body, "printf '%s\\n' ")).unwrap();
            match &machine.lock {
                Some((other, taken))
                    if other.id != owner.id
                        && taken.elapsed() < LEASE
                        && !body.contains(&format!("'\"id\":\"{}\"'", other.id)) =>
                {
                    says(serde_json::to_string(other).unwrap())
                }
                _ => {
                    machine.lock = Some((owner, Instant::now()));
                    says("taken\n")
                }
            }
        }
        "write the journal" => Output::default(),
        "release the cluster's lock" => {
            machine
                .lock
                .take_if(|(owner, _)| body.contains(&format!("\"id\":\"{}\"", owner.id)));
            Output::default()
        }
        _ => return None,
    })
}
