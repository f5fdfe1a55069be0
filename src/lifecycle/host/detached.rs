//! Runs long kubeadm commands so that they outlive the link and this process, and finds them again by name.
use std::time::Duration;

use crate::{
    lifecycle::{
        engine::{Act, Run},
        failure::Failure,
    },
    node::detached::{Progress, forget_script, poll_script, start_script},
    remote::Host,
};

/// The name of a running or ended `kubeadm init`.
pub(crate) const KUBEADM_INIT: &str = "kubeadm-init";
/// The name of a running or ended `kubeadm join`.
pub(crate) const KUBEADM_JOIN: &str = "kubeadm-join";
/// The name of a running or ended `kubeadm reset`.
pub(crate) const KUBEADM_RESET: &str = "kubeadm-reset";
/// The name of running or ended image pulls.
pub(crate) const PULL_IMAGES: &str = "pull-images";

/// Every command that is started so, by its name.
pub(crate) const ALL: [&str; 4] = [KUBEADM_INIT, KUBEADM_JOIN, KUBEADM_RESET, PULL_IMAGES];

/// One look waits this long on the host, so that a stop is noticed between two looks.
const LOOK: Duration = Duration::from_secs(5);

/// What has become of the command of this name.
pub(crate) async fn progress_of(host: &Host, name: &str) -> Result<Progress, Failure> {
    look(host, name, Duration::ZERO).await
}

/// Starts the command unless it runs or has ended already.
pub(crate) async fn start(
    act: Act<'_>,
    host: &Host,
    name: &str,
    command: &str,
    limit: Duration,
) -> Result<(), Failure> {
    act.change(host, &start_script(name, command, limit)).await?;
    Ok(())
}

/// Waits for the command's end and gives its exit status and the end of its output.
///
/// A cancelled run waits on: kubeadm half done is worse than kubeadm done, and the state can hold what it made. If
/// this process ends first, the command goes on, and the next run finds it.
pub(crate) async fn await_end(host: &Host, name: &str) -> Result<(i32, String), Failure> {
    loop {
        match look(host, name, LOOK).await? {
            Progress::Running => {}
            Progress::Ended { status, output } => return Ok((status, output)),
            Progress::Unknown => {
                let detail = format!(
                    "{name} was started and has left no result; the host may have gone down under it."
                );
                return Err(Failure::new("Command lost on the host", detail).on(host.name()));
            }
        }
    }
}

/// Waits until the command of this name does not run any more, if it runs, or the run is cancelled.
pub(crate) async fn settle(run: &Run, host: &Host, name: &str) -> Result<Progress, Failure> {
    let mut progress = progress_of(host, name).await?;
    while progress == Progress::Running {
        if run.cancel.is_cancelled() {
            let detail =
                format!("{name} goes on on the host; the next apply waits for it and uses its result.");
            return Err(Failure {
                detail,
                ..Failure::cancelled()
            }
            .on(host.name()));
        }
        progress = look(host, name, LOOK).await?;
    }
    Ok(progress)
}

/// Removes the command's output and result, so that it can be started anew.
pub(crate) async fn forget(act: Act<'_>, host: &Host, name: &str) -> Result<(), Failure> {
    act.change(host, &forget_script(name)).await?;
    Ok(())
}

/// What has become of the command, after waiting on the host for its end, at most so long.
pub(crate) async fn look(host: &Host, name: &str, wait: Duration) -> Result<Progress, Failure> {
    let stdout = host.look_ok(&poll_script(name, wait)).await?;
    parse(host, &stdout)
}

fn parse(host: &Host, stdout: &str) -> Result<Progress, Failure> {
    Progress::parse(stdout).map_err(|error| {
        Failure::new("Host gave an answer that makes no sense", error.to_string()).on(host.name())
    })
}
