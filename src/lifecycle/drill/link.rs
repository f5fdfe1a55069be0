//! The way to the machines of a world, and what goes wrong on it.
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;

use super::{
    answer::{answer, is_write},
    world::{FaultKind, World},
};
use crate::{
    command::{Output, Script},
    node::detached::FREE_SECONDS,
    remote::{Host, Transport, TransportError},
};

/// Handle to a world; clones are the same one.
#[derive(Clone, Debug)]
pub(super) struct Lab(Arc<Mutex<World>>);

impl Lab {
    pub(super) fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(world)))
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    pub(super) fn host(&self, address: &str) -> Host {
        Host::new(address, self.transport(address))
    }

    pub(super) fn transport(&self, address: &str) -> Arc<dyn Transport> {
        assert!(self.world().machines.contains_key(address), "{address}");
        Arc::new(Link(self.clone(), address.to_owned()))
    }
}

#[derive(Debug)]
struct Link(Lab, String);

#[async_trait]
impl Transport for Link {
    async fn run(&self, script: &Script) -> Result<Output, TransportError> {
        // Others may run between any two scripts.
        tokio::task::yield_now().await;
        let patience = self.0.world().connect_timeout;
        if !patience.is_zero() && self.0.world().machines[&self.1].silent {
            let _ = tokio::time::timeout(patience, std::future::pending::<()>()).await;
        }
        self.0.world().run(&self.1, script)
    }
}

impl World {
    fn run(&mut self, at: &str, script: &Script) -> Result<Output, TransportError> {
        let title = script.title;
        let cut = Err(TransportError::Disconnected { title });
        if self.machines[at].silent {
            return Err(TransportError::Unreachable {
                hop: at.to_owned(),
                port: 22,
                reason: "Connection timed out".to_owned(),
            });
        }
        if self.machines[at].is_locked {
            return Err(TransportError::WrongKey {
                hop: at.to_owned(),
                user: "root".to_owned(),
            });
        }
        let booting = || {
            Err(TransportError::Booting {
                hop: at.to_owned(),
                says: "System is going down.".to_owned(),
            })
        };
        if let Some(left) = self.machines[at].refusals.checked_sub(1) {
            self.machines.get_mut(at).unwrap().refusals = left;
            return booting();
        }
        let Some(mut fault) = self.fault.take() else {
            return Ok(self.do_run(at, script));
        };
        let (number, before) = (fault.seen, fault.hit);
        fault.seen += 1;
        if number == fault.at {
            fault.hit = Some(title);
        }
        let kind = fault.kind.clone();
        self.fault = Some(fault);
        match (
            kind,
            before.is_some(),
            self.fault.as_ref().is_some_and(|fault| fault.hit.is_some()),
        ) {
            (FaultKind::KillBefore | FaultKind::KillAfter, true, _)
            | (FaultKind::KillBefore | FaultKind::CutBefore, false, true) => cut,
            (FaultKind::KillAfter | FaultKind::CutAfter, false, true) => {
                self.do_run(at, script);
                cut
            }
            (FaultKind::Status1, false, true) => Ok(Output {
                status: 1,
                stdout: String::new(),
                stderr: "it went wrong".to_owned(),
            }),
            (FaultKind::GoesDown(scripts), false, true) => {
                self.machines.get_mut(at).unwrap().refusals = scripts;
                booting()
            }
            (FaultKind::Dies, false, true) => {
                self.silence(at);
                self.run(at, script)
            }
            (FaultKind::Cancel(token), false, true) => {
                token.cancel();
                Ok(self.do_run(at, script))
            }
            _ => Ok(self.do_run(at, script)),
        }
    }

    fn do_run(&mut self, at: &str, script: &Script) -> Output {
        let before: Vec<bool> = (0..self.clusters.len())
            .map(|index| self.has_quorum(index))
            .collect();
        let waits = script.body.matches("does not end").count();
        if script.limit.as_secs() < FREE_SECONDS * waits as u64 {
            self.violations.push(format!(
                "{}: it is ended before it has waited for units",
                script.title
            ));
        }
        let output = answer(self, at, script);
        self.log.push((at.to_owned(), script.title));
        if is_write(script) {
            self.writes.push((at.to_owned(), script.title));
        }
        self.settle_vip();
        for (index, had_quorum) in before.into_iter().enumerate() {
            // The last master's reset takes its whole cluster with it.
            if had_quorum && !self.has_quorum(index) && self.clusters[index].members.len() > 1 {
                self.violations
                    .push(format!("{}: etcd lost its quorum", script.title));
            }
        }
        output
    }
}
