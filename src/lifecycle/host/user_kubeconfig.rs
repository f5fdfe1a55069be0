//! The SSH user's copy of `admin.conf`.
use crate::{
    command::{Script, quote},
    node::user::User,
};

/// Removes the user's kubeconfig if it is the copy of this host's `admin.conf`; before the reset, which removes
/// the original.
pub(crate) fn remove_copy_script(user: &User) -> Script {
    let file = quote(&format!("{}/.kube/config", user.home));
    let folder = quote(&format!("{}/.kube", user.home));
    let body = format!(
        "if [ -e /etc/kubernetes/admin.conf ] && cmp -s /etc/kubernetes/admin.conf {file}; then rm -f {file}; rm -rf {folder}/cache/discovery {folder}/cache/http; rmdir {folder}/cache {folder} 2>/dev/null; fi\ntrue"
    );
    Script::new("remove the user's kubeconfig", body)
}
