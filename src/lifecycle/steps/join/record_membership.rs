//! Step: the host's marker says that it is a node of the cluster, and files that are kept for people lie there.
use async_trait::async_trait;

use crate::{
    command::Script,
    lifecycle::{
        engine::{Act, Check, Run, Step},
        failure::Failure,
        host::{KUBEADM_INIT, KUBEADM_JOIN, Marker, PULL_IMAGES, differing_file},
    },
    node::{
        detached::forget_all_script,
        files::{File, write_files_script},
    },
};

/// Ends what `kubeadm init` or `kubeadm join` began.
#[derive(Debug)]
pub(crate) struct RecordMembership {
    /// The cluster's endpoint.
    pub endpoint: String,
    /// The Node's name.
    pub node_name: String,
    /// Files without secrets that the resource keeps on the host.
    pub files: Vec<File>,
}

#[async_trait]
impl Step for RecordMembership {
    fn title(&self) -> &'static str {
        "record the membership"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        if Marker::read(&run.host)
            .await?
            .is_none_or(|marker| !marker.is_member)
        {
            return Ok(Check::Needed(
                "the host is a node and is not recorded as one".into(),
            ));
        }
        let differing = differing_file(&run.host, &self.files).await?;
        Ok(differing.map_or(Check::Done, |path| Check::Needed(format!("{path} differs"))))
    }

    async fn perform(&self, act: Act<'_>) -> Result<(), Failure> {
        let run = &*act;
        if !self.files.is_empty() {
            act.change(&run.host, &write_files_script("write files", &self.files))
                .await?;
        }
        let marker = Marker::member(self.endpoint.clone(), self.node_name.clone());
        // In one script: a result that outlived its marker would be taken for that of a later join.
        let write = marker.write_script();
        let forget = forget_all_script(&[KUBEADM_INIT, KUBEADM_JOIN, PULL_IMAGES]);
        let body = format!("{}\n{}", write.body, forget.body);
        let script = Script::new("record membership", body).limit(write.limit + forget.limit);
        act.change(&run.host, &script).await?;
        Ok(())
    }

    fn finishes(&self) -> bool {
        true
    }
}
