//! What goes wrong in a round: how it strikes, and how it is healed without typing anything on a host's cluster.
use std::fmt;
use std::time::Duration;

use acceptance::hosts::Hosts;
use acceptance::lab::address::NodeName;
use acceptance::lab::{network, node, operations, program, wait};
use acceptance::terraform::Running;
use anyhow::Result;
use fastrand::Rng;
use rustix::process::Signal;

use super::operation::{any, pick};

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// SIGKILL of Terraform.
    KillTerraform,
    /// Ctrl-C, as often.
    Interrupt {
        times: u8,
    },
    /// SIGKILL of the provider.
    KillProvider,
    /// The same command at the same moment from a folder with a copy of the state.
    TwoApplies,
    /// Something happens to a host, for a while.
    Host {
        name: NodeName,
        trouble: Trouble,
        lasts: Duration,
    },
}

/// What happens to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Power cut, and started again.
    NoPower,
    /// Cable out.
    NoLink,
    /// A slow link that loses packets.
    BadLink,
    /// No space where the provider and kubeadm write.
    FullDisk,
    /// sshd and all its sessions end.
    NoSshd,
    /// The kubelet is stopped.
    NoKubelet,
    /// containerd is restarted.
    ContainerdRestart,
}

/// Small file systems take the place of these folders, with the same files and no space left: the nodes share the
/// machine's disk, which nobody may fill. Folders that are absent stay absent.
const FILL: &str = r#"
set -e
for folder in /etc/kubernetes /var/lib/terraform-provider-ha; do
    [ -d "$folder" ] || continue
    copy=$(mktemp -d -p /run)
    cp -a "$folder/." "$copy"
    mount -t tmpfs -o size=2m,mode=0755 chaos-full "$folder"
    cp -a "$copy/." "$folder"
    rm -rf "$copy"
    dd if=/dev/zero of="$folder/.chaos-full" bs=1k status=none 2>/dev/null || true
done
"#;
/// What was written or removed meanwhile stays so.
const EMPTY: &str = r#"
set -e
for folder in $(sed -n 's/^chaos-full \([^ ]*\) .*/\1/p' /proc/mounts); do
    rm -f "$folder/.chaos-full"
    copy=$(mktemp -d -p /run)
    cp -a "$folder/." "$copy"
    umount -l "$folder"
    find "$folder" -mindepth 1 -delete
    cp -a "$copy/." "$folder"
    rm -rf "$copy"
done
"#;
const LOSE_PACKETS: &str = "PREROUTING -i eth0 -m statistic --mode random --probability 0.04 -j DROP";

impl Fault {
    /// Any, with a host out of `hosts`, in half of the cases one of those that the operation is about.
    pub(crate) fn random(rng: &mut Rng, targets: &[NodeName], hosts: &[NodeName]) -> Self {
        let kinds = [(1, 0), (2, 1), (2, 2), (2, 3), (2, 4), (2, 5), (9, 6)];
        match *pick(rng, &kinds) {
            0 => Self::None,
            1 => Self::KillTerraform,
            2 => Self::Interrupt { times: 1 },
            3 => Self::Interrupt { times: 2 },
            4 => Self::KillProvider,
            5 => Self::TwoApplies,
            _ => {
                let is_target = rng.bool();
                let name = any(rng, if is_target { targets } else { hosts });
                let troubles = [
                    (2, Trouble::NoPower),
                    (2, Trouble::NoLink),
                    (1, Trouble::BadLink),
                    (1, Trouble::FullDisk),
                    (1, Trouble::NoSshd),
                    (1, Trouble::NoKubelet),
                    (1, Trouble::ContainerdRestart),
                ];
                let trouble = *pick(rng, &troubles);
                let lasts = Duration::from_secs(match trouble {
                    Trouble::BadLink => rng.u64(20..60),
                    Trouble::ContainerdRestart => 0,
                    _ => rng.u64(2..30),
                });
                Self::Host { name, trouble, lasts }
            }
        }
    }

