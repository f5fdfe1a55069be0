//! What the user is told: errors and warnings, with the place in the configuration.
use super::path::Path;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The operation failed.
    Error,
    /// The operation went on; the user should act.
    Warning,
}

/// One message to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// One short line without values and full stop.
    pub summary: String,
    /// Sentences: what happened, where, what to do.
    pub detail: String,
    /// The attribute it is about; Terraform prints its line of the configuration.
    pub path: Option<Path>,
}

impl Diagnostic {
    /// An error.
    pub fn error(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            summary: summary.into(),
            detail: detail.into(),
            path: None,
        }
    }

    /// A warning.
    pub fn warning(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(summary, detail)
        }
    }

    /// Says which attribute it is about.
    #[must_use]
    pub fn at(mut self, path: impl Into<Path>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// An error that is the provider's fault, not the user's.
    pub(super) fn bug(detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self::error(
            "Provider bug",
            format!("{detail} This is a bug in the provider, please report it."),
        )
    }
}
