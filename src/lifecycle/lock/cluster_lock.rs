//! One change of a cluster's membership at a time, and one operation on a host: within this process by a mutex, between
//! processes and machines by a lock on the hosts.
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use tokio::{
    sync::{Mutex as AsyncMutex, OwnedMutexGuard},
    time::Instant,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    command::Script,
    lifecycle::{
        engine::{Condition, Run, process, wait_until},
        failure::{Failure, FailureKind, answer_not_understood},
    },
    node::lock::{LEASE, Owner, Scope, Taking, release_script, renew_script, take_script},
    remote::{Host, HostErrorKind, Permit},
};

/// An owner renews its lock three times within the lease.
const RENEWAL: Duration = Duration::from_secs(15);

/// How long a host that was silent is not waited for as long as any other.
const MINUTE: Duration = Duration::from_secs(60);

/// What a silent host that has come back needs to say so.
const MOMENT: Duration = Duration::from_secs(3);

type Mutexes = HashMap<(Scope, String), Arc<AsyncMutex<()>>>;

/// Locks by control-plane endpoint, or by host. Terraform runs the instances of a `for_each` side by side; etcd takes one
/// learner at a time (`ha-correctness`: kubeadm joins of masters are serial on every version).
#[derive(Clone, Debug, Default)]
pub(crate) struct Locks {
    by_name: Arc<Mutex<Mutexes>>,
}

/// Held while membership changes. [`Self::around`] lets the next one in at once; dropped without it, as when the
/// process dies, the hosts' part ends with its lease.
#[derive(Debug)]
pub(crate) struct Lock {
    scope: Scope,
    hosts: Vec<Host>,
    owner: Owner,
    hold: Arc<Hold>,
    renewal: DropGuard,
    _guard: OwnedMutexGuard<()>,
}

/// What the renewals came to.
#[derive(Debug)]
struct Hold {
    is_lost: AtomicBool,
    renewed: Mutex<Instant>,
}

impl Locks {
    /// Waits until nobody else changes this cluster, at most for the run's time, and holds the lock on every one of
    /// the hosts that answers. Two runs that can reach one common host exclude each other.
    pub(crate) async fn lock(&self, run: &Run, endpoint: &str, hosts: &[Host]) -> Result<Lock, Failure> {
        self.lock_as(run, Scope::Cluster, endpoint, hosts).await
    }

    /// Nobody else makes this run's host a node, or none, meanwhile. Taken before the cluster's lock, and held longer:
    /// who waited for it finds the host as the other has left it for good.
    pub(crate) async fn lock_host(&self, run: &Run) -> Result<Lock, Failure> {
        self.lock_as(run, Scope::Host, run.host.name(), std::slice::from_ref(&run.host))
            .await
    }

    async fn lock_as(&self, run: &Run, scope: Scope, name: &str, hosts: &[Host]) -> Result<Lock, Failure> {
        let (what, summary) = match scope {
            Scope::Cluster => (
                "nobody else changes the cluster",
                "Somebody else is changing the cluster",
            ),
            Scope::Host => (
                "nobody else changes the host",
                "Somebody else is changing the host",
            ),
        };
        let lock = {
            let mut locks = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
            locks.entry((scope, name.to_owned())).or_default().clone()
        };
        let guard = run
            .cancel
            .run_until_cancelled(lock.lock_owned())
            .await
            .ok_or_else(Failure::cancelled)?;
        let owner = process::own(&run.operation)?;
        let told = Mutex::new(String::new());
        let hosts = wait_until(run, what, run.remaining(), || {
            Box::pin(async {
                Ok(match take_all(scope, &owner, hosts).await? {
                    Ok(taken) => Condition::Met(taken),
                    Err(held) => {
                        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                        if *told != held.to_string() {
                            *told = held.to_string();
                            run.progress.waits(run.subject(), &told);
                        }
                        Condition::NotYet(told.clone())
                    }
                })
            })
        })
        .await
        .map_err(|failure| match failure.kind {
            FailureKind::Permanent => Failure {
                summary,
                ..failure
            }
            .advise("Wait until that has ended and apply again, or give this resource more time in its timeouts block."),
            _ => failure,
        })?;
        let hold = Arc::new(Hold {
            is_lost: AtomicBool::new(false),
            renewed: Mutex::new(Instant::now()),
        });
        let stop = CancellationToken::new();
        tokio::spawn(renew(
            scope,
            owner.clone(),
            hosts.clone(),
            hold.clone(),
            stop.clone(),
        ));
        Ok(Lock {
            scope,
            hosts,
            owner,
            hold,
            renewal: stop.drop_guard(),
            _guard: guard,
        })
    }
}

impl Lock {
    /// Whether the lock is on every one of the hosts.
    pub(crate) fn covers(&self, hosts: &[Host]) -> bool {
        let has = |host: &Host| self.hosts.iter().any(|own| own.name() == host.name());
        hosts.iter().all(has)
    }

