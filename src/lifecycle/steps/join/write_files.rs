//! Step: files that are kept on the host for people are as they should be.
use async_trait::async_trait;

use crate::{
    lifecycle::{
        engine::{Act, Check, Run, Step},
        failure::Failure,
        host::differing_file,
    },
    node::files::{File, write_files_script},
};

/// Writes each file whole or not at all.
#[derive(Debug)]
pub(crate) struct WriteFiles {
    /// The files.
    pub files: Vec<File>,
}

#[async_trait]
impl Step for WriteFiles {
    fn title(&self) -> &'static str {
        "write files"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        let differing = differing_file(&run.host, &self.files).await?;
        Ok(differing.map_or(Check::Done, |path| Check::Needed(format!("{path} differs"))))
    }

    async fn perform(&self, act: Act<'_>) -> Result<(), Failure> {
        let run = &*act;
        let script = write_files_script("write files", &self.files);
        act.change(&run.host, &script).await?;
        Ok(())
    }
}
