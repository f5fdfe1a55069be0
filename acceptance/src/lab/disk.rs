//! A node's disk: the layer above the shared root file system, with what makes a node itself and ready for kubeadm.
use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::address::{BRIDGE_ADDRESS, NodeName};
use super::cache::{self, Cache};
use super::digest::hex;
use super::program;
use super::recipe::{Kubernetes, NODE_PROGRAMS};
use super::store::Store;

/// The user beside root, as cloud images have one: passwordless sudo, the same key.
pub const USER: &str = "ops";
const USER_ID: u32 = 1000;

/// A file of a node, by its absolute path.
#[derive(Debug, PartialEq, Eq)]
struct NodeFile {
    path: &'static str,
    mode: u32,
    text: String,
}

/// What new disks are made from.
#[derive(Debug)]
pub struct Template<'a> {
    /// Where disks lie.
    pub cache: &'a Cache,
    /// The shared root file system.
    pub base: &'a Path,
    /// The release whose programs go into /usr/bin.
    pub kubernetes: &'a Kubernetes,
    /// The imported images.
    pub store: &'a Store,
}

impl Template<'_> {
    /// Makes a node's disk unless it has one.
    pub fn make(&self, name: NodeName) -> Result<()> {
        self.cache
            .folder(&format!("nodes/{name}"), |folder| self.fill(name, folder))
            .map(drop)
    }

    fn fill(&self, name: NodeName, folder: &Path) -> Result<()> {
        for part in ["upper", "work", "root", "programs/usr/bin"] {
            fs::create_dir_all(folder.join(part))?;
        }
        // A layer of their own below the disk: a node that replaces its kubeadm must not write into the cache.
        for program in NODE_PROGRAMS {
            fs::hard_link(
                self.kubernetes.folder.join(program),
                folder.join("programs/usr/bin").join(program),
            )?;
        }
        let upper = Upper {
            root: folder.join("upper"),
            base: self.base.to_owned(),
        };
        let public_key = fs::read_to_string(self.cache.key().with_extension("pub"))?;
        for file in files(name, &self.store.pause) {
            upper.write(&file)?;
        }
        if self.kubernetes.needs_crictl() {
            let text = include_str!("files/crictl.sh").to_owned();
            upper.write(&NodeFile {
                path: "/usr/bin/crictl",
                mode: 0o755,
                text,
            })?;
        }
        upper.write(&NodeFile {
            path: "/root/.ssh/authorized_keys",
            mode: 0o600,
            text: public_key.clone(),
        })?;
        upper.add_user(&public_key)?;
        upper.enable("multi-user.target", "kubelet.service")?;
        for folder in ["root/.ssh", "home/ops/.ssh"] {
            fs::set_permissions(upper.root.join(folder), fs::Permissions::from_mode(0o700))?;
        }
        if super::cgroup::is_v1() {
            let text = include_str!("files/cgroup-writable.service").to_owned();
            upper.write(&NodeFile {
                path: "/etc/systemd/system/cgroup-writable.service",
                mode: 0o644,
                text,
            })?;
            upper.enable("sysinit.target", "cgroup-writable.service")?;
        }
        upper.write(&NodeFile {
            path: "/etc/machine-id",
            mode: 0o444,
            text: machine_id()?,
        })?;
        let comment = format!("root@{name}");
        for kind in ["ed25519", "ecdsa"] {
            let key = upper.parents(&format!("/etc/ssh/ssh_host_{kind}_key"))?;
            program::run(
                Command::new("ssh-keygen")
                    .args(["-q", "-N", "", "-t", kind, "-C", &comment, "-f"])
                    .arg(key),
            )?;
        }
        self.store.copy_to(&folder.join("containerd"))
    }
}

/// Writes the host keys of these nodes where ssh finds them.
pub fn write_known_hosts(cache: &Cache, names: &[NodeName]) -> Result<()> {
    let mut text = String::new();
    for name in names {
        for kind in ["ed25519", "ecdsa"] {
            let file = cache
                .node(*name)
                .join(format!("upper/etc/ssh/ssh_host_{kind}_key.pub"));
            let key = fs::read_to_string(&file).with_context(|| format!("no host key of {name}"))?;
            writeln!(text, "{},{name} {}", name.address(), key.trim())?;
        }
    }
    fs::write(cache.known_hosts(), text).context("cannot write known_hosts")
}

