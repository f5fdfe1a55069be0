//! How a call is run: in a task of its own, with a context, a log span and panics caught.
use std::{
    any::Any,
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{catalog::Catalog, tfplugin5 as pb, to_proto};
use crate::tf_provider::{Context, Diagnostic};

/// What a call is, for its log lines.
pub(super) struct Call<'a> {
    pub(super) rpc: &'static str,
    pub(super) type_name: &'a str,
    pub(super) write_only_allowed: bool,
}

impl<'a> Call<'a> {
    pub(super) fn new(rpc: &'static str, type_name: &'a str) -> Self {
        Self {
            rpc,
            type_name,
            write_only_allowed: true,
        }
    }
}

/// Runs calls, each in a task of its own: work goes on when Terraform drops the call, and a panic ends that call
/// only.
pub(super) struct Runner {
    pub(super) catalog: Arc<Catalog>,
    end: CancellationToken,
    stop: Mutex<CancellationToken>,
    terraform_version: Mutex<Arc<str>>,
    last_id: AtomicU64,
}

impl Runner {
    /// Calls are cancelled by a stop and by the `end` of the process.
    pub(super) fn new(catalog: Catalog, end: CancellationToken) -> Self {
        Self {
            catalog: Arc::new(catalog),
            stop: Mutex::new(end.child_token()),
            end,
            terraform_version: Mutex::new("".into()),
            last_id: AtomicU64::new(0),
        }
    }

    /// Cancels every running and coming call.
    pub(super) fn stop(&self) {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner).cancel();
    }

    /// Forgets a stop: a provider that is being debugged outlives the Terraform that was stopped.
    pub(super) fn forget_stop(&self) {
        *self.stop.lock().unwrap_or_else(PoisonError::into_inner) = self.end.child_token();
    }

    pub(super) fn set_terraform_version(&self, version: &str) {
        *self
            .terraform_version
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = version.into();
    }

    fn context(&self, call: &Call<'_>) -> Context {
        Context {
            cancel: self
                .stop
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .child_token(),
            write_only_allowed: call.write_only_allowed,
            terraform_version: self
                .terraform_version
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
            ..Context::new()
        }
    }

    /// Runs the work of a call. No answer after an error that the work could not go on from, or a panic.
    pub(super) async fn run<Q, A, F>(
        &self,
        call: Call<'_>,
        work: fn(Arc<Catalog>, Context, Q) -> F,
        request: Q,
    ) -> (Option<A>, Vec<pb::Diagnostic>)
    where
        A: Send + 'static,
        F: Future<Output = Result<A, Diagnostic>> + Send + 'static,
    {
        let cx = self.context(&call);
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let span = tracing::info_span!(
            "rpc",
            tf_provider_addr = self.catalog.provider.address(),
            tf_rpc = call.rpc,
            tf_req_id = id,
            tf_resource_type = call.type_name
        );
        let started = Instant::now();
        let work = work(self.catalog.clone(), cx.clone(), request);
        let task = async move {
            tracing::debug!("call begins");
            let result = work.await;
            let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::debug!(tf_req_duration_ms = milliseconds, "call ends");
            result
        };
        let result = match tokio::spawn(task.instrument(span)).await {
            Ok(Ok(result)) => Some(result),
            Ok(Err(diagnostic)) => {
                cx.add(diagnostic);
                None
            }
            Err(ended) => {
                let reason = ended
                    .try_into_panic()
                    .map_or("the process ends".into(), |panic| message(&*panic));
                cx.add(Diagnostic::bug(format!(
                    "The provider crashed in {}: {reason}.",
                    call.rpc
                )));
                None
            }
        };
        (result, to_proto::diagnostics(cx.diagnostics()))
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
        .to_owned()
}