    /// The host whose etcd member may die of it.
    pub(crate) fn endangers(&self) -> Option<NodeName> {
        match self {
            Self::Host {
                name,
                trouble: Trouble::NoPower | Trouble::NoLink | Trouble::BadLink | Trouble::FullDisk,
                ..
            } => Some(*name),
            _ => None,
        }
    }

    /// How long it lasts; none if it is over at once.
    pub(crate) fn lasts(&self) -> Option<Duration> {
        match self {
            Self::Host { lasts, .. } if !lasts.is_zero() => Some(*lasts),
            _ => None,
        }
    }

    /// Lets it happen. Two applies are the round's own work.
    pub(crate) fn strike(&self, hosts: &Hosts, terraform: &mut Running) -> Result<()> {
        match self {
            Self::None | Self::TwoApplies => Ok(()),
            Self::KillTerraform => terraform.signal(Signal::KILL),
            Self::Interrupt { times } => {
                terraform.signal(Signal::INT)?;
                if *times > 1 {
                    // Terraform must have taken notice of the first, or it sees one.
                    wait::wait_until(BETWEEN_INTERRUPTS, || false);
                    terraform.signal(Signal::INT)?;
                }
                Ok(())
            }
            Self::KillProvider => terraform.kill_provider(),
            Self::Host { name, trouble, .. } => trouble.strike(hosts, *name),
        }
    }

    /// Takes it away.
    pub(crate) fn heal(&self, hosts: &Hosts) -> Result<()> {
        match self {
            Self::Host { name, trouble, .. } => trouble.heal(hosts, *name),
            _ => Ok(()),
        }
    }
}

const BETWEEN_INTERRUPTS: Duration = Duration::from_millis(500);

impl Trouble {
    fn strike(self, hosts: &Hosts, name: NodeName) -> Result<()> {
        match self {
            Self::NoPower => operations::kill(&hosts.cache, name),
            Self::NoLink => operations::cable(&hosts.cache, name, false),
            Self::BadLink => {
                network::set_slow(name, true)?;
                console(name, &format!("iptables -w -t raw -A {LOSE_PACKETS}"))
            }
            Self::FullDisk => console(name, FILL),
            Self::NoSshd => console(name, "systemctl stop ssh.service; pkill -x sshd || true"),
            Self::NoKubelet => console(name, "systemctl stop kubelet.service"),
            Self::ContainerdRestart => console(name, "systemctl restart containerd.service"),
        }
    }

    fn heal(self, hosts: &Hosts, name: NodeName) -> Result<()> {
        match self {
            Self::NoPower => operations::start(&hosts.cache, name),
            Self::NoLink => operations::cable(&hosts.cache, name, true),
            Self::BadLink => {
                network::set_slow(name, false)?;
                console(name, &format!("iptables -w -t raw -D {LOSE_PACKETS}"))
            }
            Self::FullDisk => console(name, EMPTY),
            Self::NoSshd => console(name, "systemctl start ssh.service"),
            Self::NoKubelet => console(name, "systemctl start kubelet.service"),
            Self::ContainerdRestart => Ok(()),
        }
    }
}

fn console(name: NodeName, script: &str) -> Result<()> {
    program::run_with_input(&mut node::console(name)?, script).map(drop)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::KillTerraform => f.write_str("kill terraform"),
            Self::Interrupt { times: 1 } => f.write_str("SIGINT"),
            Self::Interrupt { times } => write!(f, "SIGINT × {times}"),
            Self::KillProvider => f.write_str("kill provider"),
            Self::TwoApplies => f.write_str("two applies"),
            Self::Host { name, trouble, lasts } => {
                let what = match trouble {
                    Trouble::NoPower => "power off",
                    Trouble::NoLink => "link cut",
                    Trouble::BadLink => "bad link",
                    Trouble::FullDisk => "disk full",
                    Trouble::NoSshd => "sshd off",
                    Trouble::NoKubelet => "kubelet off",
                    Trouble::ContainerdRestart => return write!(f, "{name} containerd restart"),
                };
                write!(f, "{name} {what} {} s", lasts.as_secs())
            }
        }
    }
}
