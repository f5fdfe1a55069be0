//! What a host is and has, from one round trip.
use std::{collections::BTreeSet, net::IpAddr};

use semver::Version;

use super::{
    Answers, Interface, MARKER, Machine, Network, Query,
    facts_text::{parse_listening, parse_os_name, parse_version},
    interface::{parse_default_interface, parse_interfaces},
    machine::{self, boot_section},
    query::SLOW_SECONDS,
    runtime::{self, Runtimes},
    setup::{self, Setup},
    user::{User, parse_user},
};
use crate::command::quote;

/// What was seen on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that was seen")]
pub struct Facts {
    /// The kernel's host name, as it is.
    pub hostname: String,
    /// `/etc/machine-id`; empty when there is none.
    pub machine_id: String,
    /// The boot and the namespaces, as [`Machine::boot`] has them.
    pub boot: String,
    /// The user id that scripts run with; 0 is root.
    pub effective_uid: Option<u32>,
    /// What the machine still does to itself.
    pub setup: Setup,
    /// Folders of the system that nothing can be written to.
    pub read_only: Vec<String>,
    /// etcd's folder.
    pub etcd: EtcdFolder,
    /// `PRETTY_NAME` of os-release.
    pub os_name: String,
    /// As `uname -m` says, for example `x86_64`.
    pub architecture: String,
    /// Processors that are online.
    pub cpus: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Whether any swap is on.
    pub swap: bool,
    /// 1 or 2.
    pub cgroup_version: u8,
    /// Whether systemd is the init process.
    pub systemd: bool,
    /// Whether the kernel forwards IPv4.
    pub ip_forward: bool,
    /// All interfaces that have an address, loopback too.
    pub interfaces: Vec<Interface>,
    /// The interface of the default route, IPv4 first.
    pub default_interface: Option<String>,
    /// The version of the installed kubeadm.
    pub kubeadm_version: Option<Version>,
    /// The version of the installed kubelet.
    pub kubelet_version: Option<Version>,
    /// Whether systemd knows `kubelet.service`.
    pub kubelet_unit: bool,
    /// Which of [`PROGRAMS`] are there.
    pub programs: BTreeSet<String>,
    /// Container runtimes.
    pub runtimes: Runtimes,
    /// TCP ports that something listens on.
    pub listening: BTreeSet<u16>,
    /// The host's clock in Unix seconds.
    pub clock: i64,
    /// Whom the SSH user is, before `sudo`; none if that is not known, or not in time.
    pub user: Option<User>,
    /// What of Kubernetes is there.
    pub kubernetes: KubernetesFiles,
}

/// The folder that etcd's data will lie in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EtcdFolder {
    /// Its path.
    pub path: String,
    /// Names in it, the first 20; none if it is not there.
    pub names: Vec<String>,
}

/// What of Kubernetes lies on a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each says that one file exists")]
pub struct KubernetesFiles {
    /// `/etc/kubernetes/admin.conf`
    pub admin_conf: bool,
    /// `/etc/kubernetes/kubelet.conf`
    pub kubelet_conf: bool,
    /// `/etc/kubernetes/manifests/etcd.yaml`
    pub etcd_manifest: bool,
    /// `/etc/kubernetes/manifests/kube-apiserver.yaml`
    pub api_server_manifest: bool,
    /// `/etc/kubernetes/pki/ca.crt`
    pub ca_certificate: bool,
    /// The PEM text of `/etc/kubernetes/pki/ca.crt`.
    pub ca_pem: Option<String>,
    /// `member` in etcd's folder.
    pub etcd_data: bool,
    /// The text of [`MARKER`](super::MARKER).
    pub marker: Option<String>,
}

