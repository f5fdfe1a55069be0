//! What a lab is made of: a Kubernetes release, the etcd, `CoreDNS` and pause that its kubeadm wants, and where each lies.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::cache::Cache;
use super::digest::{self, fingerprint};
use super::go_build::GoBuild;
use super::images::{IMAGE_PROGRAMS, ImageFiles, ImageTags};
use super::{program, progress};

/// What `lab up` makes without `--kubernetes`.
pub const DEFAULT_KUBERNETES: &str = "1.37.2";
/// Programs that a node has in /usr/bin.
pub const NODE_PROGRAMS: [&str; 3] = ["kubeadm", "kubelet", "kubectl"];
/// In a user's own folder of programs: taken if there, else built as for any other release.
const OPTIONAL_PROGRAMS: [&str; 3] = ["etcd", "etcdctl", "coredns"];
const PAUSE_SOURCE: &str = include_str!("files/pause.c");

/// A Kubernetes release and the folder with its programs.
#[derive(Clone, Debug)]
pub struct Kubernetes {
    /// Without `v`, e.g. `1.37.2`.
    pub version: String,
    /// Names the folder; differs from the version for a user's own programs.
    pub key: String,
    /// Holds [`NODE_PROGRAMS`] and [`IMAGE_PROGRAMS`].
    pub folder: PathBuf,
}

impl Kubernetes {
    /// A published release, built if the cache has it not.
    pub fn release(cache: &Cache, version: &str) -> Result<Self> {
        let build = kubernetes_build(version)?;
        let title = format!("kubernetes {version}");
        let folder = cache.folder(&format!("kubernetes/{version}"), |folder| {
            build.run(cache, &title, folder)
        })?;
        let kubernetes = Self {
            version: version.into(),
            key: version.into(),
            folder,
        };
        kubernetes.check()?;
        Ok(kubernetes)
    }

    /// A user's own programs; they are copied, so that the user may go on building.
    pub fn own(cache: &Cache, binaries: &Path) -> Result<Self> {
        let binaries = binaries
            .canonicalize()
            .with_context(|| format!("no folder {}", binaries.display()))?;
        let own = Self {
            version: String::new(),
            key: String::new(),
            folder: binaries.clone(),
        };
        own.check()?;
        let version = program::run(Command::new(binaries.join("kubeadm")).args(["version", "-o", "short"]))?;
        let version = version.trim().trim_start_matches('v').to_owned();
        let names: Vec<&str> = NODE_PROGRAMS
            .into_iter()
            .chain(IMAGE_PROGRAMS)
            .chain(OPTIONAL_PROGRAMS)
            .collect();
        let names: Vec<&str> = names
            .into_iter()
            .filter(|name| binaries.join(name).is_file())
            .collect();
        let mut sums = Vec::new();
        for name in &names {
            sums.push(format!("{name} {}", digest::of_file(&binaries.join(name))?));
        }
        let key = format!("{version}-{}", fingerprint(&sums));
        let folder = cache.folder(&format!("kubernetes/{key}"), |folder| {
            for name in &names {
                fs::copy(binaries.join(name), folder.join(name))
                    .with_context(|| format!("cannot copy {name}"))?;
            }
            Ok(())
        })?;
        Ok(Self { version, key, folder })
    }

    /// One that an earlier run has made.
    pub fn cached(cache: &Cache, version: &str, key: &str) -> Result<Self> {
        let folder = cache.path("kubernetes").join(key);
        let kubernetes = Self {
            version: version.into(),
            key: key.into(),
            folder,
        };
        kubernetes.check()?;
        Ok(kubernetes)
    }

    /// Whether its kubeadm calls crictl.
    pub fn needs_crictl(&self) -> bool {
        minor(&self.version).is_some_and(|minor| minor < 32)
    }

    /// The images that its kubeadm wants.
    pub fn image_tags(&self) -> Result<ImageTags> {
        let mut kubeadm = Command::new(self.folder.join("kubeadm"));
        let version = format!("v{}", self.version);
        ImageTags::parse(&program::run(kubeadm.args([
            "config",
            "images",
            "list",
            "--kubernetes-version",
            &version,
        ]))?)
    }

    /// The programs for the images, built if the cache has them not.
    pub fn image_files(&self, cache: &Cache, tags: &ImageTags) -> Result<ImageFiles> {
        let own = |name: &str| Some(self.folder.join(name)).filter(|file| file.is_file());
        let (etcd, etcdctl) = match (own("etcd"), own("etcdctl")) {
            (Some(etcd), Some(etcdctl)) => (etcd, etcdctl),
            _ => etcd(cache, tags.etcd_version())?,
        };
        let coredns = own("coredns").map_or_else(|| coredns(cache, tags.coredns_version()), Ok)?;
        Ok(ImageFiles {
            kubernetes: self.folder.clone(),
            etcd,
            etcdctl,
            coredns,
            pause: pause(cache)?,
        })
    }

    fn check(&self) -> Result<()> {
        let all = NODE_PROGRAMS.iter().chain(&IMAGE_PROGRAMS);
        let missing: Vec<&str> = all
            .filter(|name| !self.folder.join(name).is_file())
            .copied()
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        bail!("{} lacks {}", self.folder.display(), missing.join(", "))
    }
}

