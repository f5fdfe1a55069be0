//! The phases of `kubeadm init` and `kubeadm join`, and the names of kubeadm's preflight checks.
use super::{
    super::Version,
    finding::{Finding, did_you_mean},
};

/// A command that runs in phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phases {
    /// `kubeadm init`.
    Init,
    /// `kubeadm join`.
    Join,
}

use Phases::{Init, Join};

/// Phases with the first and the last minor version that has them, and what each has below itself (`kubeadm init phase
/// --help`, `kubeadm join phase --help`; 1.37.2 was asked for each name). Where a version is not certain, the range is
/// wider than the truth: kubeadm says it then.
const PHASES: &[(Phases, &str, u64, u64)] = &[
    (Init, "preflight", 0, END),
    (
        Init,
        "certs all ca apiserver apiserver-kubelet-client front-proxy-ca front-proxy-client",
        0,
        END,
    ),
    (
        Init,
        "certs etcd-ca etcd-server etcd-peer etcd-healthcheck-client apiserver-etcd-client sa",
        0,
        END,
    ),
    (
        Init,
        "kubeconfig all admin kubelet controller-manager scheduler",
        0,
        END,
    ),
    (Init, "kubeconfig super-admin", 29, END),
    (Init, "kubelet-start", 0, END),
    (
        Init,
        "control-plane all apiserver controller-manager scheduler",
        0,
        END,
    ),
    (Init, "etcd local", 0, END),
    (Init, "wait-control-plane", 0, END),
    (Init, "upload-config all kubeadm kubelet", 0, END),
    (Init, "upload-certs", 0, END),
    (Init, "mark-control-plane", 0, END),
    (Init, "bootstrap-token", 0, END),
    (Init, "kubelet-finalize all", 17, END),
    (Init, "kubelet-finalize experimental-cert-rotation", 17, 36),
    (Init, "kubelet-finalize enable-client-cert-rotation", 31, END),
    (Init, "addon all coredns kube-proxy", 0, END),
    (Init, "show-join-command", 22, END),
    (Join, "preflight", 0, END),
    (
        Join,
        "control-plane-prepare all download-certs certs kubeconfig control-plane",
        0,
        END,
    ),
    (Join, "check-etcd", 0, END),
    (Join, "kubelet-start", 0, END),
    (Join, "etcd-join", 31, END),
    (Join, "kubelet-wait-bootstrap", 31, END),
    (Join, "control-plane-join all mark-control-plane", 0, END),
    (Join, "control-plane-join etcd update-status", 0, 36),
    (Join, "wait-control-plane", 30, END),
];

const END: u64 = u64::MAX;
/// What [`PHASES`] is whole for.
const NEWEST_KNOWN: u64 = 37;

impl Phases {
    fn names(self) -> impl Iterator<Item = (String, u64, u64)> {
        PHASES
            .iter()
            .filter(move |(command, ..)| *command == self)
            .flat_map(|(_, words, from, until)| {
                let (parent, children) = words.split_once(' ').unwrap_or((words, ""));
                let children = children
                    .split_whitespace()
                    .map(move |child| format!("{parent}/{child}"));
                std::iter::once(parent.to_owned())
                    .chain(children)
                    .map(|name| (name, *from, *until))
            })
    }

    /// Whether this kubeadm's command has such a phase; it refuses to begin with another.
    pub fn has(self, name: &str, minor: u64) -> bool {
        self.names()
            .any(|(known, from, until)| known == name && (from..=until).contains(&minor))
    }

    /// Those of the phases that the command may be told to skip: what only the other one has is nothing to it. A name
    /// that neither has goes to both, as a newer kubeadm may know it.
    pub fn skipped(self, phases: &[String], minor: u64) -> Vec<String> {
        let other = if self == Init { Join } else { Init };
        let mut phases = phases.to_vec();
        phases.retain(|name| self.has(name, minor) || !other.has(name, minor));
        phases
    }
}

/// Whether one of the commands has such a phase. Where the version is not known, that of any version counts.
pub fn check_phase(name: &str, commands: &[Phases], version: Option<&Version>) -> Option<Finding> {
    const SUMMARY: &str = "Unknown phase";
    let minor = version.map(Version::minor);
    let mut known: Vec<String> = commands
        .iter()
        .flat_map(|command| command.names())
        .filter(|(_, from, until)| minor.is_none_or(|minor| (*from..=*until).contains(&minor)))
        .map(|(name, ..)| name)
        .collect();
    if known.iter().any(|known| known == name) {
        return None;
    }
    let words: Vec<&str> = commands
        .iter()
        .map(|command| match command {
            Init => "kubeadm init",
            Join => "kubeadm join",
        })
        .collect();
    let meant = did_you_mean(name, known.iter().map(String::as_str));
    known.retain(|name| !name.contains('/'));
    known.sort_unstable();
    known.dedup();
    let of = version.map(|version| format!(" {version}")).unwrap_or_default();
    let detail = format!(
        "{}{of} has no phase {name:?} and refuses to begin with it.{meant} It has {}, and some of them have parts such as {:?}.",
        words.join(" or "),
        known.join(", "),
        if commands.contains(&Init) {
            "addon/kube-proxy"
        } else {
            "control-plane-prepare/certs"
        }
    );
    if minor.is_some_and(|minor| minor > NEWEST_KNOWN) {
        Some(Finding::warning(SUMMARY, detail))
    } else {
        Some(Finding::refusal(SUMMARY, detail))
    }
}

