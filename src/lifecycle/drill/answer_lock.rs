//! Scripts that take turns and notes: the locks and the journal on a host.
use tokio::time::Instant;

use super::{reply::says, shell::word_after, world::World};
use crate::{
    command::{Output, Script, quote},
    node::lock::{LEASE, Owner, Scope},
};

pub(super) fn answer(world: &mut World, at: &str, script: &Script) -> Option<Output> {
    let body = script.body.as_str();
    let machine = world.machines.get_mut(at).unwrap();
    Some(match script.title {
        "take the lock" => {
            let owner: Owner = serde_json::from_str(&word_after(body, "printf '%s\\n' ")).unwrap();
            match machine.locks.get(&scope_of(body)) {
                Some((other, taken))
                    if other.id != owner.id
                        && taken.elapsed() < LEASE
                        && !body.contains(&format!("'\"id\":\"{}\"'", other.id)) =>
                {
                    says(serde_json::to_string(other).unwrap())
                }
                _ => {
                    machine.locks.insert(scope_of(body), (owner, Instant::now()));
                    says("taken\n")
                }
            }
        }
        "renew the lock" => match machine.locks.get_mut(&scope_of(body)) {
            Some((owner, taken)) if body.contains(&format!("\"id\":\"{}\"", owner.id)) => {
                *taken = Instant::now();
                says("taken\n")
            }
            Some((other, _)) => says(serde_json::to_string(other).unwrap()),
            None => says("free\n"),
        },
        "write the journal" => Output::default(),
        "release the lock" => {
            let scope = scope_of(body);
            let is_own = |(owner, _): &(Owner, Instant)| body.contains(&format!("\"id\":\"{}\"", owner.id));
            if machine.locks.get(&scope).is_some_and(is_own) {
                machine.locks.remove(&scope);
            }
            Output::default()
        }
        _ => return None,
    })
}

fn scope_of(body: &str) -> Scope {
    let scopes = [Scope::Cluster, Scope::Host];
    let of_file = |scope: &Scope| body.contains(&format!("f={} ", quote(scope.file())));
    scopes.into_iter().find(of_file).unwrap()
}
