//! The kubelet's own certificate, which has the Node's true name.
use super::{as_kubelet::KUBELET_PEM, kubectl::KUBELET_CONF};

/// Prints the certificate by which the kubelet is known to the API, in PEM form and without its key: from its own file, or
/// from [`KUBELET_CONF`], where kubeadm before 1.17 left it. Its common name is `system:node:` and the Node's name.
pub fn own_certificate_command() -> String {
    format!(
        "data=$(sed -n 's/^ *client-certificate-data: *//p' {KUBELET_CONF} | head -n 1)\n\
         if [ -n \"$data\" ]; then\n\
         \x20 echo \"$data\" | base64 -d\n\
         else\n\
         \x20 sed -n '/BEGIN CERTIFICATE/,/END CERTIFICATE/p' {KUBELET_PEM}\n\
         fi"
    )
}
