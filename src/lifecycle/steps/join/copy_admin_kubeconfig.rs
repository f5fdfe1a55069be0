//! Step: the SSH user has `~/.kube/config` on this master, as kubeadm's own closing words tell people to make it.
use async_trait::async_trait;

use crate::{
    command::{Look, Script, quote},
    lifecycle::{
        engine::{Act, Check, Run, Step},
        failure::Failure,
    },
    node::user::User,
};

/// Copies `admin.conf` (0600, owned by the user). A kubeconfig of something else is left alone, and who has no home of
/// its own gets none.
#[derive(Debug)]
pub(crate) struct CopyAdminKubeconfig {
    /// The user that logs in over SSH.
    pub user: User,
}

#[async_trait]
impl Step for CopyAdminKubeconfig {
    fn title(&self) -> &'static str {
        "copy admin.conf to the user's kubeconfig"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        let (home, file) = (
            quote(&self.user.home),
            quote(&format!("{}/.kube/config", self.user.home)),
        );
        let body = format!(
            "if [ -e {file} ] || [ ! -d {home} ] || [ {home} = / ]; then echo there; else echo missing; fi"
        );
        let said = run
            .host
            .look_ok(&Look::new("look for the user's kubeconfig", body))
            .await?;
        Ok(match said.trim() {
            "there" => Check::Done,
            _ => Check::Needed("the user has no kubeconfig".into()),
        })
    }

    async fn perform(&self, act: Act<'_>) -> Result<(), Failure> {
        let run = &*act;
        let folder = quote(&format!("{}/.kube", self.user.home));
        let (uid, gid) = (self.user.uid, self.user.gid);
        let body = format!(
            "set -e\n[ -d {folder} ] || install -d -m 0755 -o {uid} -g {gid} {folder}\n\
             install -m 0600 -o {uid} -g {gid} /etc/kubernetes/admin.conf {folder}/config"
        );
        act.change(&run.host, &Script::new("copy admin.conf", body))
            .await?;
        Ok(())
    }

    fn finishes(&self) -> bool {
        true
    }
}
