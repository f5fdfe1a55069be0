//! Extra arguments of the kubelet: those that end it at start, and those that kubeadm or the systemd unit gives it.
use super::{
    super::names::{validate_label_key, validate_label_value},
    super::{DEFAULT_CRI_SOCKET, Version},
    finding::Finding,
};
use crate::node::{address::parse_address, runtime::socket_path};

/// What is known of the kubelet that gets the arguments.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kubelet<'a> {
    /// Its version, as far as it is known.
    pub version: Option<&'a Version>,
    /// The Node's name, if it is set.
    pub node_name: Option<&'a str>,
    /// The runtime's socket, if it is set; [`DEFAULT_CRI_SOCKET`] if not.
    pub cri_socket: Option<&'a str>,
}

/// Flags that are gone, by the first minor version that ends at start by them (Kubernetes' changelogs; 1.37.2 was asked
/// for each). What to do without it stands beside.
const GONE: &[(&str, u64, &str)] = &[
    (
        "network-plugin cni-conf-dir cni-bin-dir cni-cache-dir network-plugin-mtu",
        24,
        "The runtime looks after CNI: set its folders there.",
    ),
    (
        "docker-endpoint image-pull-progress-deadline experimental-dockershim-root-directory",
        24,
        "Docker is reached through cri-dockerd.",
    ),
    ("dynamic-config-dir", 24, "Set kubelet_config."),
    ("container-runtime", 27, "There is no other than remote."),
    (
        "keep-terminated-pod-volumes iptables-masquerade-bit iptables-drop-bit",
        31,
        "",
    ),
    ("cloud-config", 34, "Cloud providers run outside of the kubelet."),
    ("register-schedulable", 34, "Set taints."),
    (
        "pod-infra-container-image",
        35,
        "Set the sandbox image in the runtime's configuration.",
    ),
    (
        "application-metrics-count-limit boot-id-file container-hints containerd containerd-namespace enable-load-reader event-storage-age-limit event-storage-event-limit global-housekeeping-interval log-cadvisor-usage machine-id-file",
        37,
        "",
    ),
    (
        "storage-driver-user storage-driver-password storage-driver-host storage-driver-db storage-driver-table storage-driver-secure storage-driver-buffer-duration",
        37,
        "",
    ),
];

/// Flags that others give the kubelet: the unit's drop-in and `phases/kubelet/flags.go` in kubeadm's source.
const OWNED: &[(&str, &str)] = &[
    (
        "bootstrap-kubeconfig kubeconfig cert-dir client-ca-file",
        "kubeadm makes these files and the kubelet's unit names them.",
    ),
    (
        "config",
        "The kubelet's unit names kubeadm's file. Set cluster.kubelet_config, or patches with a target kubeletconfiguration for one node.",
    ),
    ("register-with-taints", "Set taints."),
    (
        "register-node",
        "A node that does not register itself never joins.",
    ),
];

/// Label keys that a kubelet may give its own Node, of those that end in `kubernetes.io` or `k8s.io`
/// (`well_known_labels.go` of the kubelet's API; the admission plugin `NodeRestriction` has the same).
const KUBELETS_OWN_LABELS: [&str; 11] = [
    "kubernetes.io/hostname",
    "kubernetes.io/os",
    "kubernetes.io/arch",
    "beta.kubernetes.io/os",
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/instance-type",
    "node.kubernetes.io/instance-type",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
];
const KUBELETS_OWN_PREFIXES: [&str; 2] = ["kubelet.kubernetes.io", "node.kubernetes.io"];

const CANNOT_WORK: &str = "Argument ends the kubelet";
const OWNED_BY_OTHERS: &str = "Argument belongs to kubeadm";

