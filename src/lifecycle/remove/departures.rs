//! Which masters are to leave in this run: Terraform asks for one at a time, and what may happen depends on all.
use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    etcd::{Fate, Member},
    lifecycle::failure::Failure,
};

/// All removals of masters that were asked of this process. Clones are the same register.
#[derive(Clone, Debug, Default)]
pub(crate) struct Departures {
    entries: Arc<watch::Sender<Vec<Entry>>>,
}

#[derive(Clone, Debug)]
struct Entry {
    endpoint: String,
    node_name: String,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    RemovalSpec,
    Left,
    /// It has left as the last of its cluster.
    Ended,
    Failed,
}

/// One removal; dropped before [`Departure::done`], it counts as failed.
#[derive(Debug)]
pub(crate) struct Departure {
    register: Departures,
    endpoint: String,
    node_name: String,
    state: State,
}

impl Departures {
    /// Takes a note of a removal that begins.
    pub(crate) fn announce(&self, endpoint: &str, node_name: &str) -> Departure {
        self.set(endpoint, node_name, State::RemovalSpec);
        Departure {
            register: self.clone(),
            endpoint: endpoint.to_owned(),
            node_name: node_name.to_owned(),
            state: State::Failed,
        }
    }

    fn set(&self, endpoint: &str, node_name: &str, state: State) {
        self.entries.send_modify(|entries| {
            entries.retain(|entry| entry.endpoint != endpoint || entry.node_name != node_name);
            entries.push(Entry {
                endpoint: endpoint.to_owned(),
                node_name: node_name.to_owned(),
                state,
            });
        });
    }
}

impl Departure {
    /// What becomes of a member's master, as far as this run knows.
    pub(crate) fn fate(&self, member: &Member) -> Fate {
        let entries = self.register.entries.borrow();
        let entry = entries
            .iter()
            .find(|entry| entry.endpoint == self.endpoint && entry.node_name == member.name);
        match entry.map(|entry| entry.state) {
            Some(State::RemovalSpec) => Fate::RemovalSpec,
            Some(State::Failed) => Fate::Stays,
            Some(State::Left | State::Ended) => Fate::Released,
            None => Fate::Unknown,
        }
    }

    /// Whether another master of the cluster leaves or has left in this run.
    pub(crate) fn is_in_company(&self) -> bool {
        self.is_other(&self.register.entries.borrow(), |state| state != State::Failed)
    }

    /// Whether the cluster has ended in this run with another master.
    pub(crate) fn has_cluster_ended(&self) -> bool {
        self.is_other(&self.register.entries.borrow(), |state| state == State::Ended)
    }

    /// Gives Terraform a moment to ask for another removal: those that belong together come at once, but not in the
    /// same instant.
    pub(crate) async fn wait_for_company(&self, limit: Duration) -> bool {
        let mut entries = self.register.entries.subscribe();
        let came = entries.wait_for(|entries| self.is_other(entries, |state| state == State::RemovalSpec));
        timeout(limit, came).await.is_ok()
    }

    /// Waits until the removals of these nodes have ended, well or not.
    pub(crate) async fn wait_until_over(
        &self,
        names: &[String],
        cancel: &CancellationToken,
    ) -> Result<(), Failure> {
        let mut entries = self.register.entries.subscribe();
        let is_over = |entries: &Vec<Entry>| {
            !entries.iter().any(|entry| {
                entry.endpoint == self.endpoint
                    && entry.state == State::RemovalSpec
                    && names.contains(&entry.node_name)
            })
        };
        let waited = cancel.run_until_cancelled(entries.wait_for(is_over)).await;
        // The register lives as long as this handle, so the wait itself cannot fail.
        waited.map(drop).ok_or_else(Failure::cancelled)
    }

    /// The node has left; `is_end`: as the last of its cluster.
    pub(crate) fn done(mut self, is_end: bool) {
        self.state = if is_end { State::Ended } else { State::Left };
    }

    fn is_other(&self, entries: &[Entry], wanted: impl Fn(State) -> bool) -> bool {
        entries.iter().any(|entry| {
            entry.endpoint == self.endpoint && entry.node_name != self.node_name && wanted(entry.state)
        })
    }
}

impl Drop for Departure {
    fn drop(&mut self) {
        self.register.set(&self.endpoint, &self.node_name, self.state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str) -> Member {
        Member {
            id: 1,
            name: name.to_owned(),
            peer_urls: Vec::new(),
            client_urls: Vec::new(),
            is_learner: false,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_removal_is_known_from_its_beginning_to_its_end() {
        let register = Departures::default();
        let own = register.announce("prod", "m1");
        assert!(!own.is_in_company());
        assert!(!own.wait_for_company(Duration::from_secs(3)).await);
        let other = register.announce("prod", "m2");
        let _foreign = register.announce("stage", "m3");
        assert!(own.wait_for_company(Duration::from_secs(3)).await);
        assert_eq!(own.fate(&member("m2")), Fate::RemovalSpec);
        assert_eq!(own.fate(&member("m3")), Fate::Unknown);

        let cancel = CancellationToken::new();
        let waited = async { own.wait_until_over(&["m2".to_owned()], &cancel).await };
        let ((), waited) = tokio::join!(async { other.done(true) }, waited);
        waited.unwrap();
        assert_eq!(own.fate(&member("m2")), Fate::Released);
        assert!(own.has_cluster_ended());
    }

    #[tokio::test(start_paused = true)]
    async fn a_removal_that_fails_says_so() {
        let register = Departures::default();
        let own = register.announce("prod", "m1");
        drop(register.announce("prod", "m2"));
        assert_eq!(own.fate(&member("m2")), Fate::Stays);
        assert!(!own.is_in_company());
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_when_terraform_stops() {
        let register = Departures::default();
        let own = register.announce("prod", "m1");
        let _other = register.announce("prod", "m2");
        let cancel = CancellationToken::new();
        cancel.cancel();
        let waited = own.wait_until_over(&["m2".to_owned()], &cancel).await;
        assert_eq!(waited.unwrap_err().summary, Failure::cancelled().summary);
    }
}