/// Makes the key pair for root and ops unless it is there.
pub fn make_key(cache: &Cache) -> Result<()> {
    let key = cache.key();
    if key.exists() && key.with_extension("pub").exists() {
        return Ok(());
    }
    cache::remove(&cache.path("key"))?;
    let folder = cache.folder("key", |folder| {
        let mut command = Command::new("ssh-keygen");
        command
            .args(["-q", "-N", "", "-t", "ed25519", "-C", "lab", "-f"])
            .arg(folder.join("id"));
        program::run(&mut command).map(drop)
    })?;
    fs::rename(folder.join("id.pub"), key.with_extension("pub"))?;
    fs::rename(folder.join("id"), key)?;
    cache::remove(&folder)
}

/// The files that need nothing but a name; `pause` is the sandbox's image.
fn files(name: NodeName, pause: &str) -> Vec<NodeFile> {
    let address = name.address();
    let range = name.pod_range();
    let file = |path, text: String| NodeFile {
        path,
        mode: 0o644,
        text,
    };
    vec![
        file("/etc/hostname", format!("{name}\n")),
        file(
            "/etc/hosts",
            format!("127.0.0.1 localhost\n::1 localhost\n{address} {name}\n"),
        ),
        // Nobody answers there, but CoreDNS ends if resolv.conf names no server.
        file("/etc/resolv.conf", format!("nameserver {BRIDGE_ADDRESS}\n")),
        // CAP_SYS_RESOURCE is missing even for root: containers cannot get a lower score than containerd's own.
        file(
            "/etc/containerd/config.toml",
            format!(
                "version = 2\n\n[plugins.\"io.containerd.grpc.v1.cri\"]\nsandbox_image = \"{pause}\"\n\
                 restrict_oom_score_adj = true\n\n[plugins.\"io.containerd.grpc.v1.cri\".cni]\n\
                 bin_dir = \"/usr/lib/cni\"\nconf_dir = \"/etc/cni/net.d\"\n"
            ),
        ),
        file(
            "/etc/cni/net.d/10-lab.conflist",
            format!(
                r#"{{
  "cniVersion": "0.4.0",
  "name": "lab",
  "plugins": [
    {{
      "type": "bridge",
      "bridge": "cni0",
      "isGateway": true,
      "ipMasq": true,
      "ipam": {{"type": "host-local", "ranges": [[{{"subnet": "{range}"}}]], "routes": [{{"dst": "0.0.0.0/0"}}]}}
    }},
    {{"type": "portmap", "capabilities": {{"portMappings": true}}}}
  ]
}}
"#
            ),
        ),
        file(
            "/etc/systemd/system/kubelet.service",
            include_str!("files/kubelet.service").into(),
        ),
        file(
            "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf",
            include_str!("files/10-kubeadm.conf").into(),
        ),
        NodeFile {
            path: "/etc/sudoers.d/ops",
            mode: 0o440,
            text: format!("{USER} ALL=(ALL) NOPASSWD: ALL\n"),
        },
    ]
}

