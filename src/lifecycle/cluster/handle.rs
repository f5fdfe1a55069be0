//! The running cluster as an operation changes it: through whichever of its masters answers.
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::survey::{HostReport, Survey};
use crate::{node::Machine, remote::Host};

/// How long a master that did not answer is passed over.
const SILENCE: Duration = Duration::from_secs(60);

/// A handle on the cluster; clones are the same one. The master to work through is picked when it is needed, and another
/// one once that has gone away.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Where masters may be found.
    masters: Vec<Host>,
    /// Which cluster it is; only its own masters are picked.
    ca_cert_hash: Option<String>,
    /// The machine that joins or leaves, whatever it is called; it is never picked.
    subject: Option<Machine>,
    chosen: Mutex<Host>,
}

impl Cluster {
    /// The cluster of this master, which answers now; others are looked for among `masters`. `subject`: the machine that the
    /// operation is about, if it is or may become a master.
    pub(crate) fn of(seen: &HostReport, masters: Vec<Host>, subject: Option<Machine>) -> Self {
        Self::new(seen.host.clone(), seen.ca_cert_hash.clone(), masters, subject)
    }

    /// Through this master only: one that has just been made works through itself.
    pub(crate) fn at(master: Host) -> Self {
        Self::new(master, None, Vec::new(), None)
    }

    fn new(chosen: Host, ca_cert_hash: Option<String>, masters: Vec<Host>, subject: Option<Machine>) -> Self {
        let inner = Inner {
            masters,
            ca_cert_hash,
            subject,
            chosen: Mutex::new(chosen),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The master to work through now. If none answers, the last one: what is asked of it then fails, and says why.
    pub(crate) async fn via(&self) -> Host {
        let chosen = self.chosen();
        if !chosen.was_silent_within(SILENCE) {
            return chosen;
        }
        let others = self.inner.masters.iter();
        let others: Vec<Host> = others
            .filter(|host| host.name() != chosen.name() && !host.was_silent_within(SILENCE))
            .cloned()
            .collect();
        let survey = Survey::of(&others).await;
        let is_subject = |seen: &HostReport| {
            let subject = self.inner.subject.as_ref();
            subject.is_some_and(|subject| seen.machine.is(subject))
        };
        let is_own = |seen: &&HostReport| {
            seen.is_usable() && seen.ca_cert_hash == self.inner.ca_cert_hash && !is_subject(seen)
        };
        let Some(seen) = survey.masters().find(is_own) else {
            return chosen;
        };
        tracing::info!(
            was = chosen.name(),
            now = seen.host.name(),
            "the cluster is changed through another master"
        );
        *self.inner.chosen.lock().unwrap_or_else(PoisonError::into_inner) = seen.host.clone();
        seen.host.clone()
    }

    fn chosen(&self) -> Host {
        self.inner
            .chosen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
