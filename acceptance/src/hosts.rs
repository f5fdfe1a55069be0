//! The lab's machines, for one test at a time. How they get clean for it is in [`clean`](crate::clean).
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context as _, Result, anyhow};

use crate::lab::address::NodeName;
use crate::lab::cache::Cache;
use crate::lab::operations::{self, Wanted};
use crate::lab::{node, program, progress, requirements};

/// The machines of the examples: three masters-to-be and a worker-to-be.
pub const ALL: [&str; 4] = ["m1", "m2", "m3", "w1"];
/// The masters among them.
pub const MASTERS: [&str; 3] = ["m1", "m2", "m3"];

/// There is one lab on a machine.
static TURN: Mutex<()> = Mutex::new(());

/// The lab, for the time of one test.
#[derive(Debug)]
pub struct Hosts {
    /// Where their disks and the SSH key are.
    pub cache: Cache,
    /// In order of their addresses.
    pub names: Vec<NodeName>,
    _turn: MutexGuard<'static, ()>,
}

impl Hosts {
    /// These machines, on and ready. Waits until nobody else in this process has the lab.
    pub(crate) fn take(names: &[NodeName]) -> Result<Self> {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        progress::start();
        requirements::root_on_linux()?;
        let cache = Cache::from_env()?;
        operations::up(&cache, names, &Wanted::default())?;
        let mut names = names.to_vec();
        names.sort_unstable();
        Ok(Self {
            cache,
            names,
            _turn: turn,
        })
    }

    /// Runs a shell script on a machine as root; what it prints.
    pub fn on(&self, name: &str, script: &str) -> Result<String> {
        let options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10"];
        let mut ssh = node::ssh(&self.cache, "root", name.parse()?, &options);
        program::run_with_input(ssh.arg("LC_ALL=C sh -s"), script)
            .with_context(|| format!("on {name}: {}", script.lines().next().unwrap_or_default()))
    }

    /// The same on all machines at once.
    pub fn on_all(&self, script: &str) -> Result<Vec<(NodeName, String)>> {
        self.on_each(&self.names, script)
    }

    /// The same on these machines at once.
    pub fn on_each(&self, names: &[NodeName], script: &str) -> Result<Vec<(NodeName, String)>> {
        thread::scope(|scope| {
            let start = |name: &NodeName| {
                let name = *name;
                (name, scope.spawn(move || self.on(&name.to_string(), script)))
            };
            let threads: Vec<_> = names.iter().map(start).collect();
            let ended = threads.into_iter().map(|(name, thread)| {
                let text = thread
                    .join()
                    .map_err(|_| anyhow!("the work on {name} panicked"))??;
                Ok((name, text))
            });
            ended.collect()
        })
    }

    /// The private key that opens all machines.
    pub fn key(&self) -> PathBuf {
        self.cache.key()
    }
}
