//! Step: HAProxy's and keepalived's files are on the host.
use async_trait::async_trait;

use crate::{
    haproxy, keepalived,
    lifecycle::{
        engine::{Act, Check, Run, Step},
        failure::Failure,
        host::{FileState, LoadbalancerNote, compare_files, differing_file},
    },
    node::{files::File, reload::write_files_and_tell_script},
};

/// Writes the configuration, then the manifests, each whole or not at all. Where only the configuration changes, the pods
/// go on and read it again: the kubelet takes 12 s to replace a static pod (measured), on all hosts at once.
#[derive(Debug)]
pub(crate) struct WriteLoadbalancer {
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

    async fn perform(&self, act: Act<'_>) -> Result<(), Failure> {
        let run = &*act;
        let mut files = vec![self.note.file()];
        files.extend(self.files.iter().cloned());
        act.change(
            &run.host,
            &write_files_and_tell_script(
                "write the load balancer's files",
                &files,
                &[haproxy::RELOADED, keepalived::RELOADED],
            ),
        )
        .await?;
        Ok(())
    }
}
