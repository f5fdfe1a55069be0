//! Tells people what happens while Terraform waits: log lines and the `progress_log` file.
use std::{
    fs::File,
    io::Write,
    path::Path,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::json;

use super::{failure::Failure, runner::Outcome, step::Run};

/// Where progress goes. Secrets never reach it: it has titles, hosts, times and failures' summaries only.
#[derive(Debug, Default)]
pub struct Progress {
    log: Option<Mutex<File>>,
}

impl Progress {
    /// Appends to this file, one JSON object a line (mode 0600 when it is new).
    pub fn to_file(path: &Path) -> std::io::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt;
        let file = File::options().append(true).create(true).mode(0o600).open(path)?;
        Ok(Self {
            log: Some(Mutex::new(file)),
        })
    }

    /// The run waits for the cluster's lock, which somebody else has.
    pub(super) fn waits(&self, run: &Run, holder: &str) {
        tracing::info!(
            operation = run.operation,
            host = run.host.name(),
            "waits for the cluster's lock: {holder}"
        );
        self.write_line(&json!({
            "at": now(), "operation": run.operation, "host": run.host.name(), "event": "waiting", "lock": holder,
        }));
    }

    /// The run waits for its host to answer; `reason` is the summary of what it meets instead.
    pub(super) fn waits_for_host(&self, run: &Run, reason: &str) {
        tracing::info!(
            operation = run.operation,
            host = run.host.name(),
            "waits for the host to answer: {reason}"
        );
        self.write_line(&json!({
            "at": now(), "operation": run.operation, "host": run.host.name(), "event": "waiting", "failure": reason,
        }));
    }

    pub(super) fn step_started(&self, run: &Run, number: usize, total: usize, step: &'static str) {
        tracing::info!(
            operation = run.operation,
            host = run.host.name(),
            "step {number} of {total}: {step}"
        );
        self.write(run, number, total, step, "started", None, None);
    }

    pub(super) fn step_ended(
        &self,
        run: &Run,
        number: usize,
        total: usize,
        step: &'static str,
        took: Duration,
        outcome: &Result<Outcome, Failure>,
    ) {
        let (event, failure) = match outcome {
            Ok(Outcome::Changed) => ("done", None),
            Ok(Outcome::Unchanged) => ("unchanged", None),
            Err(failure) => ("failed", Some(failure.summary)),
        };
        let seconds = took.as_secs_f64();
        tracing::info!(
            operation = run.operation,
            host = run.host.name(),
            "step {number} of {total}: {step}: {event} after {seconds:.1} s"
        );
        self.write(run, number, total, step, event, Some(seconds), failure);
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one line")]
    fn write(
        &self,
        run: &Run,
        number: usize,
        total: usize,
        step: &str,
        event: &str,
        seconds: Option<f64>,
        failure: Option<&str>,
    ) {
        let mut line = json!({
            "at": now(), "operation": run.operation, "host": run.host.name(), "step": step,
            "number": number, "total": total, "event": event,
        });
        if let (Some(fields), Some(seconds)) = (line.as_object_mut(), seconds) {
            fields.insert("seconds".into(), json!((seconds * 1000.0).round() / 1000.0));
            if let Some(failure) = failure {
                fields.insert("failure".into(), json!(failure));
            }
        }
        self.write_line(&line);
    }

    fn write_line(&self, line: &serde_json::Value) {
        let Some(log) = &self.log else { return };
        let mut file = log.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = writeln!(file, "{line}") {
            tracing::warn!("cannot write the progress log: {error}");
        }
    }
}

/// Seconds since 1970, to the millisecond.
fn now() -> f64 {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (at.as_secs_f64() * 1000.0).round() / 1000.0
}
