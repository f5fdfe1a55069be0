//! When the process ends, and how it stays out of the terminal's way until then.
use std::{io, time::Duration};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How often to look whether Terraform is still there.
const PARENT_CHECK: Duration = Duration::from_secs(1);

/// Lives as Terraform's plugin: Ctrl-C is Terraform's affair, which says Stop; SIGTERM or Terraform's death end it.
///
/// The process leads a group of its own, so that Ctrl-C in the terminal does not reach the commands it started.
pub(super) fn follow_terraform(end: &CancellationToken) -> io::Result<()> {
    let parent = rustix::process::getppid();
    if let Err(error) = rustix::process::setpgid(None, None) {
        // The leader of a session is in a group of its own already.
        tracing::debug!(error = %error, "no process group of our own");
    }
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move { while interrupt.recv().await.is_some() {} });
    end_on(end, SignalKind::terminate())?;
    let end = end.clone();
    tokio::spawn(async move {
        // Not the kernel's death signal: that is of the thread that started us, and Terraform's threads come and go.
        let mut check = tokio::time::interval(PARENT_CHECK);
        while end.run_until_cancelled(check.tick()).await.is_some() {
            if rustix::process::getppid() != parent {
                tracing::info!("Terraform is gone");
                end.cancel();
            }
        }
    });
    Ok(())
}

/// Lives in a terminal, for debugging: Ctrl-C or SIGTERM end it.
pub(super) fn follow_terminal(end: &CancellationToken) -> io::Result<()> {
    end_on(end, SignalKind::interrupt())?;
    end_on(end, SignalKind::terminate())
}

fn end_on(end: &CancellationToken, kind: SignalKind) -> io::Result<()> {
    let mut signals = signal(kind)?;
    let end = end.clone();
    tokio::spawn(async move {
        if signals.recv().await.is_some() {
            end.cancel();
        }
    });
    Ok(())
}