impl KubernetesFiles {
    /// Whether anything of a cluster is there.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An answer without which nothing can be said of a host.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the host gave no usable answer to `{key}`")]
pub struct FactsError {
    /// The section's key.
    pub key: &'static str,
}

/// Programs that are looked for.
pub const PROGRAMS: &[&str] = &[
    "kubeadm",
    "kubelet",
    "kubectl",
    "curl",
    "mount",
    "losetup",
    "cp",
    "ip",
    "iptables",
    "nft",
    "nsenter",
    "conntrack",
    "ethtool",
    "socat",
    "tc",
    "touch",
    "crictl",
    "ctr",
    "ping",
    "arping",
    "systemctl",
    "systemd-run",
    "flock",
    "openssl",
    "ipvsadm",
    "haproxy",
    "keepalived",
];

const ADMIN_CONF: &str = "/etc/kubernetes/admin.conf";
const KUBELET_CONF: &str = "/etc/kubernetes/kubelet.conf";
const ETCD_MANIFEST: &str = "/etc/kubernetes/manifests/etcd.yaml";
const API_SERVER_MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";
const CA_CERTIFICATE: &str = "/etc/kubernetes/pki/ca.crt";
/// What etcd makes in its folder.
pub(super) const ETCD_MEMBER: &str = "member";
/// etcd's folder unless told.
pub const ETCD_FOLDER: &str = "/var/lib/etcd";

/// Adds the questions that [`Facts::parse`] needs; `etcd` is the folder for etcd's data.
pub fn sections(query: Query, etcd: &str) -> Query {
    let programs = PROGRAMS.join(" ");
    let files = [
        ADMIN_CONF,
        KUBELET_CONF,
        ETCD_MANIFEST,
        API_SERVER_MANIFEST,
        CA_CERTIFICATE,
    ]
    .join(" ");
    let query = Network::sections(setup::sections(runtime::sections(boot_section(query))));
    let etcd = quote(etcd);
    query
        .section("hostname", "uname -n")
        .section(
            "rights",
            "id -u; for d in /etc /var/lib /run; do [ -w $d ] || echo $d; done; :",
        )
        .section(
            "etcd",
            format!("echo {etcd}; ls -A {etcd} 2>/dev/null | head -n 20; :"),
        )
        .section("machine_id", "cat /etc/machine-id")
        .section("os_release", "cat /etc/os-release")
        .section("architecture", "uname -m")
        .section("cpus", "nproc || grep -c ^processor /proc/cpuinfo")
        .section("memory", "grep MemTotal: /proc/meminfo")
        .section("swaps", "cat /proc/swaps")
        .section("cgroup", "stat -fc %T /sys/fs/cgroup")
        .section("systemd", "test -d /run/systemd/system")
        .section("ip_forward", "cat /proc/sys/net/ipv4/ip_forward")
        .section_within("kubeadm", "kubeadm version -o short", SLOW_SECONDS)
        .section_within("kubelet", "kubelet --version", SLOW_SECONDS)
        .section_within("kubelet_unit", "systemctl cat kubelet.service", SLOW_SECONDS)
        .section(
            "programs",
            format!("for p in {programs}; do command -v $p >/dev/null && echo $p; done; :"),
        )
        .section("tcp", "cat /proc/net/tcp /proc/net/tcp6; :")
        .section("clock", "date +%s")
        // A directory server may be slow to answer, see nsswitch.conf(5).
        .section_within(
            "user",
            "u=${SUDO_USER:-$(id -un)}; getent passwd \"$u\" || grep \"^$u:\" /etc/passwd",
            SLOW_SECONDS,
        )
        .section(
            "files",
            format!("for f in {files}; do [ -e $f ] && echo $f; done; :"),
        )
        .section("ca", format!("cat {CA_CERTIFICATE}"))
        .section("marker", format!("cat {MARKER}"))
}

impl Facts {
    /// Reads the answers to [`sections`]. What a host may lack is simply not there; an error means that the
    /// answers are not those of a Linux host.
    pub fn parse(answers: &Answers) -> Result<Self, FactsError> {
        let text = |key: &str| answers.text(key).unwrap_or_default();
        let word = |key: &'static str| match text(key).trim() {
            "" => Err(FactsError { key }),
            word => Ok(word.to_owned()),
        };
        let number = |key: &'static str| word(key)?.parse::<i64>().map_err(|_| FactsError { key });
        let lines = |key: &str| text(key).lines().map(str::to_owned);
        let machine = Machine::parse(answers);
        let memory_kib = text("memory")
            .split_whitespace()
            .nth(1)
            .and_then(|kib| kib.parse::<u64>().ok());
        Ok(Self {
            hostname: word("hostname")?,
            machine_id: machine.id,
            boot: machine.boot,
            effective_uid: lines("rights").next().and_then(|uid| uid.trim().parse().ok()),
            setup: Setup::parse(answers),
            read_only: lines("rights").skip(1).collect(),
            etcd: EtcdFolder {
                path: lines("etcd").next().unwrap_or_default(),
                names: lines("etcd").skip(1).collect(),
            },
            os_name: parse_os_name(text("os_release")),
            architecture: word("architecture")?,
            cpus: u32::try_from(number("cpus")?).map_err(|_| FactsError { key: "cpus" })?,
            memory_mib: memory_kib.ok_or(FactsError { key: "memory" })? / 1024,
            swap: text("swaps").lines().count() > 1,
            cgroup_version: if text("cgroup").trim() == "cgroup2fs" {
                2
            } else {
                1
            },
            systemd: answers.is_yes("systemd"),
            ip_forward: text("ip_forward").trim() == "1",
            interfaces: parse_interfaces(text("addresses")),
            default_interface: parse_default_interface(text("routes")),
            kubeadm_version: parse_version(text("kubeadm")),
            kubelet_version: parse_version(text("kubelet")),
            kubelet_unit: answers.is_yes("kubelet_unit"),
            programs: lines("programs").collect(),
            runtimes: Runtimes::parse(answers),
            listening: parse_listening(text("tcp")),
            clock: number("clock")?,
            user: parse_user(text("user")),
            kubernetes: parse_kubernetes(answers),
        })
    }

