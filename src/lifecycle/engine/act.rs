//! The right to change hosts.
use std::ops::Deref;

use super::run::Run;
use crate::{
    command::Script,
    remote::{Host, HostError, Permit},
};

/// A run that may change hosts. Steps get it in `perform` and `undo` only, so that a `check` cannot change anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Act<'a> {
    run: &'a Run,
    permit: Permit,
}

impl<'a> Act<'a> {
    /// For the runner of steps, and for who takes notes outside of them.
    pub(crate) fn on(run: &'a Run) -> Self {
        Self {
            run,
            permit: Permit::grant(),
        }
    }

    /// Runs a script that changes something and gives its standard output; another status than 0 is an error.
    pub(crate) async fn change(self, host: &Host, script: &Script) -> Result<String, HostError> {
        host.change(script, self.permit).await
    }
}

impl Deref for Act<'_> {
    type Target = Run;

    fn deref(&self) -> &Run {
        self.run
    }
}
