//! How many scripts run at once on a connection: as many as sshd grants.
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// sshd allows ten sessions on a connection unless told otherwise, see `MaxSessions` of `sshd_config(5)`.
const SCRIPTS_AT_ONCE: usize = 8;

/// How long a refused session waits for one that is just ending on the host.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// How often the only session of a connection is asked for: half a minute.
const MOST_TRIES: u32 = 64;

/// The sessions of one connection.
#[derive(Clone, Debug)]
pub(super) struct Sessions {
    permits: Arc<Semaphore>,
    /// How many permits there are.
    granted: Arc<AtomicUsize>,
}

impl Sessions {
    pub(super) fn new() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(SCRIPTS_AT_ONCE)),
            granted: Arc::new(AtomicUsize::new(SCRIPTS_AT_ONCE)),
        }
    }

    /// Waits for its turn to open a session.
    pub(super) async fn turn(&self) -> Turn {
        Turn {
            sessions: self.clone(),
            permit: Arc::clone(&self.permits).acquire_owned().await.ok(),
            refusals: 0,
        }
    }

    /// One less from now on, but never none.
    fn take_one_away(&self) -> bool {
        let less = |granted: usize| granted.checked_sub(1).filter(|left| *left > 0);
        let order = Ordering::Relaxed;
        self.granted.fetch_update(order, order, less).is_ok()
    }
}

/// The right to one session, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    sessions: Sessions,
    permit: Option<OwnedSemaphorePermit>,
    refusals: u32,
}

impl Turn {
    /// After sshd refused a session: waits until one may be asked for again. `false`: there is no sense in it.
    ///
    /// A session may still be ending on the host, so the first refusal only makes a pause. After another one the
    /// connection has one session less from now on, and a running script must end first.
    pub(super) async fn wait_after_refusal(&mut self) -> bool {
        self.refusals += 1;
        if self.refusals >= MOST_TRIES {
            return false;
        }
        if self.refusals > 1 && self.sessions.take_one_away() {
            if let Some(permit) = self.permit.take() {
                permit.forget();
            }
            self.permit = Arc::clone(&self.sessions.permits).acquire_owned().await.ok();
            tracing::debug!("the host grants fewer sessions at once than we asked for");
            self.refusals = 0;
            return true;
        }
        let pause = FIRST_PAUSE * 2_u32.saturating_pow(self.refusals.min(10) - 1);
        #[expect(
            clippy::disallowed_methods,
            reason = "sshd does not tell when it has a session free"
        )]
        tokio::time::sleep(pause.min(LONGEST_PAUSE)).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_refused_twice_waits_for_another_to_end() {
        let sessions = Sessions::new();
        let first = sessions.turn().await;
        let mut second = sessions.turn().await;
        for _ in 0..SCRIPTS_AT_ONCE - 2 {
            sessions.permits.acquire().await.unwrap().forget();
            assert!(sessions.take_one_away());
        }
        assert!(second.wait_after_refusal().await, "one may just be ending");
        let (waited, ()) = tokio::join!(second.wait_after_refusal(), async { drop(first) });
        assert!(waited);
        assert_eq!(sessions.granted.load(Ordering::Relaxed), 1);
        let mut tries = 0;
        while second.wait_after_refusal().await {
            tries += 1;
        }
        assert_eq!(
            tries,
            MOST_TRIES - 1,
            "the last one is kept, but not asked for without end"
        );
        drop(second);
        drop(sessions.turn().await);
    }
}
