//! A host that scripts run on, and what can go wrong with it.
use std::{fmt, sync::Arc, time::Duration};

use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::{Transport, TransportError};
use crate::command::{Failed, Output, Script};

/// A host, by the name that its user gave it. Cheap to clone.
#[derive(Clone)]
pub struct Host {
    name: Arc<str>,
    transport: Arc<dyn Transport>,
}

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

impl Host {
    /// A host reached by the given transport.
    pub fn new(name: impl Into<Arc<str>>, transport: Arc<dyn Transport>) -> Self {
        Self {
            name: name.into(),
            transport,
        }
    }

    /// The address as the user wrote it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs the script to its end, whatever its status is. A dropped future does not stop it.
    pub async fn run(&self, script: &Script) -> Result<Output, HostError> {
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
        result.map_err(|error| self.error(error))
    }

    /// Runs the script and gives its standard output; another status than 0 is an error.
    pub async fn run_ok(&self, script: &Script) -> Result<String, HostError> {
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
        let deadline = Instant::now() + limit;
        let mut pause = FIRST_PAUSE;
        let script = Script::new(Self::REACH, "true").limit(Duration::from_secs(20));
        loop {
            let attempt = cancel.run_until_cancelled(self.run(&script)).await;
            let Some(result) = attempt else {
                return Err(self.error(HostErrorKind::Cancelled));
            };
            let error = match result {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            if !error.is_transient() || Instant::now() + pause >= deadline {
                return Err(error);
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
        }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Host").field(&self.name).finish()
    }
}

/// What went wrong, and on which host.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("host {host}")]
pub struct HostError {
    /// The host's address as the user wrote it.
    pub host: String,
    /// What went wrong.
    #[source]
    pub kind: HostErrorKind,
}

impl HostError {
    /// Whether the host could not be reached at all: it may be down, which is not the same as gone.
    pub fn is_unreachable(&self) -> bool {
        matches!(&self.kind, HostErrorKind::Transport(error) if error.is_unreachable())
    }

    /// Whether the same again may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(&self.kind, HostErrorKind::Transport(error) if error.is_transient())
    }
}

/// What went wrong on a host.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum HostErrorKind {
    /// The script's status is not known.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The script ended with another status than 0.
    #[error(transparent)]
    Failed(#[from] Failed),
    /// The run was cancelled.
    #[error("cancelled")]
    Cancelled,
}
