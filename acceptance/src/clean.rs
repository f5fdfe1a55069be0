//! The lab's machines as tests need them: without a trace of an earlier cluster.
use std::env;

use anyhow::{Result, ensure};

use crate::hosts::{ALL, Hosts};
use crate::lab::address::NodeName;
use crate::lab::{operations, progress};
use crate::residue;

impl Hosts {
    /// The examples' machines without a trace of an earlier cluster; none if acceptance tests were not asked for.
    pub fn clean() -> Result<Option<Self>> {
        Self::clean_ones(&ALL)
    }

    /// The same of the machines of these names.
    pub fn clean_ones(names: &[&str]) -> Result<Option<Self>> {
        if env::var_os("TF_ACC").is_none_or(|value| value != "1") {
            progress::line(
                "not run: set TF_ACC=1 to run it against real clusters on the lab (make acceptance)",
            );
            return Ok(None);
        }
        let names: Vec<NodeName> = names.iter().map(|name| name.parse()).collect::<Result<_>>()?;
        Self::up(&names).map(Some)
    }

    /// These machines without a trace of an earlier cluster. Waits until nobody else in this process has the lab.
    pub fn up(names: &[NodeName]) -> Result<Self> {
        let hosts = Self::take(names)?;
        if !residue::traces(&hosts)?.is_empty() {
            operations::reset(&hosts.cache)?;
            let traces = residue::traces(&hosts)?;
            ensure!(traces.is_empty(), "traces on fresh disks: {traces:?}");
        }
        Ok(hosts)
    }
}
