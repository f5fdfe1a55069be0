//! Extra arguments of the control plane's programs: their form, and those that kubeadm sets and the cluster stands on.
use std::collections::BTreeMap;

use super::finding::Finding;

/// A program that kubeadm starts as a static pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// `kube-apiserver`.
    ApiServer,
    /// `kube-controller-manager`.
    ControllerManager,
    /// `kube-scheduler`.
    Scheduler,
    /// `etcd`.
    Etcd,
}

/// The form of an argument's name and value, for any program.
pub fn validate_argument(name: &str, value: &str) -> Result<(), String> {
    if name.trim().is_empty() {
        return Err("an argument has no name".to_owned());
    }
    if name.starts_with('-') {
        return Err(format!("{name:?} must be written without leading dashes"));
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if !name.starts_with(|c: char| c.is_ascii_lowercase())
        || !name.chars().all(|c| plain(c) || "-_.".contains(c))
    {
        let hint = match name.split_once('=') {
            Some((name, value)) => format!(": write {name:?} = {value:?}"),
            None => String::new(),
        };
        return Err(format!(
            "{name:?} cannot be the name of an argument, which has lower-case letters, digits and dashes{hint}"
        ));
    }
    if value.chars().any(char::is_control) {
        return Err(format!(
            "the value of {name} must not have line ends or other control characters in it"
        ));
    }
    Ok(())
}

/// What is allowed of an argument that kubeadm sets.
enum Rule {
    /// Nothing else than kubeadm's own.
    Never,
    /// One of these, among what stands between commas.
    Only(&'static [&'static str]),
    /// The same; a warning where one master stands alone, whose own address may be meant.
    OnlyForMany(&'static [&'static str]),
    /// What the attribute of `cluster` says, if that is set.
    As(&'static str),
    /// All of these words; a warning otherwise.
    With(&'static [&'static str]),
    /// Anything but this; a warning otherwise.
    Not(&'static str),
}

use Component::{ApiServer, ControllerManager, Etcd, Scheduler};
use Rule::{As, Never, Not, Only, OnlyForMany, With};

const ONE_VALUE_FOR_ALL: &str = "The same value would go to every master, and kubeadm gives each its own.";
const OWN_FILES: &str = "kubeadm makes these files, gives them to the program and renews them.";

