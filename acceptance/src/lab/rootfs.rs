//! The root file system under every node and image: Debian bookworm, with what a kubeadm host has before kubeadm.
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::cache::{self, Cache};
use super::digest;
use super::{program, progress};

const RELEASE: &str = "bookworm";
const PACKAGES: [&str; 27] = [
    "ca-certificates",
    "conntrack",
    "containerd",
    "containernetworking-plugins",
    "csh",
    "curl",
    "dbus",
    "ethtool",
    "haproxy",
    "iproute2",
    "ipset",
    "iptables",
    "iputils-ping",
    "keepalived",
    "kmod",
    "openssh-client",
    "openssh-server",
    "openssl",
    "procps",
    "psmisc",
    "runc",
    "socat",
    "sudo",
    "systemd",
    "systemd-sysv",
    "tcpdump",
    "zsh",
];
/// Units that are installed but not started: who wants them starts them.
const NOT_ENABLED: [&str; 2] = ["haproxy.service", "keepalived.service"];
/// Units that fail in a container, or only make its boot longer.
const MASKED: [&str; 13] = [
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "console-getty.service",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "getty.target",
    "proc-sys-fs-binfmt_misc.automount",
    "systemd-remount-fs.service",
    "systemd-udev-trigger.service",
    "systemd-udevd-control.socket",
    "systemd-udevd-kernel.socket",
    "systemd-udevd.service",
];

/// Changes whenever the root file system would come out different.
pub fn fingerprint() -> String {
    digest::fingerprint([&[RELEASE], &PACKAGES[..], &NOT_ENABLED, &MASKED].concat())
}

/// Where the root file system of the present recipe lies or will lie.
pub fn folder(cache: &Cache) -> PathBuf {
    cache.path(relative())
}

/// Makes the root file system unless it is there; older recipes' are removed then.
pub fn build(cache: &Cache) -> Result<PathBuf> {
    cache.folder(&relative(), |folder| {
        let log = cache.log("debootstrap")?;
        progress::step(
            &format!("root file system: Debian {RELEASE} by debootstrap"),
            || {
                let mut command = program::contained("debootstrap");
                command
                    .args([
                        "--variant=minbase",
                        &format!("--include={}", PACKAGES.join(",")),
                        RELEASE,
                    ])
                    .arg(folder);
                program::run_long("debootstrap", &log, &mut command)
            },
        )?;
        finish(folder).context("cannot finish the root file system")
    })
}

fn relative() -> String {
    format!("base-{}", fingerprint())
}

/// Takes away what must differ between nodes and what would be in their way.
fn finish(root: &Path) -> Result<()> {
    let units = root.join("etc/systemd/system");
    for unit in NOT_ENABLED {
        remove_if_there(&units.join("multi-user.target.wants").join(unit))?;
    }
    for unit in MASKED {
        remove_if_there(&units.join(unit))?;
        symlink("/dev/null", units.join(unit))?;
    }
    for entry in fs::read_dir(root.join("etc/ssh"))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("ssh_host_") {
            fs::remove_file(entry.path())?;
        }
    }
    remove_if_there(&root.join("etc/machine-id"))?;
    cache::remove(&root.join("var/cache/apt/archives"))?;
    cache::remove(&root.join("var/lib/apt/lists"))
}

fn remove_if_there(file: &Path) -> Result<()> {
    if file.symlink_metadata().is_ok() {
        fs::remove_file(file).with_context(|| format!("cannot remove {}", file.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finishing_leaves_nothing_that_nodes_would_share() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        for folder in ["etc/ssh", "etc/systemd/system/multi-user.target.wants"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        let wants = root.join("etc/systemd/system/multi-user.target.wants");
        symlink(
            "/lib/systemd/system/haproxy.service",
            wants.join("haproxy.service"),
        )
        .unwrap();
        for file in [
            "etc/ssh/ssh_host_rsa_key",
            "etc/ssh/sshd_config",
            "etc/machine-id",
        ] {
            fs::write(root.join(file), "").unwrap();
        }
        finish(root).unwrap();
        assert!(wants.join("haproxy.service").symlink_metadata().is_err());
        assert!(!root.join("etc/ssh/ssh_host_rsa_key").exists() && !root.join("etc/machine-id").exists());
        assert!(root.join("etc/ssh/sshd_config").exists());
        let masked = fs::read_link(root.join("etc/systemd/system/getty.target")).unwrap();
        assert_eq!(masked, Path::new("/dev/null"));
    }
}
