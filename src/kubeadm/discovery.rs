//! The kubeconfig by which a joining node knows its cluster: kubeadm's file discovery.
//!
//! The CA comes over SSH from a master that runs already, so a join needs neither a pin nor the controller manager's
//! signature under cluster-info, for which kubeadm looks every 5 s.
//!
//! Why not token discovery: decision 14.
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use super::Endpoint;

/// Its text, in JSON, which is YAML too. Its user has no credentials, but kubeadm wants one: `tlsBootstrapToken` has them.
pub fn discovery_kubeconfig(endpoint: &Endpoint, ca_cert_pem: &str) -> String {
    let cluster = json!({
        "server": format!("https://{endpoint}"),
        "certificate-authority-data": STANDARD.encode(ca_cert_pem),
    });
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "kubernetes", "cluster": cluster}],
        "contexts": [{"name": "discovery", "context": {"cluster": "kubernetes", "user": "joining"}}],
        "users": [{"name": "joining", "user": {}}],
        "current-context": "discovery",
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_endpoint_and_carries_the_ca() {
        let text = discovery_kubeconfig(&"[fd00::1]:6443".parse().unwrap(), "PEM\n");
        let config: serde_json::Value = serde_json::from_str(&text).unwrap();
        let cluster = &config["clusters"][0]["cluster"];
        assert_eq!(cluster["server"], "https://[fd00::1]:6443");
        assert_eq!(cluster["certificate-authority-data"], "UEVNCg==");
        assert_eq!(config["contexts"][0]["name"], config["current-context"]);
    }
}