    /// Which machine it is.
    pub fn machine(&self) -> Machine {
        Machine {
            id: self.machine_id.clone(),
            boot: self.boot.clone(),
            addresses: machine::global_addresses(&self.interfaces),
        }
    }

    /// All addresses of the host's interfaces.
    pub fn addresses(&self) -> Vec<IpAddr> {
        let all = self.interfaces.iter().flat_map(|interface| &interface.addresses);
        all.map(ipnet::IpNet::addr).collect()
    }

    /// Whether the host has the address.
    pub fn has_address(&self, address: IpAddr) -> bool {
        self.interfaces
            .iter()
            .flat_map(|interface| &interface.addresses)
            .any(|net| net.addr() == address)
    }

    /// Its interfaces and the default route.
    pub fn network(&self) -> Network {
        Network {
            interfaces: self.interfaces.clone(),
            default_interface: self.default_interface.clone(),
        }
    }

    /// Whether a program of [`PROGRAMS`] is there.
    pub fn has_program(&self, name: &str) -> bool {
        self.programs.contains(name)
    }
}

fn parse_kubernetes(answers: &Answers) -> KubernetesFiles {
    let has = |path: &str| {
        answers
            .text("files")
            .is_some_and(|paths| paths.lines().any(|line| line == path))
    };
    KubernetesFiles {
        admin_conf: has(ADMIN_CONF),
        kubelet_conf: has(KUBELET_CONF),
        etcd_manifest: has(ETCD_MANIFEST),
        api_server_manifest: has(API_SERVER_MANIFEST),
        ca_certificate: has(CA_CERTIFICATE),
        ca_pem: answers.text("ca").map(str::to_owned),
        etcd_data: answers
            .text("etcd")
            .is_some_and(|names| names.lines().skip(1).any(|name| name == ETCD_MEMBER)),
        marker: answers.text("marker").map(str::to_owned),
    }
}

#[cfg(test)]
impl Facts {
    /// A host on which everything is right.
    pub(crate) fn example() -> Self {
        let interface = |name: &str, net: &str| Interface {
            name: name.to_owned(),
            addresses: vec![net.parse().unwrap()],
        };
        Self {
            hostname: "m1".to_owned(),
            machine_id: "0123456789abcdef0123456789abcdef".to_owned(),
            boot: "c0ffee net:[4026531840]".to_owned(),
            effective_uid: Some(0),
            setup: Setup::default(),
            read_only: Vec::new(),
            etcd: EtcdFolder {
                path: ETCD_FOLDER.to_owned(),
                names: Vec::new(),
            },
            os_name: "Debian GNU/Linux 13 (trixie)".to_owned(),
            architecture: "x86_64".to_owned(),
            cpus: 4,
            memory_mib: 8192,
            swap: false,
            cgroup_version: 2,
            systemd: true,
            ip_forward: true,
            interfaces: vec![interface("lo", "127.0.0.1/8"), interface("eth0", "10.0.0.11/24")],
            default_interface: Some("eth0".to_owned()),
            kubeadm_version: Some(Version::new(1, 37, 2)),
            kubelet_version: Some(Version::new(1, 37, 2)),
            kubelet_unit: true,
            programs: PROGRAMS.iter().map(|name| (*name).to_owned()).collect(),
            runtimes: Runtimes {
                listening: Some(["/run/containerd/containerd.sock".to_owned()].into()),
                ..Runtimes::default()
            },
            listening: [22].into(),
            clock: 1_800_000_000,
            user: None,
            kubernetes: KubernetesFiles::default(),
        }
    }
}

#[cfg(test)]
mod tests;
