//! How kubectl is called on a host.
//!
//! Why a master asks its own API server: decision 11.
use crate::{command::quote, kubeadm::API_SERVER_PORT};

/// On masters: may do everything.
pub const ADMIN_CONF: &str = "/etc/kubernetes/admin.conf";
/// On every node: may read its own Node.
pub const KUBELET_CONF: &str = "/etc/kubernetes/kubelet.conf";

/// kubectl with a kubeconfig and a limit for each request, so that a dead API server is noticed.
///
/// With [`ADMIN_CONF`] a master asks its own API server, whatever the endpoint does: every API server's certificate
/// has the name `kubernetes`. No cache folder, so that nothing is left in the home of whoever asks.
pub(super) fn kubectl(kubeconfig: &str) -> String {
    format!("{} --request-timeout=10s", patient_kubectl(kubeconfig))
}

/// The same for requests that may take long.
pub(super) fn patient_kubectl(kubeconfig: &str) -> String {
    let own = if kubeconfig == ADMIN_CONF {
        format!(" --server https://127.0.0.1:{API_SERVER_PORT} --tls-server-name kubernetes")
    } else {
        String::new()
    };
    format!(
        "kubectl --kubeconfig {}{own} --cache-dir=/dev/null",
        quote(kubeconfig)
    )
}
