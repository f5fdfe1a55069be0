//! Step: the images of the control plane are on the host, so that kubeadm does not fetch them inside the lock.
use std::time::Duration;

use async_trait::async_trait;

use crate::{
    command::{Look, Secret, quote},
    kubeadm::{self, ConfigFile},
    lifecycle::{
        engine::{Act, Check, Run, Step},
        failure::Failure,
        host::{PULL_IMAGES, detached, remove_config, write_config},
    },
    node::detached::Progress,
};

const LIMIT: Duration = Duration::from_secs(30 * 60);

/// Pulls what `kubeadm config images list` names and the runtime does not have.
#[derive(Debug)]
pub(crate) struct PullImages {
    /// A `ClusterConfiguration` without secrets.
    pub config: String,
}

impl PullImages {
    fn config(&self) -> ConfigFile {
        ConfigFile {
            text: Secret::new(self.config.as_str()),
            flags: Vec::new(),
            secrets: Vec::new(),
        }
    }
}

#[async_trait]
impl Step for PullImages {
    fn title(&self) -> &'static str {
        "pull the images"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        // Without a client for the runtime nothing can be listed; kubeadm itself pulls what is missing then.
        let body = format!(
            "have=$(ctr -n k8s.io images ls -q 2>/dev/null || crictl images -o json 2>/dev/null) || exit 0\n\
             printf %s {} | {} | while read -r image; do printf '%s\\n' \"$have\" | grep -qF \"$image\" || printf '%s\\n' \"$image\"; done",
            quote(&self.config),
            kubeadm::images_list_command("/dev/stdin")
        );
        let missing = run.host.look_ok(&Look::new("list missing images", body)).await?;
        Ok(match missing.split_whitespace().count() {
            0 => Check::Done,
            count => Check::Needed(format!(
                "{count} images are missing: {}",
                missing.split_whitespace().collect::<Vec<_>>().join(", ")
            )),
        })
    }

    async fn perform(&self, act: Act<'_>) -> Result<(), Failure> {
        let run = &*act;
        // An earlier result cannot be right: images are missing.
        if detached::settle(run, &run.host, PULL_IMAGES).await? != Progress::Unknown {
            detached::forget(act, &run.host, PULL_IMAGES).await?;
        }
        let path = write_config(act, &run.host, "images", &self.config()).await?;
        detached::start(
            act,
            &run.host,
            PULL_IMAGES,
            &kubeadm::images_pull_command(&path),
            LIMIT,
        )
        .await?;
        detached::settle(run, &run.host, PULL_IMAGES).await?;
        let (status, output) = detached::await_end(&run.host, PULL_IMAGES).await?;
        detached::forget(act, &run.host, PULL_IMAGES).await?;
        remove_config(act, &run.host, "images").await?;
        if status == 0 {
            return Ok(());
        }
        Err(Failure::new("Cannot pull the images", kubeadm::last_words(&output))
            .at("cluster.image_repository")
            .advise("Check that the host reaches the registry, or set cluster.image_repository to one that it reaches."))
    }
}