    /// Fails if somebody else may have the lock now: this process was away for longer than the lease.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let renewed = *self.hold.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        // Where no host answered, there is nothing to renew: nothing is changed on it either.
        let is_fresh = self.hosts.is_empty() || renewed.elapsed() < LEASE;
        if !self.hold.is_lost.load(Ordering::Relaxed) && is_fresh {
            return Ok(());
        }
        let (summary, detail) = match self.scope {
            Scope::Cluster => (
                "The cluster's lock was lost",
                "The hosts of the cluster could not be reached for a minute, and another run has the cluster's lock now, or may have it.",
            ),
            Scope::Host => (
                "The host's lock was lost",
                "The host could not be reached for a minute, and another run has its lock now, or may have it.",
            ),
        };
        Err(Failure {
            kind: FailureKind::Interrupted,
            ..Failure::new(summary, detail)
        }
        .advise("Apply again: it goes on from there when the other run has ended."))
    }

    /// Does the work and gives the lock back, however the work ends.
    pub(crate) async fn around<T>(self, work: impl AsyncFnOnce(&Self) -> T) -> T {
        let done = work(&self).await;
        self.release().await;
        done
    }

    async fn release(self) {
        // First, or it would miss the lock.
        drop(self.renewal);
        release(self.scope, &self.owner, &self.hosts).await;
    }
}

/// The lock of another, as people are told of it.
#[derive(Debug, thiserror::Error)]
#[error("{} runs \"{}\"; its lock is on {host}", .owner.who, .owner.operation)]
struct Held {
    owner: Box<Owner>,
    host: String,
}

/// Takes the lock on all hosts that answer, or on none.
async fn take_all(scope: Scope, owner: &Owner, hosts: &[Host]) -> Result<Result<Vec<Host>, Held>, Failure> {
    let mut taken = Vec::new();
    let mut held = None;
    let mut failed = None;
    for (host, result) in join_all(
        hosts
            .iter()
            .map(async |host| (host, take(scope, owner, host).await)),
    )
    .await
    {
        match result {
            Ok(Some(Taking::Taken)) => taken.push(host.clone()),
            Ok(Some(Taking::Held(other))) => {
                held = Some(Held {
                    owner: other,
                    host: host.name().to_owned(),
                });
            }
            Ok(None | Some(Taking::Free)) => {}
            Err(failure) => failed = Some(failure.on(host.name())),
        }
    }
    match (failed, held) {
        (None, None) => Ok(Ok(taken)),
        // Two that hold a part each would wait for each other for ever.
        (Some(failure), _) => {
            release(scope, owner, &taken).await;
            Err(failure)
        }
        (None, Some(held)) => {
            release(scope, owner, &taken).await;
            Ok(Err(held))
        }
    }
}

async fn take(scope: Scope, owner: &Owner, host: &Host) -> Result<Option<Taking>, Failure> {
    // Asked all the same: another run may hold it on this very host. A script that takes the lock must not be left behind.
    if scope == Scope::Cluster && host.was_silent_within(MINUTE) && !host.answers_within(MOMENT).await {
        tracing::debug!(host = host.name(), "silent a moment ago, so not locked");
        return Ok(None);
    }
    let first = ask(host, &take_script(scope, owner, None)).await?;
    match &first {
        Some(Taking::Held(other)) if process::is_gone(other) => {
            ask(host, &take_script(scope, owner, Some(&other.id))).await
        }
        _ => Ok(first),
    }
}

/// None where no script can be run, whatever the reason: nothing changes through such a host, and what needs it says so.
async fn ask(host: &Host, script: &Script) -> Result<Option<Taking>, Failure> {
    let error = match host.change(script, Permit::grant()).await {
        Ok(stdout) => {
            let taking = Taking::parse(&stdout);
            return taking
                .map(Some)
                .map_err(|error| answer_not_understood(host, &error));
        }
        Err(error) => error,
    };
    let is_transport = matches!(error.kind, HostErrorKind::Transport(_));
    let failure = Failure::from(error);
    if is_transport && failure.kind != FailureKind::Interrupted {
        tracing::debug!(host = host.name(), %failure, "not reached, so not locked");
        return Ok(None);
    }
    Err(failure)
}

async fn release(scope: Scope, owner: &Owner, hosts: &[Host]) {
    let release = hosts.iter().map(async |host| {
        if let Err(error) = host.change(&release_script(scope, owner), Permit::grant()).await {
            tracing::debug!(host = host.name(), %error, "the cluster's lock ends with its lease");
        }
    });
    join_all(release).await;
}

async fn renew_on(
    scope: Scope,
    owner: &Owner,
    host: &Host,
    stop: &CancellationToken,
) -> Result<Option<Taking>, Failure> {
    match ask(host, &renew_script(scope, owner)).await? {
        // It went with a reboot, unless it was given back meanwhile.
        Some(Taking::Free) if !stop.is_cancelled() => ask(host, &take_script(scope, owner, None)).await,
        renewed => Ok(renewed),
    }
}

/// Renews until it is stopped. A host that does not answer is asked again; one that says it is another's ends it.
async fn renew(scope: Scope, owner: Owner, hosts: Vec<Host>, hold: Arc<Hold>, stop: CancellationToken) {
    while tokio::time::timeout(RENEWAL, stop.cancelled()).await.is_err() {
        let renewals = hosts.iter().map(|host| renew_on(scope, &owner, host, &stop));
        for result in join_all(renewals).await {
            match result {
                Ok(Some(Taking::Taken)) => {
                    *hold.renewed.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
                }
                Ok(None | Some(Taking::Free)) => {}
                // Given back meanwhile, it may be another's rightly.
                Ok(Some(Taking::Held(_))) if stop.is_cancelled() => {}
                Ok(Some(Taking::Held(other))) => {
                    tracing::warn!(
                        who = other.who,
                        operation = other.operation,
                        "the cluster's lock was lost"
                    );
                    hold.is_lost.store(true, Ordering::Relaxed);
                }
                Err(failure) => tracing::debug!(%failure, "cannot renew the cluster's lock"),
            }
        }
    }
}
