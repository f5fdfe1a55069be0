//! What each call gets beside its values: diagnostics, cancellation, what Terraform can do.
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::{
    diagnostic::{Diagnostic, Severity},
    secrets::redact,
};

/// The context of one call. Clones are cheap and share the diagnostics.
#[derive(Clone, Debug)]
pub struct Context {
    /// Cancelled when Terraform asks to stop (Ctrl-C): finish the current atomic step, then return.
    pub cancel: CancellationToken,
    /// Does this Terraform know write-only attributes (1.11 and later)?
    pub write_only_allowed: bool,
    /// Terraform's version, `1.11.4`; empty before Configure.
    pub terraform_version: Arc<str>,
    pub(super) diagnostics: Arc<Mutex<Vec<Diagnostic>>>,
}

impl Context {
    /// A context of its own, not cancelled, of a Terraform that knows write-only attributes.
    pub fn new() -> Self {
        Self {
            cancel: CancellationToken::new(),
            write_only_allowed: true,
            terraform_version: "".into(),
            diagnostics: Arc::default(),
        }
    }

    /// Adds a message; an equal one is not added twice. Whatever looks like a key, certificate or token is taken out:
    /// every message to the user passes here.
    pub fn add(&self, diagnostic: Diagnostic) {
        let diagnostic = Diagnostic {
            summary: redact(&diagnostic.summary).into_owned(),
            detail: redact(&diagnostic.detail).into_owned(),
            path: diagnostic.path.map(|path| path.map_keys(redact)),
            ..diagnostic
        };
        let mut all = self.lock();
        if !all.contains(&diagnostic) {
            all.push(diagnostic);
        }
    }

    /// Was an error added?
    pub fn has_errors(&self) -> bool {
        self.lock()
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// All messages so far.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Diagnostic>> {
        // A panic while pushing leaves a usable list.
        self.diagnostics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}
