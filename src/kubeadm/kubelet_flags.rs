//! Reads `/var/lib/kubelet/kubeadm-flags.env`, in which kubeadm leaves the kubelet's flags of a node.
use std::{collections::BTreeMap, net::IpAddr};

/// Where it lies.
pub const KUBELET_FLAGS: &str = "/var/lib/kubelet/kubeadm-flags.env";

/// Flags that kubeadm itself writes there, by version (its phases/kubelet/flags.go from 1.20 to 1.37).
const KUBEADMS_OWN: [&str; 9] = [
    "cgroup-driver",
    "container-runtime",
    "container-runtime-endpoint",
    "hostname-override",
    "network-plugin",
    "pod-infra-container-image",
    "register-with-taints",
    "resolv-conf",
    "node-labels",
];

/// The flags of one node's kubelet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KubeletFlags(BTreeMap<String, String>);

impl KubeletFlags {
    /// Reads `KUBELET_KUBEADM_ARGS="--name=value …"`. A flag without a value is `true`; what is none is left out.
    pub fn parse(text: &str) -> Self {
        let line = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("KUBELET_KUBEADM_ARGS="))
            .unwrap_or_default();
        let flags = line
            .trim_matches(|quote| quote == '"' || quote == '\'')
            .split_whitespace()
            .filter_map(|flag| flag.strip_prefix("--"));
        Self(
            flags
                .map(|flag| match flag.split_once('=') {
                    Some((name, value)) => (name.to_owned(), value.to_owned()),
                    None => (flag.to_owned(), "true".to_owned()),
                })
                .collect(),
        )
    }

    /// The container runtime's socket; none if the kubelet has it from elsewhere.
    pub fn cri_socket(&self) -> Option<&str> {
        self.0.get("container-runtime-endpoint").map(String::as_str)
    }

    /// What somebody gave in `nodeRegistration.kubeletExtraArgs`: all but kubeadm's own, and but one address as `node-ip`,
    /// which a node of this provider has by itself ([`NodeSpec::advertise_address`](super::NodeSpec)).
    pub fn extra_args(&self) -> BTreeMap<String, String> {
        let is_extra = |(name, value): &(&String, &String)| {
            let is_own = name.as_str() == "node-ip" && value.parse::<IpAddr>().is_ok();
            !is_own && !KUBEADMS_OWN.contains(&name.as_str())
        };
        let flags = self.0.iter().filter(is_extra);
        flags.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubeadm_adds_is_no_extra_argument() {
        let flags = KubeletFlags::parse(
            "KUBELET_KUBEADM_ARGS=\"--container-runtime-endpoint=unix:///run/crio/crio.sock --max-pods=50 --node-ip=10.0.0.11 \
             --pod-infra-container-image=registry.k8s.io/pause:3.10 --v\"\n",
        );
        assert_eq!(flags.cri_socket(), Some("unix:///run/crio/crio.sock"));
        let extra = [("max-pods", "50"), ("v", "true")];
        let extra = extra.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(flags.extra_args(), extra.into());
        let both = KubeletFlags::parse("KUBELET_KUBEADM_ARGS=--node-ip=10.0.0.11,fd00::11");
        assert_eq!(both.extra_args()["node-ip"], "10.0.0.11,fd00::11");
    }

    #[test]
    fn nothing_is_found_in_nothing() {
        for text in [
            "",
            "KUBELET_KUBEADM_ARGS=\n",
            "KUBELET_KUBEADM_ARGS=\"\"\n",
            "# --max-pods=5\n",
        ] {
            assert_eq!(KubeletFlags::parse(text), KubeletFlags::default(), "{text}");
        }
    }
}
