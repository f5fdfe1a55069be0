//! Step: everything on the host is as kubeadm, HAProxy and keepalived need it, checked before any change.
use async_trait::async_trait;

use super::super::{
    failure::Failure,
    step::{Check, Run, Step},
};
use crate::node::preflight::{Problem, Severity};

/// Fails with all problems at once; warnings go to the log.
#[derive(Debug)]
pub struct CheckHost {
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

    async fn perform(&self, _run: &Run) -> Result<(), Failure> {
        Ok(())
    }
}

/// One failure for all errors among the problems; its summary and attribute are the first one's.
pub fn failure_of(problems: &[Problem]) -> Option<Failure> {
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
