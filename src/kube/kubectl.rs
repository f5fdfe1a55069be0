//! How kubectl is called on a host.
use crate::command::quote;

/// On masters: may do everything.
pub const ADMIN_CONF: &str = "/etc/kubernetes/admin.conf";
/// On every node: may read its own Node.
pub const KUBELET_CONF: &str = "/etc/kubernetes/kubelet.conf";

/// kubectl with a kubeconfig and a limit for each request, so that a dead API server is noticed.
pub(super) fn kubectl(kubeconfig: &str) -> String {
    // Without the cache folder kubectl leaves nothing in the home of whoever asks.
    format!(
        "kubectl --kubeconfig {} --cache-dir=/dev/null --request-timeout=10s",
        quote(kubeconfig)
    )
}