/// `phases/controlplane/manifests.go` and `phases/etcd/local.go` in kubeadm's source have what it sets.
const OWNED: &[(Component, &str, Rule, &str)] = &[
    (
        ApiServer,
        "advertise-address",
        Never,
        "The same value would go to every master. Set advertise_address of each ha_master.",
    ),
    (
        ApiServer,
        "secure-port",
        Only(&["6443"]),
        "HAProxy, the other masters and kubeadm's checks ask port 6443.",
    ),
    (
        ApiServer,
        "bind-address",
        OnlyForMany(&["0.0.0.0", "::"]),
        "It is asked on loopback and on the master's own address.",
    ),
    (
        ApiServer,
        "etcd-servers",
        Never,
        "kubeadm gives each API server the member beside it. A list of addresses would be wrong as soon as a master is replaced.",
    ),
    (
        ApiServer,
        "etcd-cafile etcd-certfile etcd-keyfile",
        Never,
        OWN_FILES,
    ),
    (
        ApiServer,
        "client-ca-file tls-cert-file tls-private-key-file",
        Never,
        OWN_FILES,
    ),
    (
        ApiServer,
        "kubelet-client-certificate kubelet-client-key",
        Never,
        OWN_FILES,
    ),
    (
        ApiServer,
        "service-cluster-ip-range",
        As("service_subnet"),
        "Set cluster.service_subnet, which the certificates and CoreDNS are made from too.",
    ),
    (
        ApiServer,
        "enable-bootstrap-token-auth",
        Only(&["true"]),
        "Nodes join with a bootstrap token.",
    ),
    (
        ApiServer,
        "anonymous-auth",
        Not("false"),
        "The kubelet's probes of the API server are then refused, and it starts the server anew again and again, unless the probes are changed by patches.",
    ),
    (
        ApiServer,
        "enable-admission-plugins",
        With(&["NodeRestriction"]),
        "It replaces kubeadm's own value, NodeRestriction, without which a kubelet may change other nodes.",
    ),
    (
        ApiServer,
        "authorization-mode",
        With(&["Node", "RBAC"]),
        "It replaces kubeadm's own value, Node,RBAC, without which nodes cannot join.",
    ),
    (
        ControllerManager,
        "kubeconfig authentication-kubeconfig authorization-kubeconfig",
        Never,
        OWN_FILES,
    ),
    (
        ControllerManager,
        "cluster-cidr",
        As("pod_subnet"),
        "Set cluster.pod_subnet, which kube-proxy is told too.",
    ),
    (
        ControllerManager,
        "service-cluster-ip-range",
        As("service_subnet"),
        "Set cluster.service_subnet, which the API server is told too.",
    ),
    (
        ControllerManager,
        "controllers",
        With(&["bootstrapsigner", "tokencleaner"]),
        "It replaces kubeadm's own value, *,bootstrapsigner,tokencleaner, without which kubeadm join by hand does not work and old tokens stay.",
    ),
    (
        Scheduler,
        "kubeconfig authentication-kubeconfig authorization-kubeconfig",
        Never,
        OWN_FILES,
    ),
    (
        Etcd,
        "data-dir",
        As("data_dir"),
        "Set etcd.data_dir, which is mounted into the pod.",
    ),
    (
        Etcd,
        "name initial-advertise-peer-urls advertise-client-urls",
        Never,
        ONE_VALUE_FOR_ALL,
    ),
    (
        Etcd,
        "initial-cluster initial-cluster-state force-new-cluster",
        Never,
        "It decides which cluster a member belongs to, and kubeadm writes it for each member as it joins.",
    ),
    (
        Etcd,
        "listen-client-urls",
        OnlyForMany(&["https://0.0.0.0:2379", "https://[::]:2379"]),
        ONE_VALUE_FOR_ALL,
    ),
    (
        Etcd,
        "listen-peer-urls",
        OnlyForMany(&["https://0.0.0.0:2380", "https://[::]:2380"]),
        ONE_VALUE_FOR_ALL,
    ),
    (
        Etcd,
        "cert-file key-file trusted-ca-file peer-cert-file peer-key-file peer-trusted-ca-file",
        Never,
        OWN_FILES,
    ),
    (
        Etcd,
        "client-cert-auth peer-client-cert-auth",
        Not("false"),
        "Whoever reaches etcd's ports could then read and write all of the cluster.",
    ),
];

const ERROR: &str = "Argument belongs to kubeadm";
const WARNING: &str = "Argument may break the cluster";

