//! What the lab remembers between commands: which nodes it has and what they were made of.
use std::fs;
use std::io::ErrorKind;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::address::NodeName;
use super::cache::Cache;

/// The lab's state; written before what it names is made, so that nothing exists that it does not name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The nodes' Kubernetes release, without `v`.
    pub kubernetes: String,
    /// The folder of its programs; see [`super::recipe::Kubernetes::key`].
    pub kubernetes_key: String,
    /// In order of their addresses.
    pub nodes: Vec<NodeName>,
}

impl State {
    /// The state, if there is a lab.
    pub fn read(cache: &Cache) -> Result<Option<Self>> {
        match fs::read(cache.path("state.json")) {
            Ok(text) => Ok(Some(
                serde_json::from_slice(&text).context("state.json of the lab cannot be read")?,
            )),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).context("cannot read the lab's state"),
        }
    }

    /// The state; an error that names the remedy if there is no lab.
    pub fn of_lab(cache: &Cache) -> Result<Self> {
        Self::read(cache)?.context("there is no lab: make one with `lab up`")
    }

    /// Keeps the state.
    pub fn write(&self, cache: &Cache) -> Result<()> {
        let unfinished = cache.path(".state.json");
        fs::write(&unfinished, serde_json::to_vec_pretty(self)?)?;
        fs::rename(unfinished, cache.path("state.json")).context("cannot write the lab's state")
    }

    /// Forgets the lab.
    pub fn remove(cache: &Cache) -> Result<()> {
        match fs::remove_file(cache.path("state.json")) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).context("cannot remove the lab's state")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_survive_a_file() {
        let place = tempfile::tempdir().unwrap();
        let cache = Cache::at(place.path()).unwrap();
        assert_eq!(State::read(&cache).unwrap(), None);
        let nodes = ["m1", "w1"].map(|name| name.parse().unwrap()).to_vec();
        let state = State {
            kubernetes: "1.37.2".into(),
            kubernetes_key: "1.37.2".into(),
            nodes,
        };
        state.write(&cache).unwrap();
        assert_eq!(State::of_lab(&cache).unwrap(), state);
        assert!(
            fs::read_to_string(cache.path("state.json"))
                .unwrap()
                .contains("\"w1\"")
        );
        State::remove(&cache).unwrap();
        State::remove(&cache).unwrap();
        assert!(State::of_lab(&cache).unwrap_err().to_string().contains("lab up"));
    }
}
