//! What the machine must have: installed where Debian's packages can do it, else one clear error.
use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use rustix::fs::statfs;

use super::cache::Cache;
use super::{program, progress};

/// Programs that the lab starts, with the Debian package of each.
const PROGRAMS: [(&str, &str); 9] = [
    ("apt-get", "apt"),
    ("cc", "gcc libc6-dev"),
    ("debootstrap", "debootstrap"),
    ("ip", "iproute2"),
    ("setpriv", "util-linux"),
    ("ssh", "openssh-client"),
    ("ssh-keygen", "openssh-client"),
    ("systemd-nspawn", "systemd-container"),
    ("unshare", "util-linux"),
];
/// Free space that builds, images and four nodes need; and what nodes need when all is built.
const COLD_BYTES: u64 = 8 << 30;
const WARM_BYTES: u64 = 2 << 30;
/// Magic numbers of statfs(2) whose file systems cannot hold an overlay's upper directory with device files and links.
const OVERLAYFS: u64 = 0x794c_7630;
/// Four nodes with a kubelet, containerd and systemd each need more than the kernel's default of 128.
const INOTIFY_INSTANCES: (&str, u32) = ("/proc/sys/fs/inotify/max_user_instances", 1024);

/// The lab changes namespaces, mounts and cgroups: only root on Linux can.
pub fn root_on_linux() -> Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("the lab needs Linux: its nodes are containers of this machine's kernel");
    }
    if !rustix::process::geteuid().is_root() {
        bail!("the lab needs root (namespaces, mounts, cgroups): run it with sudo");
    }
    Ok(())
}

/// Installs missing programs; checks the disk under the cache (`warm`: all is built already); raises inotify's limit.
pub fn meet(cache: &Cache, warm: bool) -> Result<()> {
    disk(&cache.path("."), if warm { WARM_BYTES } else { COLD_BYTES })?;
    let missing: Vec<&str> = PROGRAMS
        .iter()
        .filter(|(name, _)| !is_installed(name))
        .flat_map(|(_, packages)| packages.split(' '))
        .collect();
    if !missing.is_empty() {
        install(&cache.log("apt")?, &missing)?;
    }
    let (path, wanted) = INOTIFY_INSTANCES;
    let have: u32 = std::fs::read_to_string(path)
        .context("cannot read inotify's limit")?
        .trim()
        .parse()?;
    if have < wanted {
        std::fs::write(path, wanted.to_string()).context("cannot raise inotify's limit")?;
    }
    Ok(())
}

/// Go is not installed by the lab: Debian's is too old for current Kubernetes.
pub fn go() -> Result<()> {
    if is_installed("go") {
        return Ok(());
    }
    bail!(
        "Go is not in PATH: install it from https://go.dev/dl (Kubernetes 1.37 needs 1.26) or give --binaries"
    )
}

fn install(log: &Path, packages: &[&str]) -> Result<()> {
    if !is_installed("apt-get") {
        bail!(
            "this machine lacks {} and has no apt-get to install them with",
            packages.join(", ")
        );
    }
    progress::step(&format!("installing {}", packages.join(" ")), || {
        program::run_long("apt-get update", log, Command::new("apt-get").arg("update"))?;
        let mut command = Command::new("apt-get");
        command
            .args(["install", "--yes", "--no-install-recommends"])
            .args(packages);
        program::run_long(
            "apt-get install",
            log,
            command.env("DEBIAN_FRONTEND", "noninteractive"),
        )
    })
}

fn disk(folder: &Path, wanted_bytes: u64) -> Result<()> {
    let stat = statfs(folder).with_context(|| format!("cannot look at {}", folder.display()))?;
    let magic = u64::try_from(stat.f_type).unwrap_or_default();
    if magic == OVERLAYFS {
        let folder = folder.display();
        bail!(
            "{folder} is on overlayfs, which cannot carry the nodes' disks: set HA_LAB_CACHE to a folder on ext4 or xfs"
        );
    }
    let free_bytes = stat
        .f_bavail
        .saturating_mul(u64::try_from(stat.f_bsize).unwrap_or_default());
    if free_bytes < wanted_bytes {
        let (free, wanted) = (free_bytes >> 20, wanted_bytes >> 20);
        bail!(
            "too little disk: the lab needs {wanted} MiB in {}, {free} MiB are free",
            folder.display()
        );
    }
    Ok(())
}

fn is_installed(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_disk_is_told_in_numbers() {
        let place = tempfile::tempdir().unwrap();
        assert!(disk(place.path(), 1).is_ok());
        let text = disk(place.path(), u64::MAX).unwrap_err().to_string();
        assert!(
            text.starts_with("too little disk") && text.contains("MiB are free"),
            "{text}"
        );
    }

    #[test]
    fn programs_are_looked_for_in_path() {
        assert!(is_installed("sh"));
        assert!(!is_installed("no-such-program-anywhere"));
    }
}