/// Whether an argument takes from kubeadm what the cluster stands on. `cluster`: what the attributes say that arguments
/// repeat; one that is not there is not set or not known. `is_single`: one master alone is named.
pub fn check_argument(
    component: Component,
    name: &str,
    value: &str,
    cluster: &BTreeMap<&str, String>,
    is_single: bool,
) -> Option<Finding> {
    // Kubernetes' programs read underscores as dashes.
    let name = if component == Etcd {
        name.to_owned()
    } else {
        name.replace('_', "-")
    };
    let words = || value.split(',').map(str::trim);
    if name.starts_with("node-cidr-mask-size") && value.parse::<u8>().is_err() {
        return Some(Finding::refusal(
            "Argument cannot work",
            format!("{name} is {value:?}, and must be the length of a prefix, such as 24."),
        ));
    }
    let (_, _, rule, why) = OWNED
        .iter()
        .find(|(owner, names, ..)| *owner == component && names.split(' ').any(|owned| owned == name))?;
    match rule {
        Never => Some(Finding::error(ERROR, format!("{name} cannot be set here. {why}"))),
        Only(allowed) | OnlyForMany(allowed) if words().any(|word| allowed.contains(&word)) => None,
        Only(allowed) | OnlyForMany(allowed) => {
            let allowed = allowed.join(" or ");
            Some(if is_single && matches!(rule, OnlyForMany(_)) {
                Finding::warning(
                    WARNING,
                    format!("{name} is {value:?}, and {allowed} for any other master that comes. {why}"),
                )
            } else {
                Finding::error(
                    ERROR,
                    format!("{name} is {value:?}, and must be {allowed}. {why}"),
                )
            })
        }
        As(attribute) => {
            let wanted = cluster.get(attribute)?;
            let plain = |text: &str| {
                text.replace(char::is_whitespace, "")
                    .trim_end_matches('/')
                    .to_owned()
            };
            (plain(wanted) != plain(value)).then(|| {
                Finding::error(
                    ERROR,
                    format!("{name} is {value:?}, and {attribute} {wanted:?}. {why}"),
                )
            })
        }
        With(all) if all.iter().all(|wanted| words().any(|word| word == *wanted)) => None,
        With(_) => Some(Finding::warning(WARNING, format!("{name} is {value:?}. {why}"))),
        Not(bad) => (value == *bad).then(|| Finding::warning(WARNING, format!("{name} is {value:?}. {why}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_flags() {
        for name in ["v", "audit-log-path", "audit_log_path", "experimental-x.y"] {
            assert_eq!(validate_argument(name, "a b=c"), Ok(()), "{name}");
        }
        for name in ["", " ", "-v", "--v", "a b", "v=4", "V", "1a", "a\n"] {
            assert!(validate_argument(name, "4").is_err(), "{name}");
        }
        assert!(validate_argument("v", "4\n- --evil").is_err());
        assert!(
            validate_argument("v=4", "")
                .unwrap_err()
                .ends_with(": write \"v\" = \"4\"")
        );
    }

    #[test]
    fn a_master_alone_may_have_its_own_address_in_them() {
        let verdict = |name, value| {
            check_argument(Etcd, name, value, &BTreeMap::new(), true).map(|finding| finding.is_error)
        };
        assert_eq!(
            verdict("listen-client-urls", "https://10.0.0.11:2379"),
            Some(false)
        );
        assert_eq!(verdict("listen-client-urls", "https://0.0.0.0:2379"), None);
        assert_eq!(verdict("name", "m1"), Some(true));
    }

    #[test]
    fn what_kubeadm_sets_is_refused_or_warned_of() {
        let cluster = BTreeMap::from([
            ("service_subnet", "10.96.0.0/12".to_owned()),
            ("data_dir", "/var/lib/etcd".to_owned()),
        ]);
        let verdict = |component, name, value| {
            check_argument(component, name, value, &cluster, false).map(|finding| finding.is_error)
        };
        for (component, name, value, expected) in [
            (ApiServer, "v", "4", None),
            (ApiServer, "advertise-address", "10.0.0.1", Some(true)),
            (ApiServer, "advertise_address", "10.0.0.1", Some(true)),
            (ApiServer, "secure-port", "6443", None),
            (ApiServer, "secure-port", "7443", Some(true)),
            (ApiServer, "bind-address", "::", None),
            (ApiServer, "bind-address", "10.0.0.1", Some(true)),
            (ApiServer, "etcd-keyfile", "/x", Some(true)),
            (ApiServer, "service-cluster-ip-range", "10.96.0.0/12", None),
            (ApiServer, "service-cluster-ip-range", "10.0.0.0/12", Some(true)),
            (ApiServer, "anonymous-auth", "true", None),
            (ApiServer, "anonymous-auth", "false", Some(false)),
            (
                ApiServer,
                "enable-admission-plugins",
                "NodeRestriction,PodSecurity",
                None,
            ),
            (ApiServer, "enable-admission-plugins", "PodSecurity", Some(false)),
            (ApiServer, "authorization-mode", "Node,RBAC,Webhook", None),
            (ApiServer, "authorization-mode", "RBAC", Some(false)),
            (ControllerManager, "cluster-cidr", "10.9.0.0/16", None),
            (ControllerManager, "kubeconfig", "/x", Some(true)),
            (ControllerManager, "node-cidr-mask-size-ipv4", "x", Some(true)),
            (ControllerManager, "node-cidr-mask-size-ipv4", "26", None),
            (Scheduler, "kubeconfig", "/x", Some(true)),
            (Etcd, "data-dir", "/var/lib/etcd/", None),
            (Etcd, "data-dir", "/x", Some(true)),
            (Etcd, "initial-cluster", "a=b", Some(true)),
            (Etcd, "listen-client-urls", "https://0.0.0.0:2379", None),
            (Etcd, "listen-client-urls", "http://10.0.0.1:2379", Some(true)),
            (Etcd, "client-cert-auth", "false", Some(false)),
            (Etcd, "quota-backend-bytes", "8", None),
        ] {
            assert_eq!(verdict(component, name, value), expected, "{name}={value}");
        }
    }
}
