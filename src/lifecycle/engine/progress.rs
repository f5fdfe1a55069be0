//! Tells people what happens while Terraform waits: log lines and the `progress_log` file.
use std::{
    fs::File,
    io::Write,
    path::Path,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::json;

use crate::lifecycle::failure::Failure;

/// Whether a step changed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was done already.
    Unchanged,
    /// It was performed.
    Changed,
}

/// What a line is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    /// The operation and its node, for example `create ha_master m2`.
    pub(crate) operation: &'a str,
    /// The host's name.
    pub(crate) host: &'a str,
}

/// Where progress goes. Secrets never reach it: it has titles, hosts, times and failures' summaries only.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    log: Option<Mutex<File>>,
}

impl Progress {
    /// Appends to this file, one JSON object a line (mode 0600 when it is new).
    pub(crate) fn to_file(path: &Path) -> std::io::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt;
        let file = File::options().append(true).create(true).mode(0o600).open(path)?;
        Ok(Self {
            log: Some(Mutex::new(file)),
        })
    }

    /// The run waits for the cluster's lock, which somebody else has.
    pub(crate) fn waits(&self, of: Subject<'_>, holder: &str) {
        tracing::info!(
            operation = of.operation,
            host = of.host,
            "waits for the cluster's lock: {holder}"
        );
        self.write_line(&json!({
            "at": now(), "operation": of.operation, "host": of.host, "event": "waiting", "lock": holder,
        }));
    }

    /// The run waits for what somebody else does on its host.
    pub(crate) fn waits_for(&self, of: Subject<'_>, what: &str) {
        let host = of.host;
        tracing::info!(operation = of.operation, host, "waits for {what}");
        self.write_line(&json!({
            "at": now(), "operation": of.operation, "host": host, "event": "waiting", "for": what,
        }));
    }

    pub(crate) fn step_started(&self, of: Subject<'_>, number: usize, total: usize, step: &'static str) {
        tracing::info!(
            operation = of.operation,
            host = of.host,
            "step {number} of {total}: {step}"
        );
        self.write(of, number, total, step, "started", None, None);
    }

    pub(crate) fn step_ended(
        &self,
        of: Subject<'_>,
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
            operation = of.operation,
            host = of.host,
            "step {number} of {total}: {step}: {event} after {seconds:.1} s"
        );
        self.write(of, number, total, step, event, Some(seconds), failure);
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one line")]
    fn write(
        &self,
        of: Subject<'_>,
        number: usize,
        total: usize,
        step: &str,
        event: &str,
        seconds: Option<f64>,
        failure: Option<&str>,
    ) {
        let mut line = json!({
            "at": now(), "operation": of.operation, "host": of.host, "step": step,
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
