//! Step: HAProxy runs on the host with the files that lie there.
use std::time::Duration;

use async_trait::async_trait;

use crate::{
    command::Look,
    haproxy,
    lifecycle::{
        engine::{Act, Check, Run, Step, wait_until_done},
        failure::Failure,
    },
    node::reload::is_outdated_command,
};

/// How long HAProxy may take to start: the kubelet may have to pull its image.
const START_LIMIT: Duration = Duration::from_secs(180);

/// Waits for HAProxy's own health page, not that of a pod that the kubelet is about to replace. Only where a kubelet runs that starts the pod.
#[derive(Debug)]
pub(crate) struct AwaitHaproxy {
    /// Loopback port of the page.
    pub health_port: u16,
}

impl AwaitHaproxy {
    fn ask_command(&self) -> String {
        let is_outdated = is_outdated_command(&haproxy::RELOADED, haproxy::MANIFEST_PATH);
        format!(
            "curl -fs --noproxy '*' --max-time 3 -o /dev/null http://127.0.0.1:{}/livez && ! {{ {is_outdated}\n}}",
            self.health_port
        )
    }
}

#[async_trait]
impl Step for AwaitHaproxy {
    fn title(&self) -> &'static str {
        "wait for HAProxy"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        let command = self.ask_command();
        let output = run.host.look(&Look::new("ask HAProxy", command)).await?;
        Ok(if output.status == 0 {
            Check::Done
        } else {
            Check::Needed(
                "HAProxy's health page does not answer, or only the pod that is to be replaced".into(),
            )
        })
    }

    async fn perform(&self, act: Act<'_>) -> Result<(), Failure> {
        let run = &*act;
        wait_until_done(run, self, "HAProxy answers on this host", START_LIMIT)
        .await
        .map_err(|failure| failure.advise("Look at the pod's log on the host: `crictl ps -a --name haproxy`, `crictl logs`. A wrong haproxy.image is a usual cause."))
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn haproxy_answers_if_its_page_does_and_its_pod_is_not_an_old_one() {
        let answers = |page: i32, is_outdated: bool| {
            let asked = AwaitHaproxy { health_port: 8404 }.ask_command();
            let stat = if is_outdated { "date +%s" } else { "false" };
            // Every process counts as the pod's, and each is older than a manifest of this moment.
            let asked = asked.replace(r#"[ "$name" = "$1" ] && [ "$process/root$3" -ef "$2" ]"#, "true");
            let fakes = format!("curl() {{ return {page}; }}\nstat() {{ {stat}; }}\n");
            let status = Command::new("sh")
                .args(["-c", &format!("{fakes}{asked}")])
                .status();
            status.unwrap().success()
        };
        assert!(answers(0, false));
        assert!(!answers(0, true));
        assert!(!answers(7, false));
    }
}
