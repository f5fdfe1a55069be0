//! A joining master's kubelet asks for its certificate.
//!
//! Why, and what it saves: decision 30.
use super::readyz::readyz_command;
use crate::kubeadm::Endpoint;

/// Where the kubelet's `--cert-dir` is by default, the certificate that it asks the API server for.
const CLIENT_CERTIFICATE: &str = "/var/lib/kubelet/pki/kubelet-client-current.pem";

/// Makes the kubelet ask for its certificate as soon as the API server beside it is ready, for which this command waits
/// as long as it is let to. Run it beside `kubeadm join` of a master; it may be cut at any time.
///
/// A master's kubelet bootstraps at its own API server (KEP-4471, the feature gate `ControlPlaneKubeletLocalMode`), which
/// is not up yet when it begins. It asks again 2, 4, 8 and 16 s later (client-go's util/certificate), so that kubeadm,
/// which waits for the certificate, goes on up to 10 s late (measured). A kubelet that starts anew asks at once; the
/// containers go on. Before KEP-4471 it has its certificate by then, and nothing is done.
pub fn hasten_kubelet_bootstrap_command(local_api: &Endpoint) -> String {
    format!(
        "until {} 2>/dev/null; do sleep 0.5; done; [ -e {CLIENT_CERTIFICATE} ] || systemctl restart kubelet",
        readyz_command(local_api)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is done when the API server is not ready at the first question, as a trace.
    fn trace(certificate: bool) -> String {
        let command = hasten_kubelet_bootstrap_command(&"127.0.0.1:6443".parse().unwrap());
        let path = if certificate { "/" } else { "/no such file" };
        let fakes = "n=0\ncurl() { n=$((n + 1)); echo ask; [ $n -gt 1 ]; }\n\
                     sleep() { echo sleep; }\nsystemctl() { echo \"systemctl $*\"; }\n";
        let command = command
            .replace(">/dev/null", "")
            .replace(CLIENT_CERTIFICATE, &format!("'{path}'"));
        let output = std::process::Command::new("sh")
            .args(["-c", &format!("{fakes}{command}")])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn the_kubelet_starts_anew_once_the_api_server_is_ready() {
        assert_eq!(trace(false), "ask\nsleep\nask\nsystemctl restart kubelet\n");
    }

    #[test]
    fn a_kubelet_with_its_certificate_is_left_alone() {
        assert_eq!(trace(true), "ask\nsleep\nask\n");
    }
}