/// What is wrong with one argument; its form is for [`validate_argument`](super::validate_argument).
pub fn check_kubelet_argument(name: &str, value: &str, kubelet: Kubelet<'_>) -> Option<Finding> {
    let name = name.replace('_', "-");
    if value.contains(char::is_whitespace) {
        let detail = format!(
            "The value of {name} has blanks in it. kubeadm writes all arguments into one variable, which systemd splits at blanks."
        );
        return Some(Finding::error(CANNOT_WORK, detail));
    }
    let is_in = |names: &str| names.split(' ').any(|known| known == name);
    if let Some((_, gone, instead)) = GONE.iter().find(|(names, ..)| is_in(names)) {
        return check_gone(&name, *gone, instead, kubelet.version?);
    }
    if let Some((_, why)) = OWNED.iter().find(|(names, _)| is_in(names)) {
        return (name != "register-node" || value == "false")
            .then(|| Finding::error(OWNED_BY_OTHERS, format!("{name} cannot be set here. {why}")));
    }
    match name.as_str() {
        "container-runtime-endpoint" => {
            let asked = kubelet.cri_socket.unwrap_or(DEFAULT_CRI_SOCKET);
            (socket_path(asked) != socket_path(value))
                .then(|| Finding::error(OWNED_BY_OTHERS, format!("{name} cannot be set here. Set cri_socket, which kubeadm asks too.")))
        }
        "hostname-override" => (kubelet.node_name != Some(value))
            .then(|| Finding::error(OWNED_BY_OTHERS, format!("{name} cannot be set here. Set node_name, which the certificates are made for too."))),
        "root-dir" => (value.trim_end_matches('/') != "/var/lib/kubelet").then(|| {
            Finding::warning("Argument may break the node", format!("{name} is {value:?}. kubeadm writes the kubelet's files to /var/lib/kubelet, and a reset removes that folder only."))
        }),
        "pod-manifest-path" => (value.trim_end_matches('/') != "/etc/kubernetes/manifests").then(|| {
            Finding::error(CANNOT_WORK, format!("{name} is {value:?}. kubeadm and the load balancer write their static pods to /etc/kubernetes/manifests: leave it out."))
        }),
        "node-ip" => check_node_ip(value),
        "node-labels" => check_node_labels(value),
        _ => None,
    }
}

fn check_gone(name: &str, gone: u64, instead: &str, version: &Version) -> Option<Finding> {
    (version.minor() >= gone).then(|| {
        let text = format!(
            "{name} is gone since Kubernetes 1.{gone}: the kubelet ends at start by it. Leave it out. {instead}"
        );
        Finding::error(CANNOT_WORK, text.trim_end())
    })
}

fn check_node_ip(value: &str) -> Option<Finding> {
    let addresses: Option<Vec<_>> = value.split(',').map(parse_address).collect();
    let is_good = match addresses.as_deref() {
        Some([_]) => true,
        Some([one, other]) => one.is_ipv4() != other.is_ipv4(),
        _ => false,
    };
    (!is_good).then(|| {
        let detail = format!("node-ip is {value:?}, and must be an IP address, or one of IPv4 and one of IPv6 with a comma between them.");
        Finding::error(CANNOT_WORK, detail)
    })
}

fn check_node_labels(value: &str) -> Option<Finding> {
    let mut refused = Vec::new();
    for label in value.split(',').filter(|label| !label.is_empty()) {
        let Some((key, value)) = label.split_once('=') else {
            let detail = format!("node-labels has {label:?}, and each label must be key=value.");
            return Some(Finding::error(CANNOT_WORK, detail));
        };
        if let Err(problem) = validate_label_key(key).and_then(|()| validate_label_value(value)) {
            return Some(Finding::error(CANNOT_WORK, format!("node-labels: {problem}.")));
        }
        if !may_set(key) {
            refused.push(key);
        }
    }
    (!refused.is_empty()).then(|| {
        let detail = format!(
            "node-labels has {}, which a kubelet may not give its own Node: it ends at start by it. Set it in labels, which are given through a master.",
            refused.join(", ")
        );
        Finding::error(CANNOT_WORK, detail)
    })
}

