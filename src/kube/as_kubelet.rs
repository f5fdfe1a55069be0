//! Requests to the API with the kubelet's own credentials, which every node has.
//!
//! Why not kubectl everywhere: decision 15.
use super::kubectl::KUBELET_CONF;
use crate::command::quote;

/// Where the kubelet keeps its certificate and key once it has asked for them itself.
pub(super) const KUBELET_PEM: &str = "/var/lib/kubelet/pki/kubelet-client-current.pem";

/// Prints the object at this path of the API, as JSON.
///
/// curl where the credentials lie in a file of their own, as they do on every node that kubeadm joined: it starts in
/// a tenth of kubectl's time, and every refresh of every node waits for it. Else the `kubectl` command.
pub(super) fn get_as_kubelet(path: &str, kubectl: &str) -> String {
    format!(
        "server=$(sed -n 's/^ *server: *//p' {KUBELET_CONF} | head -n 1)\n\
         if [ -n \"$server\" ] && grep -q 'client-key: {KUBELET_PEM}' {KUBELET_CONF}; then\n\
         \x20 curl -sS --noproxy '*' --connect-timeout 3 --max-time 10 --cacert /etc/kubernetes/pki/ca.crt \
         --cert {KUBELET_PEM} --key {KUBELET_PEM} \"$server\"{}\n\
         else\n\
         \x20 {kubectl}\n\
         fi",
        quote(path),
    )
}
