//! Steps: HAProxy's and keepalived's files come onto a host and go from it.
use async_trait::async_trait;

use super::super::{
    failure::Failure,
    loadbalancer::START_LIMIT,
    loadbalancer_note::LoadbalancerNote,
    look::{FileState, compare_files, differing_file},
    step::{Check, Run, Step},
    wait::wait_until_done,
};
use crate::{
    command::Script,
    haproxy, keepalived,
    node::{
        DIRECTORY,
        files::{File, remove_files_script},
        reload::{is_outdated_command, write_files_and_tell_script},
        vip,
    },
};

/// Writes the configuration, then the manifests, each whole or not at all. Where only the configuration changes, the pods
/// go on and read it again: the kubelet takes 12 s to replace a static pod (measured), on all hosts at once.
#[derive(Debug)]
pub struct WriteLoadbalancer {
    /// All files, manifests last.
    pub files: Vec<File>,
    /// The note for others who work on the host.
    pub note: LoadbalancerNote,
}

#[async_trait]
impl Step for WriteLoadbalancer {
    fn title(&self) -> &'static str {
        "write HAProxy's and keepalived's files"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        let note = LoadbalancerNote::read(&run.host).await?;
        if note.is_none() {
            // The note is written first, so without it no file of these is ours.
            let states = compare_files(&run.host, &self.files).await?;
            let mut pairs = self.files.iter().zip(states);
            if let Some((file, _)) = pairs.find(|(_, state)| *state == FileState::Different) {
                let detail = format!(
                    "{} is on the host, and this provider did not write it.",
                    file.path
                );
                return Err(Failure::new("Another load balancer is on the host", detail)
                    .at("host")
                    .advise("Nothing was changed. Remove it if it is not needed, or choose another host."));
            }
        }
        if note.as_ref() != Some(&self.note) {
            return Ok(Check::Needed("the host has no such load balancer".into()));
        }
        let differing = differing_file(&run.host, &self.files).await?;
        Ok(differing.map_or(Check::Done, |path| Check::Needed(format!("{path} differs"))))
    }

    async fn perform(&self, run: &Run) -> Result<(), Failure> {
        let mut files = vec![self.note.file()];
        files.extend(self.files.iter().cloned());
        run.host
            .run_ok(&write_files_and_tell_script(
                "write the load balancer's files",
                &files,
                &[haproxy::RELOADED, keepalived::RELOADED],
            ))
            .await?;
        Ok(())
    }
}

/// Waits for HAProxy's own health page, not that of a pod that the kubelet is about to replace. Only where a kubelet runs that starts the pod.
#[derive(Debug)]
pub struct AwaitHaproxy {
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
        let output = run.host.run(&Script::new("ask HAProxy", command)).await?;
        Ok(if output.status == 0 {
            Check::Done
        } else {
            Check::Needed(
                "HAProxy's health page does not answer, or only the pod that is to be replaced".into(),
            )
        })
    }

    async fn perform(&self, run: &Run) -> Result<(), Failure> {
        wait_until_done(run, self, "HAProxy answers on this host", START_LIMIT)
        .await
        .map_err(|failure| failure.advise("Look at the pod's log on the host: `crictl ps -a --name haproxy`, `crictl logs`. A wrong haproxy.image is a usual cause."))
    }
}

/// Takes keepalived's manifest away and waits until the floating IP is off the host.
#[derive(Debug)]
pub struct StopKeepalived;

#[async_trait]
impl Step for StopKeepalived {
    fn title(&self) -> &'static str {
        "stop keepalived"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        Ok(match still_there(run).await? {
            None => Check::Done,
            Some(what) => Check::Needed(what),
        })
    }

    async fn perform(&self, run: &Run) -> Result<(), Failure> {
        run.host
            .run_ok(&remove_files_script(
                "remove keepalived's manifest",
                &[keepalived::MANIFEST_PATH],
                &[],
            ))
            .await?;
        let Some(note) = LoadbalancerNote::read(&run.host).await? else {
            return Ok(());
        };
        // keepalived gives the address back when it ends; where it was killed, or no kubelet is there to end it, we do.
        let gone = wait_until_done(
            run,
            self,
            "keepalived has ended",
            std::time::Duration::from_secs(30),
        )
        .await;
        if gone.is_err() {
            run.host
                .run_ok(&Script::new(
                    "drop the floating IP",
                    vip::drop_vip_command(note.vip, &note.interface),
                ))
                .await?;
        }
        Ok(())
    }
}

async fn still_there(run: &Run) -> Result<Option<String>, Failure> {
    let manifest = Script::new(
        "look for keepalived's manifest",
        format!("test -e {}", keepalived::MANIFEST_PATH),
    );
    if run.host.run(&manifest).await?.status == 0 {
        return Ok(Some("keepalived's manifest is there".into()));
    }
    let Some(note) = LoadbalancerNote::read(&run.host).await? else {
        return Ok(None);
    };
    let holds = run
        .host
        .run(&Script::new(
            "look for the floating IP",
            vip::vip_holder_command(note.vip),
        ))
        .await?;
    Ok((holds.status == 0).then(|| format!("{} is on this host", note.vip)))
}

/// Takes everything else of the load balancer away.
#[derive(Debug)]
pub struct RemoveLoadbalancer;

#[async_trait]
impl Step for RemoveLoadbalancer {
    fn title(&self) -> &'static str {
        "remove HAProxy's and keepalived's files"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        let note = LoadbalancerNote::path();
        let paths = [
            haproxy::MANIFEST_PATH,
            haproxy::CONFIG_PATH,
            keepalived::CONFIG_PATH,
            &note,
        ];
        let tests = paths.map(|path| format!("[ -e {path} ]")).join(" || ");
        let output = run
            .host
            .run(&Script::new("look for the load balancer's files", tests))
            .await?;
        Ok(if output.status == 0 {
            Check::Needed("the load balancer's files are there".into())
        } else {
            Check::Done
        })
    }

    async fn perform(&self, run: &Run) -> Result<(), Failure> {
        let note = LoadbalancerNote::path();
        let paths = [
            haproxy::MANIFEST_PATH,
            haproxy::CONFIG_PATH,
            keepalived::CONFIG_PATH,
            &note,
        ];
        let directories = [
            haproxy::CONFIG_DIRECTORY,
            keepalived::CONFIG_DIRECTORY,
            "/etc/kubernetes/manifests",
            DIRECTORY,
        ];
        run.host
            .run_ok(&remove_files_script(
                "remove the load balancer's files",
                &paths,
                &directories,
            ))
            .await?;
        Ok(())
    }

    fn finishes(&self) -> bool {
        true
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
