//! Why an operation stopped, with everything that a person needs to go on.
use super::transport_advice;
use crate::{
    command::Failed,
    preflight::{Problem, Severity},
    remote::{Host, HostError, HostErrorKind, TransportError as T},
};

/// A failure of a step: what, where, why, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{summary}: {detail}")]
pub(crate) struct Failure {
    /// What failed, without values, for a diagnostic's summary.
    pub summary: &'static str,
    /// Cause: the command's last lines, what was seen instead of what was expected.
    pub detail: String,
    /// What the user can change or do; empty if the cause says it.
    pub advice: String,
    /// The attribute to change, dotted (`ssh.user`), if it is one.
    pub attribute: Option<&'static str>,
    /// The host that the failure is about.
    pub host: Option<Box<str>>,
    /// The step's title; set by the runner.
    pub step: Option<&'static str>,
    /// What kind of failure it is, where a caller decides by it.
    pub kind: FailureKind,
    /// Whether a machine that was just made fails so for a while, until it has booted and set itself up.
    pub may_pass_after_boot: bool,
}

/// The kinds of failure that callers treat differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// Something is wrong and stays wrong until somebody acts.
    Permanent,
    /// The host did not answer: it may be down, which is not the same as gone.
    Unreachable,
    /// The link broke under a script: what it did, and whether it still runs, is not known.
    Interrupted,
    /// Terraform asked to stop.
    Cancelled,
}

impl Failure {
    /// A permanent failure.
    pub(crate) fn new(summary: &'static str, detail: impl Into<String>) -> Self {
        Self {
            summary,
            detail: detail.into(),
            advice: String::new(),
            attribute: None,
            host: None,
            step: None,
            kind: FailureKind::Permanent,
            may_pass_after_boot: false,
        }
    }

    /// Terraform asked to stop.
    pub(crate) fn cancelled() -> Self {
        let detail = "Terraform asked to stop. What was finished stays; the next apply goes on from there.";
        Self {
            kind: FailureKind::Cancelled,
            ..Self::new("Stopped before the end", detail)
        }
    }

    /// Adds what the user can do.
    #[must_use]
    pub(crate) fn advise(self, advice: impl Into<String>) -> Self {
        Self {
            advice: advice.into(),
            ..self
        }
    }

    /// Points at an attribute, dotted.
    #[must_use]
    pub(crate) fn at(self, attribute: &'static str) -> Self {
        Self {
            attribute: Some(attribute),
            ..self
        }
    }

    /// Names the host, unless one is named already.
    #[must_use]
    pub(crate) fn on(mut self, host: &str) -> Self {
        self.host.get_or_insert_with(|| host.into());
        self
    }

    /// Names the step, unless one is named already.
    #[must_use]
    pub(crate) fn during(mut self, step: &'static str) -> Self {
        self.step.get_or_insert(step);
        self
    }
}

/// A host that was waited for at least as long, in seconds, is said to have been.
const WORTH_SAYING: u64 = 30;

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        let failure = match &error.kind {
            HostErrorKind::Cancelled => Self::cancelled(),
            HostErrorKind::Failed(failed) => Self::from(failed.clone()),
            HostErrorKind::Transport(transport) => {
                let (summary, attribute) = transport_advice::summary(transport);
                let detail = match error.tried_for.as_secs() {
                    ..WORTH_SAYING => transport.to_string(),
                    seconds if transport.may_pass_after_boot() => format!(
                        "{transport}. It was tried for {seconds} s, as a machine that is just made may have its users, keys and shells only after a while."
                    ),
                    seconds => format!("{transport}. It was tried for {seconds} s."),
                };
                let failure = Self::new(summary, detail).advise(transport_advice::advice(transport));
                let failure = Self { attribute, ..failure };
                let kind = match transport {
                    // What ran may run on, and may even have ended well.
                    T::Disconnected { .. } | T::TimedOut { .. } | T::ShellStuck { .. } | T::Other(_) => {
                        FailureKind::Interrupted
                    }
                    _ if error.is_unreachable() => FailureKind::Unreachable,
                    _ => failure.kind,
                };
                Self {
                    kind,
                    may_pass_after_boot: error.is_transient() || error.may_pass_after_boot(),
                    ..failure
                }
            }
        };
        failure.on(&error.host)
    }
}

impl From<Failed> for Failure {
    fn from(failed: Failed) -> Self {
        Self::new("Command failed on the host", failed.to_string())
    }
}

/// A host that printed something else than its script prints.
pub(super) fn answer_not_understood(host: &Host, error: &impl std::fmt::Display) -> Failure {
    Failure::new("Host gave an answer that makes no sense", error.to_string()).on(host.name())
}

/// One failure for all errors among the problems; its summary and attribute are the first one's.
pub(crate) fn failure_of(problems: &[Problem]) -> Option<Failure> {
    let errors: Vec<&Problem> = problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .collect();
    let first = errors.first()?;
    let failure = match errors.as_slice() {
        [one] => Failure::new(one.summary, one.detail.clone()),
        many => {
            let list = many
                .iter()
                .map(|problem| format!("- {}: {}", problem.summary, problem.detail));
            Failure::new(
                "Host does not meet the requirements",
                list.collect::<Vec<_>>().join("\n"),
            )
        }
    };
    Some(Failure {
        attribute: first.attribute,
        ..failure
    })
}
