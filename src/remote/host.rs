//! A host that scripts run on, and what can go wrong with it.
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    Transport,
    host_error::{HostError, HostErrorKind},
};
use crate::command::{Look, Output, Script};

/// The right to change hosts. Looks need none, so who has no permit cannot change anything.
#[derive(Clone, Copy, Debug)]
pub struct Permit(());

impl Permit {
    /// Gives it. A test of the repository knows who may: what runs steps, takes locks and takes notes.
    pub(crate) const fn grant() -> Self {
        Self(())
    }
}

/// A host, by the name that its user gave it. Cheap to clone.
#[derive(Clone)]
pub struct Host {
    name: Arc<str>,
    transport: Arc<dyn Transport>,
    /// When nothing answered there last, unless something did since.
    silent_at: Arc<Mutex<Option<Instant>>>,
}

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

impl Host {
    /// A host reached by the given transport.
    pub fn new(name: impl Into<Arc<str>>, transport: Arc<dyn Transport>) -> Self {
        Self {
            name: name.into(),
            transport,
            silent_at: Arc::default(),
        }
    }

    /// The address as the user wrote it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs a look to its end, whatever its status is.
    pub async fn look(&self, look: &Look) -> Result<Output, HostError> {
        self.run(look).await
    }

    /// Runs a look and gives its standard output; another status than 0 is an error.
    pub async fn look_ok(&self, look: &Look) -> Result<String, HostError> {
        self.run_ok(look).await
    }

    /// Runs a script that changes something and gives its standard output; another status than 0 is an error.
    pub async fn change(&self, script: &Script, _permit: Permit) -> Result<String, HostError> {
        self.run_ok(script).await
    }

    /// Runs the script to its end, whatever its status is. A dropped future does not stop it.
    pub(super) async fn run(&self, script: &Script) -> Result<Output, HostError> {
        let begin = Instant::now();
        let result = self.transport.run(script).await;
        let milliseconds = begin.elapsed().as_millis();
        match &result {
            Ok(Output { status, .. }) => {
                tracing::debug!(host = %self.name, title = script.title, status, milliseconds, "script ended");
            }
            Err(error) => {
                tracing::debug!(host = %self.name, title = script.title, %error, milliseconds, "script failed");
            }
        }
        let result = result.map_err(|error| self.error(error));
        let mut silent_at = self.silent_at.lock().unwrap_or_else(PoisonError::into_inner);
        match &result {
            Ok(_) => *silent_at = None,
            Err(error) if error.is_host_silent() => *silent_at = Some(Instant::now()),
            Err(_) => {}
        }
        drop(silent_at);
        result
    }

    /// Whether nothing answered there when it was asked last, and that was within this time.
    pub fn was_silent_within(&self, time: Duration) -> bool {
        let silent_at = *self.silent_at.lock().unwrap_or_else(PoisonError::into_inner);
        silent_at.is_some_and(|at| at.elapsed() < time)
    }

    /// Whether the host runs a script that does nothing, within this time: for one that is known to be silent, where
    /// nobody wants to wait for the connect timeout again.
    pub async fn answers_within(&self, time: Duration) -> bool {
        let script = Script::new(Self::REACH, "true").limit(Duration::from_secs(20));
        timeout(time, self.run(&script))
            .await
            .is_ok_and(|result| result.is_ok())
    }

    pub(super) async fn run_ok(&self, script: &Script) -> Result<String, HostError> {
        let mut output = self.run(script).await?;
        if output.status != 0 {
            output.stdout = script.without_secrets(&output.stdout);
        }
        output.success(script.title).map_err(|failed| self.error(failed))
    }

    /// Waits until the host runs scripts, trying again only after errors that may pass by themselves.
    ///
    /// After `limit` it gives the error of the last try. There is always one whole try, so the wait can last
    /// longer than the limit by the target's connect timeout.
    pub async fn wait_until_reachable(
        &self,
        limit: Duration,
        cancel: &CancellationToken,
    ) -> Result<(), HostError> {
        self.wait(limit, Duration::ZERO, cancel, |_| {}).await
    }

    /// The same for a machine that may just be made: errors of one that still sets itself up, which may be a user's
    /// mistake as well, are borne for [`Self::GRACE`] from the first of them. `tell` hears what is waited for, each
    /// time that it changes.
    pub async fn wait_until_up(
        &self,
        limit: Duration,
        cancel: &CancellationToken,
        tell: impl Fn(&HostError) + Send,
    ) -> Result<(), HostError> {
        self.wait(limit, Self::GRACE, cancel, tell).await
    }

    /// How long a host that answers may refuse the user's key or end the user's shell: cloud-init makes users and
    /// puts keys there some seconds after sshd has begun to listen.
    pub const GRACE: Duration = Duration::from_secs(120);

