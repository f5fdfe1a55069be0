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

/// After so many scripts without a refusal one more session is asked for again. A host that does not grant it costs
/// two refusals then, which are two short pauses.
const CALM: usize = 100;

/// The sessions of one connection.
///
/// sshd refuses also for a session that is only just ending, so what was taken away is not lost for good: a long run
/// would end with one script at a time. Nor does it come back quickly: on a host that grants few, at most one script in
/// [`CALM`] is refused, and never more in a row than on a new connection.
#[derive(Clone, Debug)]
pub(super) struct Sessions {
    permits: Arc<Semaphore>,
    /// How many permits there are.
    granted: Arc<AtomicUsize>,
    /// Scripts since the last refusal, or since a permit came back.
    calm: Arc<AtomicUsize>,
}

impl Sessions {
    pub(super) fn new() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(SCRIPTS_AT_ONCE)),
            granted: Arc::new(AtomicUsize::new(SCRIPTS_AT_ONCE)),
            calm: Arc::default(),
        }
    }

    /// Waits for its turn to open a session.
    pub(super) async fn turn(&self) -> Turn {
        Turn {
            sessions: self.clone(),
            permit: Arc::clone(&self.permits).acquire_owned().await.ok(),
            refusals: 0,
            was_refused: false,
        }
    }

    /// One less from now on, but never none.
    fn take_one_away(&self) -> bool {
        let less = |granted: usize| granted.checked_sub(1).filter(|left| *left > 0);
        let order = Ordering::Relaxed;
        self.granted.fetch_update(order, order, less).is_ok()
    }

    /// Takes a note of a script that was not refused; after many of them there is one permit more.
    fn note_calm(&self) {
        let order = Ordering::Relaxed;
        if self.calm.fetch_add(1, order) + 1 < CALM {
            return;
        }
        self.calm.store(0, order);
        let more = |granted: usize| (granted < SCRIPTS_AT_ONCE).then_some(granted + 1);
        if self.granted.fetch_update(order, order, more).is_ok() {
            self.permits.add_permits(1);
        }
    }
}

/// The right to one session, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    sessions: Sessions,
    permit: Option<OwnedSemaphorePermit>,
    /// In a row, since a permit was taken away last.
    refusals: u32,
    was_refused: bool,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.was_refused {
            self.sessions.note_calm();
        }
    }
}

impl Turn {
    /// After sshd refused a session: waits until one may be asked for again. `false`: there is no sense in it.
    ///
    /// A session may still be ending on the host, so the first refusal only makes a pause. After another one the
    /// connection has one session less from now on, and a running script must end first.
    pub(super) async fn wait_after_refusal(&mut self) -> bool {
        self.refusals += 1;
        self.was_refused = true;
        self.sessions.calm.store(0, Ordering::Relaxed);
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

    #[tokio::test(start_paused = true)]
    async fn what_was_taken_away_comes_back_after_many_scripts_without_a_refusal() {
        let sessions = Sessions::new();
        let granted = || sessions.granted.load(Ordering::Relaxed);
        let refuse = async || {
            let mut turn = sessions.turn().await;
            assert!(turn.wait_after_refusal().await && turn.wait_after_refusal().await);
        };
        for _ in 0..SCRIPTS_AT_ONCE - 1 {
            refuse().await;
        }
        assert_eq!((granted(), sessions.permits.available_permits()), (1, 1));
        for back in 2..=SCRIPTS_AT_ONCE + 2 {
            for _ in 1..CALM {
                drop(sessions.turn().await);
            }
            assert_eq!(granted(), (back - 1).min(SCRIPTS_AT_ONCE));
            drop(sessions.turn().await);
            let now = back.min(SCRIPTS_AT_ONCE);
            assert_eq!((granted(), sessions.permits.available_permits()), (now, now));
        }
        // A host that grants less takes it away again, and is left alone as long as before.
        for _ in 1..CALM {
            drop(sessions.turn().await);
        }
        refuse().await;
        for _ in 1..CALM {
            drop(sessions.turn().await);
        }
        assert_eq!(granted(), SCRIPTS_AT_ONCE - 1);
    }
}
