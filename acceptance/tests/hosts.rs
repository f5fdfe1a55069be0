//! The lab's machines as tests need them: clean at the start of each, and one test at a time.
use std::env;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use acceptance::lab::address::NodeName;
use acceptance::lab::cache::Cache;
use acceptance::lab::operations::{self, Wanted};
use acceptance::lab::{node, program, progress, requirements};
use anyhow::{Context as _, Result};

use crate::residue;

/// All machines: three masters-to-be and a worker-to-be.
pub(crate) const ALL: [&str; 4] = ["m1", "m2", "m3", "w1"];
/// The masters among them.
pub(crate) const MASTERS: [&str; 3] = ["m1", "m2", "m3"];

/// There is one lab on a machine.
static TURN: Mutex<()> = Mutex::new(());

/// The lab, for the time of one test.
pub(crate) struct Hosts {
    pub(crate) cache: Cache,
    _turn: MutexGuard<'static, ()>,
}

impl Hosts {
    /// The machines without a trace of an earlier cluster; none if acceptance tests were not asked for.
    pub(crate) fn clean() -> Result<Option<Self>> {
        if env::var_os("TF_ACC").is_none_or(|value| value != "1") {
            println!("not run: set TF_ACC=1 to run it against real clusters on the lab (make acceptance)");
            return Ok(None);
        }
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        progress::start();
        requirements::root_on_linux()?;
        let cache = Cache::from_env()?;
        let names = ALL.map(|name| name.parse::<NodeName>().unwrap());
        operations::up(&cache, &names, &Wanted::default())?;
        let hosts = Self { cache, _turn: turn };
        let traces = residue::traces(&hosts)?;
        if !traces.is_empty() {
            operations::reset(&hosts.cache)?;
            assert_eq!(residue::traces(&hosts)?, Vec::<String>::new(), "on fresh disks");
        }
        Ok(Some(hosts))
    }

    /// Runs a shell script on a machine as root; what it prints.
    pub(crate) fn on(&self, name: &str, script: &str) -> Result<String> {
        let options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10"];
        let mut ssh = node::ssh(&self.cache, "root", name.parse()?, &options);
        program::run_with_input(ssh.arg("LC_ALL=C sh -s"), script)
            .with_context(|| format!("on {name}: {}", script.lines().next().unwrap_or_default()))
    }

    /// The same on all machines at once.
    pub(crate) fn on_all(&self, script: &str) -> Result<Vec<(&'static str, String)>> {
        thread::scope(|scope| {
            let threads = ALL.map(|name| (name, scope.spawn(move || self.on(name, script))));
            let ended = threads.map(|(name, thread)| Ok((name, thread.join().unwrap()?)));
            ended.into_iter().collect()
        })
    }

    /// The private key that opens all machines.
    pub(crate) fn key(&self) -> PathBuf {
        self.cache.key()
    }
}

/// The address of a machine.
pub(crate) fn address(name: &str) -> String {
    name.parse::<NodeName>().unwrap().address().to_string()
}

/// The machine at an address.
pub(crate) fn at(address_wanted: &str) -> &'static str {
    let found = ALL.into_iter().find(|name| address(name) == address_wanted);
    found.unwrap_or_else(|| panic!("no machine has the address {address_wanted}"))
}
