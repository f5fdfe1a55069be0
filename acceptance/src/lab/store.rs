//! Images ready for use: a /var/lib/containerd into which all are imported once per recipe, and cheap copies of it.
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::cache::{self, Cache};
use super::digest::fingerprint;
use super::images::Image;
use super::{archive, images, program, progress, rootfs};

const IMPORT: &str = include_str!("files/import.sh");
/// Imports have been seen to lose images without an error.
const ATTEMPTS: usize = 3;

/// The images of a recipe.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    /// Their names.
    pub references: Vec<String>,
    /// The pod sandbox's image.
    pub pause: String,
}

impl Store {
    /// Finds out which images belong to a Kubernetes release; builds and imports them if the cache has them not.
    pub fn build(cache: &Cache, kubernetes: &super::recipe::Kubernetes, base: &Path) -> Result<Self> {
        let tags = kubernetes.image_tags()?;
        let files = kubernetes.image_files(cache, &tags)?;
        let images = images::all(&kubernetes.version, &tags, &files);
        let key = Self::key(cache, &kubernetes.key, &images);
        let folder = cache.folder(&format!("images/{key}"), |folder| {
            fill(cache, folder, base, &images)
        })?;
        let references = images.into_iter().map(|image| image.reference).collect();
        Ok(Self {
            folder,
            references,
            pause: tags.pause_reference(),
        })
    }

    /// The docker-archive.
    pub fn archive(&self) -> PathBuf {
        self.folder.join("images.tar")
    }

    /// Makes a node's /var/lib/containerd.
    pub fn copy_to(&self, folder: &Path) -> Result<()> {
        copy(&self.folder.join("containerd"), folder, false).context("cannot copy the imported images")
    }

    /// The files' paths name their versions; where the cache lies says nothing about its contents.
    fn key(cache: &Cache, kubernetes: &str, images: &[Image]) -> String {
        let images = format!("{images:?}").replace(&*cache.path("").to_string_lossy(), "");
        format!(
            "{kubernetes}-{}",
            fingerprint([&*rootfs::fingerprint(), archive::FORMAT, IMPORT, &images])
        )
    }
}

fn fill(cache: &Cache, folder: &Path, base: &Path, images: &[Image]) -> Result<()> {
    let archive = folder.join("images.tar");
    progress::step(
        &format!("writing {} images into one archive", images.len()),
        || archive::write(&archive, base, images).context("cannot write the image archive"),
    )?;
    progress::step("importing the images into containerd", || {
        let (store, scratch) = (folder.join("containerd"), folder.join("scratch"));
        fs::create_dir_all(&store)?;
        let mut missing = Vec::new();
        for _ in 0..ATTEMPTS {
            let present = import(cache, base, &archive, &store, &scratch)?;
            cache::remove(&scratch)?;
            missing = images
                .iter()
                .map(|image| &image.reference)
                .filter(|name| !present.contains(name))
                .collect();
            if missing.is_empty() {
                return Ok(());
            }
            progress::line(&format!(
                "  {} images are missing after the import; once more",
                missing.len()
            ));
        }
        bail!("containerd did not keep {missing:?}, also after {ATTEMPTS} imports")
    })
}

fn import(cache: &Cache, base: &Path, archive: &Path, store: &Path, scratch: &Path) -> Result<Vec<String>> {
    let mut command = program::contained("unshare");
    command
        .args(["--net", "sh", "-c", IMPORT, "import"])
        .args([base, archive, store, scratch]);
    let log = cache.log("import")?;
    program::run_long("import", &log, &mut command)?;
    Ok(fs::read_to_string(log)?
        .lines()
        .map(|line| line.trim().to_owned())
        .collect())
}

/// Copies a containerd root. Content blobs and the files of committed snapshots are hard links: containerd writes a blob
/// under another name and renames it, removes by unlinking, and an overlay copies a lower layer's file up before it
/// changes it; nothing writes to them in place. All else, above all the databases, is copied byte by byte. Four nodes
/// take about a second so, where an import takes 40 (and no file system here has reflinks).
fn copy(from: &Path, to: &Path, links: bool) -> Result<()> {
    let meta = from.metadata()?;
    fs::create_dir(to).with_context(|| format!("cannot make {}", to.display()))?;
    fs::set_permissions(to, fs::Permissions::from_mode(meta.mode()))?;
    chown(to, Some(meta.uid()), Some(meta.gid()))?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target, kind) = (entry.path(), to.join(entry.file_name()), entry.file_type()?);
        if kind.is_dir() {
            copy(
                &source,
                &target,
                links || entry.file_name() == "blobs" || entry.file_name() == "snapshots",
            )?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(&source)?, &target)?;
        } else if links {
            fs::hard_link(&source, &target)?;
        } else {
            fs::copy(&source, &target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_tell_contents_apart_and_not_places() {
        let place = tempfile::tempdir().unwrap();
        let key = |cache: &str, program: &str| {
            let cache = Cache::at(&place.path().join(cache)).unwrap();
            let layers = vec![images::Layer::Files(vec![(cache.path(program), "etcd".into())])];
            let image = Image {
                reference: "etcd:1".into(),
                layers,
                entrypoint: vec![],
                cmd: vec![],
            };
            Store::key(&cache, "1.37.2", &[image])
        };
        assert_eq!(
            key("here", "etcd/3.7.0/server"),
            key("there", "etcd/3.7.0/server")
        );
        assert_ne!(key("here", "etcd/3.7.0/server"), key("here", "etcd/3.7.1/server"));
    }

    #[test]
    fn only_content_that_never_changes_is_linked() {
        let place = tempfile::tempdir().unwrap();
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        let paths = [
            "content/blobs/sha256/abc",
            "overlayfs/snapshots/1/fs/bin/sh",
            "overlayfs/metadata.db",
            "bolt/meta.db",
        ];
        for path in paths {
            fs::create_dir_all(from.join(path).parent().unwrap()).unwrap();
            fs::write(from.join(path), path).unwrap();
        }
        symlink("sh", from.join("overlayfs/snapshots/1/fs/bin/bash")).unwrap();
        copy(&from, &to, false).unwrap();
        let is_link =
            |path: &str| from.join(path).metadata().unwrap().ino() == to.join(path).metadata().unwrap().ino();
        assert_eq!(paths.map(is_link), [true, true, false, false]);
        assert_eq!(
            fs::read_to_string(to.join("bolt/meta.db")).unwrap(),
            "bolt/meta.db"
        );
        assert_eq!(
            fs::read_link(to.join("overlayfs/snapshots/1/fs/bin/bash")).unwrap(),
            Path::new("sh")
        );
    }
}