fn minor(version: &str) -> Option<u32> {
    version.strip_prefix("1.")?.split('.').next()?.parse().ok()
}

/// How to build a release. Which modules are complete was tried out: of the older ones only 1.30.4 is, and newer Go
/// than its own makes its URL checks fail.
fn kubernetes_build(version: &str) -> Result<GoBuild> {
    let numbers: Vec<Option<u32>> = version.split('.').map(|number| number.parse().ok()).collect();
    let toolchain = match *numbers {
        [Some(1), Some(34..), Some(_)] => None,
        [Some(1), Some(30), Some(4)] => Some("go1.22.12"),
        _ => bail!(
            "kubernetes {version:?} cannot be built from Go modules: 1.30.4 and 1.34.0 or later can; \
                    for others give a folder with its programs by --binaries"
        ),
    };
    let minor = version.strip_prefix("1.").unwrap_or_default();
    let number = minor.split('.').next().unwrap_or_default();
    let package = "k8s.io/component-base/version";
    Ok(GoBuild {
        module: ("k8s.io/kubernetes".into(), format!("v{version}")),
        further_modules: vec![],
        packages: NODE_PROGRAMS
            .iter()
            .chain(&IMAGE_PROGRAMS)
            .map(|name| format!("k8s.io/kubernetes/cmd/{name}"))
            .collect(),
        staging_version: Some(format!("v0.{minor}")),
        linker_flags: format!(
            "-X {package}.gitVersion=v{version} -X {package}.gitMajor=1 -X {package}.gitMinor={number} \
             -X {package}.gitTreeState=clean -X k8s.io/client-go/pkg/version.gitVersion=v{version}"
        ),
        toolchain,
    })
}

fn etcd(cache: &Cache, version: &str) -> Result<(PathBuf, PathBuf)> {
    let (server, client) = ("go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/etcdctl/v3");
    let build = GoBuild {
        module: (server.into(), format!("v{version}")),
        further_modules: vec![(client.into(), format!("v{version}"))],
        packages: vec![server.into(), client.into()],
        staging_version: None,
        linker_flags: String::new(),
        toolchain: None,
    };
    let title = format!("etcd {version}");
    let folder = cache.folder(&format!("etcd/{version}"), |folder| {
        build.run(cache, &title, folder)
    })?;
    // Go names a program after the last part of its package's path.
    Ok((folder.join("server"), folder.join("etcdctl")))
}

fn coredns(cache: &Cache, version: &str) -> Result<PathBuf> {
    let module = "github.com/coredns/coredns";
    let build = GoBuild {
        module: (module.into(), format!("v{version}")),
        further_modules: vec![],
        packages: vec![module.into()],
        staging_version: None,
        linker_flags: String::new(),
        toolchain: None,
    };
    let title = format!("coredns {version}");
    let folder = cache.folder(&format!("coredns/{version}"), |folder| {
        build.run(cache, &title, folder)
    })?;
    Ok(folder.join("coredns"))
}

fn pause(cache: &Cache) -> Result<PathBuf> {
    let folder = cache.folder(&format!("pause/{}", fingerprint([PAUSE_SOURCE])), |folder| {
        progress::line("compiling pause");
        let mut compiler = program::contained("cc");
        compiler
            .args(["-static", "-O2", "-Wall", "-x", "c", "-", "-o"])
            .arg(folder.join("pause"));
        program::run_with_input(&mut compiler, PAUSE_SOURCE).map(drop)
    })?;
    Ok(folder.join("pause"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_name_their_staging_and_toolchain() {
        let new = kubernetes_build("1.37.2").unwrap();
        assert_eq!(new.staging_version.as_deref(), Some("v0.37.2"));
        assert!(new.linker_flags.contains("gitMinor=37 ") && new.toolchain.is_none());
        assert_eq!(new.packages.len(), 7);
        assert_eq!(kubernetes_build("1.30.4").unwrap().toolchain, Some("go1.22.12"));
    }

    #[test]
    fn releases_that_cannot_be_built_are_refused() {
        for version in ["1.29.6", "1.31.14", "1.37", "v1.37.2", "2.0.0", ""] {
            let text = kubernetes_build(version).unwrap_err().to_string();
            assert!(text.contains("--binaries"), "{text}");
        }
    }

    #[test]
    fn old_kubeadm_needs_crictl() {
        let release = |version: &str| Kubernetes {
            version: version.into(),
            key: String::new(),
            folder: PathBuf::new(),
        };
        assert!(release("1.30.4").needs_crictl());
        assert!(!release("1.32.0").needs_crictl());
    }

    #[test]
    fn incomplete_folders_name_what_they_lack() {
        let place = tempfile::tempdir().unwrap();
        let cache = Cache::at(&place.path().join("cache")).unwrap();
        let text = Kubernetes::own(&cache, place.path()).unwrap_err().to_string();
        assert!(text.contains("lacks kubeadm, kubelet"), "{text}");
    }
}