fn may_set(key: &str) -> bool {
    let Some((prefix, _)) = key.split_once('/') else {
        return true;
    };
    let is_below = |domain: &str| {
        prefix
            .strip_suffix(domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let is_kubernetes = is_below("kubernetes.io") || is_below("k8s.io");
    !is_kubernetes
        || KUBELETS_OWN_LABELS.contains(&key)
        || KUBELETS_OWN_PREFIXES.iter().any(|own| is_below(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(name: &str, value: &str, version: &str) -> Option<bool> {
        let version = version.parse().ok();
        let kubelet = Kubelet {
            version: version.as_ref(),
            node_name: Some("w1"),
            cri_socket: Some("unix:///run/crio/crio.sock"),
        };
        check_kubelet_argument(name, value, kubelet).map(|finding| finding.is_error)
    }

    #[test]
    fn flags_are_good_until_they_are_gone() {
        for (names, gone, _) in GONE {
            for name in names.split(' ') {
                assert_eq!(verdict(name, "x", &format!("1.{}.9", gone - 1)), None, "{name}");
                assert_eq!(verdict(name, "x", &format!("1.{gone}.0")), Some(true), "{name}");
                assert_eq!(verdict(name, "x", "unknown"), None, "{name}");
            }
        }
    }

    #[test]
    fn others_flags_are_refused() {
        for name in [
            "config",
            "kubeconfig",
            "bootstrap-kubeconfig",
            "register-with-taints",
        ] {
            assert_eq!(verdict(name, "/x", "1.37.2"), Some(true), "{name}");
        }
        for (name, value, expected) in [
            ("register-node", "true", None),
            ("register-node", "false", Some(true)),
            ("hostname-override", "w1", None),
            ("hostname-override", "w2", Some(true)),
            ("container-runtime-endpoint", "/run/crio/crio.sock", None),
            (
                "container-runtime-endpoint",
                "unix:///var/run/crio/crio.sock",
                None,
            ),
            ("container-runtime-endpoint", "/x", Some(true)),
            ("pod-manifest-path", "/etc/kubernetes/manifests", None),
            ("pod-manifest-path", "/x", Some(true)),
            ("node-ip", "10.0.0.1", None),
            ("node-ip", "::", None),
            ("node-ip", "10.0.0.1,fd00::1", None),
            ("node-ip", "10.0.0.1,10.0.0.2", Some(true)),
            ("node-ip", "not-an-ip", Some(true)),
            ("root-dir", "/var/lib/kubelet/", None),
            ("root_dir", "/x", Some(false)),
            ("v", "4", None),
            ("v", "4 --x", Some(true)),
        ] {
            assert_eq!(verdict(name, value, "1.37.2"), expected, "{name}={value}");
        }
    }

    #[test]
    fn the_socket_that_is_not_set_is_containerds() {
        let verdict = |value| check_kubelet_argument("container-runtime-endpoint", value, Kubelet::default());
        for good in [DEFAULT_CRI_SOCKET, "/var/run/containerd/containerd.sock"] {
            assert_eq!(verdict(good), None, "{good}");
        }
        assert!(verdict("unix:///run/crio/crio.sock").is_some());
    }

    #[test]
    fn a_kubelet_gives_itself_only_some_labels() {
        for labels in [
            "zone=a",
            "example.net/a=b,c=d",
            "topology.kubernetes.io/zone=a",
            "node.kubernetes.io/x=1",
            "my.node.kubernetes.io/x=1",
            "notkubernetes.io/x=1",
            "",
        ] {
            assert_eq!(verdict("node-labels", labels, "1.37.2"), None, "{labels}");
        }
        for labels in [
            "node-role.kubernetes.io/worker=",
            "k8s.io/x=1",
            "a=b,kubernetes.io/x=1",
            "a",
            "a=b c",
            "A b=c",
        ] {
            assert_eq!(verdict("node-labels", labels, "1.37.2"), Some(true), "{labels}");
        }
    }
}
