//! Step: everything on the host is as kubeadm, HAProxy and keepalived need it, checked before any change.
use async_trait::async_trait;

use crate::{
    lifecycle::{
        engine::{Act, Check, Run, Step},
        failure::{Failure, failure_of},
    },
    preflight::{Problem, Severity},
};

/// Fails with all problems at once; warnings go to the log.
#[derive(Debug)]
pub(crate) struct CheckHost {
    /// What the preflight found.
    pub problems: Vec<Problem>,
}

#[async_trait]
impl Step for CheckHost {
    fn title(&self) -> &'static str {
        "check the host"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        for problem in self
            .problems
            .iter()
            .filter(|problem| problem.severity == Severity::Warning)
        {
            tracing::warn!(host = run.host.name(), "{}: {}", problem.summary, problem.detail);
        }
        match failure_of(&self.problems) {
            Some(failure) => Err(failure),
            None => Ok(Check::Done),
        }
    }

    async fn perform(&self, _act: Act<'_>) -> Result<(), Failure> {
        Ok(())
    }
}
