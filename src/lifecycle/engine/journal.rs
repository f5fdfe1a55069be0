//! Notes each change of a host in the journal that lies there.
use std::sync::atomic::Ordering;

use super::{act::Act, process, run::Run};
use crate::{
    lifecycle::failure::{Failure, FailureKind},
    node::journal::{Entry, append_script},
};

/// A step that changes something is about to begin.
pub(crate) async fn began(run: &Run, step: &str) {
    note(run, step, "began", None).await;
}

/// It has ended, well or not.
pub(crate) async fn ended(run: &Run, step: &str, outcome: &Result<(), Failure>) {
    match outcome {
        Ok(()) => note(run, step, "ended", None).await,
        Err(failure) if failure.kind == FailureKind::Permanent => {
            note(run, step, "failed", Some(failure.summary)).await;
        }
        // The link is gone, or the work goes on on the host.
        Err(_) => {}
    }
}

/// What cannot be noted is no failure: nothing is decided by the journal.
async fn note(run: &Run, step: &str, event: &str, failure: Option<&str>) {
    if !run.keeps_journal.load(Ordering::Relaxed) {
        return;
    }
    let entry = Entry {
        who: &process::who(),
        operation: &run.operation,
        step,
        event,
        failure,
    };
    if let Err(error) = Act::on(run).change(&run.host, &append_script(&entry)).await {
        run.stop_journal();
        tracing::debug!(host = run.host.name(), %error, "cannot write the journal");
    }
}
