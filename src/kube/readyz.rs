//! Whether an API server is ready.
use super::kubectl::kubectl;
use crate::{command::quote, kubeadm::Endpoint};

/// Ends with 0 if `/readyz` there says 200 to anybody, certificate unchecked: the same question as `HAProxy`'s.
pub fn readyz_command(endpoint: &Endpoint) -> String {
    format!(
        "curl -fsSk --noproxy '*' --max-time 5 {} >/dev/null",
        quote(&format!("https://{endpoint}/readyz"))
    )
}

/// Ends with 0 if `/readyz` there is ok to the holder of the kubeconfig, certificate checked: so it is this
/// cluster that answers, and `host` is in its certificate.
pub fn readyz_raw_command(kubeconfig: &str, endpoint: &Endpoint) -> String {
    format!(
        "{} --server {} get --raw /readyz >/dev/null",
        kubectl(kubeconfig),
        quote(&format!("https://{endpoint}"))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_is_bracketed_and_quoted() {
        assert_eq!(
            readyz_command(&"[fd00::1]:6443".parse().unwrap()),
            "curl -fsSk --noproxy '*' --max-time 5 'https://[fd00::1]:6443/readyz' >/dev/null"
        );
    }

    #[test]
    fn a_name_is_asked_with_its_certificate() {
        let endpoint = "api.example.net:8443".parse().unwrap();
        assert_eq!(
            readyz_raw_command("/etc/kubernetes/admin.conf", &endpoint),
            "kubectl --kubeconfig /etc/kubernetes/admin.conf --cache-dir=/dev/null --request-timeout=10s \
             --server https://api.example.net:8443 get --raw /readyz >/dev/null"
        );
    }
}