    async fn wait(
        &self,
        limit: Duration,
        grace: Duration,
        cancel: &CancellationToken,
        tell: impl Fn(&HostError) + Send,
    ) -> Result<(), HostError> {
        let begin = Instant::now();
        let deadline = begin + limit;
        let mut grace_ends = None;
        let mut told = None;
        let mut pause = FIRST_PAUSE;
        let script = Script::new(Self::REACH, "true").limit(Duration::from_secs(20));
        loop {
            let attempt = cancel.run_until_cancelled(self.run(&script)).await;
            let Some(result) = attempt else {
                return Err(self.error(HostErrorKind::Cancelled));
            };
            let Err(error) = result else {
                return Ok(());
            };
            let ends = if error.is_transient() {
                deadline
            } else if error.may_pass_after_boot() {
                deadline.min(*grace_ends.get_or_insert(Instant::now() + grace))
            } else {
                begin
            };
            if Instant::now() + pause >= ends {
                let tried_for = begin.elapsed();
                return Err(HostError { tried_for, ..error });
            }
            if told.as_ref() != Some(&error) {
                tell(&error);
                told = Some(error);
            }
            if timeout(pause, cancel.cancelled()).await.is_ok() {
                return Err(self.error(HostErrorKind::Cancelled));
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Title of the script that [`Self::wait_until_reachable`] tries.
    pub const REACH: &str = "reach host";

    fn error(&self, kind: impl Into<HostErrorKind>) -> HostError {
        HostError {
            host: self.name.to_string(),
            kind: kind.into(),
            tried_for: Duration::ZERO,
        }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Host").field(&self.name).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::TransportError;
    use crate::{command::Secret, remote::fake::FakeHost};

    fn refused() -> TransportError {
        TransportError::Refused {
            hop: "m1".into(),
            port: 22,
        }
    }

    #[tokio::test]
    async fn waits_for_a_host_that_comes_up() {
        let fake = FakeHost::new("m1");
        fake.fail_next(Host::REACH, refused());
        let cancel = CancellationToken::new();
        let wait = fake.host();
        wait.wait_until_reachable(Duration::from_secs(60), &cancel)
            .await
            .unwrap();
        assert_eq!(fake.log().len(), 2);
    }

    #[tokio::test]
    async fn does_not_wait_after_an_error_that_stays() {
        let fake = FakeHost::new("m1");
        let error = TransportError::HostKeyUnknown { hop: "m1".into() };
        fake.fail_next(Host::REACH, error.clone());
        let cancel = CancellationToken::new();
        let got = fake
            .host()
            .wait_until_reachable(Duration::from_secs(60), &cancel)
            .await;
        assert_eq!(got.unwrap_err().kind, error.into());
        assert_eq!(fake.log().len(), 1);
    }

    fn wrong_key() -> TransportError {
        TransportError::WrongKey {
            hop: "m1".into(),
            user: "ops".into(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_sets_itself_up_has_its_key_after_a_while() {
        let fake = FakeHost::new("m1");
        fake.fail_next(Host::REACH, refused());
        for _ in 0..30 {
            fake.fail_next(Host::REACH, wrong_key());
        }
        let told = Mutex::new(Vec::new());
        let tell = |error: &HostError| told.lock().unwrap().push(error.kind.to_string());
        let cancel = CancellationToken::new();
        let hour = Duration::from_secs(3600);
        fake.host().wait_until_up(hour, &cancel, tell).await.unwrap();
        assert_eq!(
            told.into_inner().unwrap(),
            [refused(), wrong_key()].map(|it| it.to_string())
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_wrong_key_is_a_mistake_in_the_end_and_at_plan_at_once() {
        let fake = FakeHost::new("m1");
        for _ in 0..200 {
            fake.fail_next(Host::REACH, wrong_key());
        }
        let cancel = CancellationToken::new();
        let hour = Duration::from_secs(3600);
        let error = fake
            .host()
            .wait_until_up(hour, &cancel, |_| {})
            .await
            .unwrap_err();
        assert_eq!(error.kind, wrong_key().into());
        let took = error.tried_for;
        assert!(
            took <= Host::GRACE && took + LONGEST_PAUSE * 2 > Host::GRACE,
            "{took:?}"
        );
        let tries = fake.log().len();
        let error = fake.host().wait_until_reachable(hour, &cancel).await.unwrap_err();
        assert_eq!(error.kind, wrong_key().into());
        assert_eq!(fake.log().len(), tries + 1);
    }

    #[tokio::test]
    async fn tries_once_even_without_time_and_tells_the_last_error() {
        let fake = FakeHost::new("m1");
        fake.fail_next(Host::REACH, refused());
        let cancel = CancellationToken::new();
        let got = fake.host().wait_until_reachable(Duration::ZERO, &cancel).await;
        assert!(got.unwrap_err().is_unreachable());
        assert_eq!(fake.log().len(), 1);
    }

    #[test]
    fn a_host_behind_a_silent_bastion_is_not_known_to_be_silent() {
        let error = |hop: &str| HostError {
            host: "m1".into(),
            kind: TransportError::Refused {
                hop: hop.into(),
                port: 22,
            }
            .into(),
            tried_for: Duration::ZERO,
        };
        assert!(error("m1").is_host_silent() && error("m1").is_unreachable());
        assert!(!error("gate").is_host_silent() && error("gate").is_unreachable());
        let changed = TransportError::HostKeyUnknown { hop: "m1".into() };
        let changed = HostError {
            host: "m1".into(),
            kind: changed.into(),
            tried_for: Duration::ZERO,
        };
        assert!(!changed.is_host_silent());
    }

    #[tokio::test]
    async fn a_cancelled_wait_ends_at_once() {
        let fake = FakeHost::new("m1");
        fake.unreachable(true);
        let cancel = CancellationToken::new();
        let host = fake.host();
        let (got, ()) = tokio::join!(
            host.wait_until_reachable(Duration::from_secs(3600), &cancel),
            async { cancel.cancel() }
        );
        assert_eq!(got.unwrap_err().kind, HostErrorKind::Cancelled);
    }

    #[tokio::test]
    async fn a_failure_tells_host_title_and_no_secret() {
        let fake = FakeHost::new("10.0.0.1").on("show key", |_, _| Output {
            status: 1,
            stdout: "hunter2".into(),
            ..Output::default()
        });
        let script = Script::new("show key", "")
            .secret(&Secret::new("hunter2"))
            .keep_secrets();
        let error = fake.host().run_ok(&script).await.unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(
            format!("{error}: {cause}"),
            "host 10.0.0.1: show key ended with status 1: (secret)"
        );
    }
}
