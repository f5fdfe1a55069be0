//! Step: the SSH user has `~/.kube/config` on this master, as kubeadm's own closing words tell people to make it.
use async_trait::async_trait;

use super::super::{
    failure::Failure,
    step::{Check, Run, Step},
};
use crate::{
    command::{Script, quote},
    node::user::User,
};

/// Copies `admin.conf` (0600, owned by the user). A kubeconfig of something else is left alone, and who has no home of
/// its own gets none.
#[derive(Debug)]
pub struct AdminKubeconfig {
    /// The user that logs in over SSH.
    pub user: User,
}

#[async_trait]
impl Step for AdminKubeconfig {
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
            .run_ok(&Script::new("look for the user's kubeconfig", body))
            .await?;
        Ok(match said.trim() {
            "there" => Check::Done,
            _ => Check::Needed("the user has no kubeconfig".into()),
        })
    }

    async fn perform(&self, run: &Run) -> Result<(), Failure> {
        let folder = quote(&format!("{}/.kube", self.user.home));
        let (uid, gid) = (self.user.uid, self.user.gid);
        let body = format!(
            "set -e\n[ -d {folder} ] || install -d -m 0755 -o {uid} -g {gid} {folder}\n\
             install -m 0600 -o {uid} -g {gid} /etc/kubernetes/admin.conf {folder}/config"
        );
        run.host.run_ok(&Script::new("copy admin.conf", body)).await?;
        Ok(())
    }

    fn finishes(&self) -> bool {
        true
    }
}

/// Removes the user's kubeconfig if it is the copy of this host's `admin.conf`; before the reset, which removes
/// the original.
pub(super) fn remove_copy_script(user: &User) -> Script {
    let file = quote(&format!("{}/.kube/config", user.home));
    let folder = quote(&format!("{}/.kube", user.home));
    let body = format!(
        "if [ -e /etc/kubernetes/admin.conf ] && cmp -s /etc/kubernetes/admin.conf {file}; then rm -f {file}; rm -rf {folder}/cache/discovery {folder}/cache/http; rmdir {folder}/cache {folder} 2>/dev/null; fi\ntrue"
    );
    Script::new("remove the user's kubeconfig", body)
}