fn machine_id() -> Result<String> {
    let mut bytes = [0; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{}\n", hex(&bytes)))
}

/// The upper directory of a node's overlay. Written directly, so that no overlay need be mounted outside of the node.
struct Upper {
    root: PathBuf,
    base: PathBuf,
}

impl Upper {
    fn write(&self, file: &NodeFile) -> Result<()> {
        let path = self.parents(file.path)?;
        fs::write(&path, &file.text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(fs::set_permissions(&path, fs::Permissions::from_mode(file.mode))?)
    }

    /// Makes the folders above a file, with mode and owner as in the base: an upper directory's count for the whole.
    fn parents(&self, path: &str) -> Result<PathBuf> {
        let relative = Path::new(path.trim_start_matches('/'));
        let mut folders: Vec<&Path> = relative.ancestors().skip(1).collect();
        folders.reverse();
        for folder in folders {
            let below = self.base.join(folder).metadata().ok();
            let mode = below.as_ref().map_or(0o755, |meta| meta.mode() & 0o7777);
            let target = self.root.join(folder);
            if folder.as_os_str().is_empty() || !target.exists() {
                fs::DirBuilder::new().recursive(true).mode(mode).create(&target)?;
                fs::set_permissions(&target, fs::Permissions::from_mode(mode))?;
                if let Some(meta) = below {
                    chown(&target, Some(meta.uid()), Some(meta.gid()))?;
                }
            }
        }
        Ok(self.root.join(relative))
    }

    fn enable(&self, target: &str, unit: &str) -> Result<()> {
        let link = self.parents(&format!("/etc/systemd/system/{target}.wants/{unit}"))?;
        Ok(symlink(format!("/etc/systemd/system/{unit}"), link)?)
    }

    /// Adds [`USER`] to the base's accounts.
    fn add_user(&self, public_key: &str) -> Result<()> {
        for (path, line) in [
            (
                "/etc/passwd",
                format!("{USER}:x:{USER_ID}:{USER_ID}::/home/{USER}:/bin/bash\n"),
            ),
            ("/etc/group", format!("{USER}:x:{USER_ID}:\n")),
            // No password fits `*`, yet the account is not locked.
            ("/etc/shadow", format!("{USER}:*:20000:0:99999:7:::\n")),
        ] {
            let below = self.base.join(path.trim_start_matches('/'));
            let text = fs::read_to_string(&below).with_context(|| format!("the base has no {path}"))? + &line;
            let meta = below.metadata()?;
            self.write(&NodeFile {
                path,
                mode: meta.mode() & 0o7777,
                text,
            })?;
            chown(
                self.root.join(path.trim_start_matches('/')),
                Some(meta.uid()),
                Some(meta.gid()),
            )?;
        }
        self.write(&NodeFile {
            path: "/home/ops/.ssh/authorized_keys",
            mode: 0o600,
            text: public_key.into(),
        })?;
        for path in ["home/ops", "home/ops/.ssh", "home/ops/.ssh/authorized_keys"] {
            chown(self.root.join(path), Some(USER_ID), Some(USER_ID))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_differ_in_what_must_differ() {
        let texts = |name: &str| -> Vec<String> {
            files(name.parse().unwrap(), "pause:1")
                .into_iter()
                .map(|file| file.text)
                .collect()
        };
        let (first, second) = (texts("m1"), texts("w1"));
        assert!(first[1].contains("10.88.0.11 m1") && second[1].contains("10.88.0.21 w1"));
        assert!(first[3].contains("sandbox_image = \"pause:1\"") && first[3] == second[3]);
        let conflist: serde_json::Value = serde_json::from_str(&first[4]).unwrap();
        assert_eq!(
            conflist["plugins"][0]["ipam"]["ranges"][0][0]["subnet"],
            "10.253.11.0/24"
        );
        assert_ne!(machine_id().unwrap(), machine_id().unwrap());
    }

    #[test]
    fn folders_above_a_file_look_as_in_the_base() {
        let place = tempfile::tempdir().unwrap();
        let upper = Upper {
            root: place.path().join("upper"),
            base: place.path().join("base"),
        };
        fs::create_dir_all(upper.base.join("root")).unwrap();
        fs::set_permissions(upper.base.join("root"), fs::Permissions::from_mode(0o700)).unwrap();
        upper
            .write(&NodeFile {
                path: "/root/.ssh/authorized_keys",
                mode: 0o600,
                text: "key".into(),
            })
            .unwrap();
        let mode = |path: &str| upper.root.join(path).metadata().unwrap().mode() & 0o7777;
        assert_eq!(
            [mode("root"), mode("root/.ssh"), mode("root/.ssh/authorized_keys")],
            [0o700, 0o755, 0o600]
        );
    }

    #[test]
    fn the_kubeadm_drop_in_keeps_the_contract() {
        let drop_in = include_str!("files/10-kubeadm.conf");
        for word in [
            "/var/lib/kubelet/kubeadm-flags.env",
            "$KUBELET_KUBEADM_ARGS",
            "$KUBELET_EXTRA_ARGS",
        ] {
            assert!(drop_in.contains(word), "{word}");
        }
    }
}