/// Whole names of kubeadm's preflight checks.
const CHECKS: [&str; 22] = [
    "all",
    "ContainerRuntimeVersion",
    "ControlPlaneNodesReady",
    "CoreDNSMigration",
    "CoreDNSUnsupportedPlugins",
    "CreateJob",
    "CRI",
    "ExternalEtcdVersion",
    "Firewalld",
    "Hostname",
    "HTTPProxy",
    "HTTPProxyCIDR",
    "ImagePull",
    "IsDockerSystemdCheck",
    "IsPrivilegedUser",
    "KubeletVersion",
    "KubernetesVersion",
    "Mem",
    "NumCPU",
    "StaticPodManifest",
    "Swap",
    "SystemVerification",
];

/// What the names of the others begin with; a port, a service or a path with dashes for slashes follows.
const CHECK_PREFIXES: [&str; 6] = [
    "DirAvailable-",
    "FileAvailable-",
    "FileContent-",
    "FileExisting-",
    "Port-",
    "Service-",
];

/// Names in `ignore_preflight_errors`, in any case of letters. kubeadm says nothing about a name that it does not know.
pub fn check_ignored(name: &str, all: &[&str]) -> Option<Finding> {
    let is = |known: &str| known.eq_ignore_ascii_case(name);
    if is("all") && all.iter().any(|other| !other.eq_ignore_ascii_case("all")) {
        let detail = "kubeadm refuses single names beside \"all\". Leave them out, or leave out \"all\".";
        return Some(Finding::refusal("Checks beside all of them", detail));
    }
    let begins = |prefix: &&str| {
        name.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
            && name.len() > prefix.len()
    };
    if CHECKS.iter().any(|known| is(known)) || CHECK_PREFIXES.iter().any(begins) {
        return None;
    }
    let meant = did_you_mean(name, CHECKS);
    let detail = format!(
        "kubeadm has no preflight check {name:?}, and nothing is ignored by it.{meant} Its errors begin with the name in brackets, as in [ERROR NumCPU]."
    );
    Some(Finding::warning("Unknown preflight check", detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(name: &str, commands: &[Phases], version: &str) -> Option<bool> {
        check_phase(name, commands, version.parse().ok().as_ref()).map(|finding| finding.is_error)
    }

    #[test]
    fn phases_come_and_go() {
        for (name, command, last_without, first_with) in [
            ("kubeconfig/super-admin", Init, 28, 29),
            ("kubelet-finalize", Init, 16, 17),
            ("show-join-command", Init, 21, 22),
            ("wait-control-plane", Join, 29, 30),
            ("etcd-join", Join, 30, 31),
            ("control-plane-join/etcd", Join, 37, 36),
            ("kubelet-finalize/experimental-cert-rotation", Init, 37, 36),
        ] {
            assert_eq!(
                verdict(name, &[command], &format!("1.{last_without}.0")),
                Some(true),
                "{name}"
            );
            assert_eq!(
                verdict(name, &[command], &format!("1.{first_with}.0")),
                None,
                "{name}"
            );
        }
    }

    #[test]
    fn a_phase_belongs_to_a_command() {
        assert_eq!(verdict("addon/kube-proxy", &[Init], "1.37.2"), None);
        assert_eq!(verdict("addon/kube-proxy", &[Join], "1.37.2"), Some(true));
        assert_eq!(verdict("addon/kube-proxy", &[Init, Join], "1.37.2"), None);
        assert_eq!(verdict("no-such-phase", &[Init, Join], "1.38.0"), Some(false));
        assert_eq!(verdict("no-such-phase", &[Join], "unknown"), Some(true));
    }

    #[test]
    fn each_command_skips_what_it_has() {
        let phases = [
            "addon/kube-proxy",
            "kubelet-start",
            "control-plane-join/mark-control-plane",
            "new",
        ]
        .map(str::to_owned);
        assert_eq!(
            Init.skipped(&phases, 37),
            ["addon/kube-proxy", "kubelet-start", "new"]
        );
        assert_eq!(
            Join.skipped(&phases, 37),
            ["kubelet-start", "control-plane-join/mark-control-plane", "new"]
        );
    }

    #[test]
    fn checks_are_known_by_name_or_by_what_it_begins_with() {
        let verdict = |name: &str| check_ignored(name, &[name]).map(|finding| finding.is_error);
        for name in [
            "swap",
            "Port-6443",
            "DirAvailable--var-lib-etcd",
            "FileExisting-tc",
            "ALL",
        ] {
            assert_eq!(verdict(name), None, "{name}");
        }
        for name in ["NoSuchCheck", "Port-", "no such check", ""] {
            assert_eq!(verdict(name), Some(false), "{name}");
        }
        assert_eq!(
            check_ignored("all", &["all", "Swap"]).map(|finding| finding.is_error),
            Some(true)
        );
    }
}
