//! The folder that outlives checkouts: what was built, the nodes' disks, the lab's state and its lock.
use std::env;
use std::fs::{self, File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::progress;

/// Marks a folder that is being filled; what carries it at the next start was left by a killed run.
const UNFINISHED: &str = ".unfinished-";

/// `$HA_LAB_CACHE`, else `$XDG_CACHE_HOME/ha-lab`, else `~/.cache/ha-lab`.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
}

/// Held while the lab is changed; the kernel gives it back when its holder ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Cache {
    /// The cache that the environment names; made if absent.
    pub fn from_env() -> Result<Self> {
        let set = |name| {
            env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let root = set("HA_LAB_CACHE")
            .or_else(|| set("XDG_CACHE_HOME").map(|folder| folder.join("ha-lab")))
            .or_else(|| set("HOME").map(|folder| folder.join(".cache/ha-lab")))
            .context(
                "none of HA_LAB_CACHE, XDG_CACHE_HOME and HOME is set: where should the lab keep its files?",
            )?;
        Self::at(&root)
    }

    /// The cache in a given folder; made if absent.
    pub fn at(root: &Path) -> Result<Self> {
        fs::create_dir_all(root)
            .with_context(|| format!("cannot make the cache folder {}", root.display()))?;
        // Mount options and nspawn's arguments are separated by these.
        let root = root.canonicalize()?;
        if root.to_string_lossy().contains([':', ',', '\\']) {
            bail!(
                "the cache folder's path {} must not contain : , or \\",
                root.display()
            );
        }
        Ok(Self { root })
    }

    /// A place in the cache.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join(relative)
    }

    /// The private key for root and ops on every node; beside it `id.pub`.
    pub fn key(&self) -> PathBuf {
        self.path("id")
    }

    /// The host keys of all nodes, as ssh reads them.
    pub fn known_hosts(&self) -> PathBuf {
        self.path("known_hosts")
    }

    /// A node's disk.
    pub fn node(&self, name: super::address::NodeName) -> PathBuf {
        self.path("nodes").join(name.to_string())
    }

    /// Where a long step's output goes.
    pub fn log(&self, name: &str) -> Result<PathBuf> {
        fs::create_dir_all(self.path("logs"))?;
        Ok(self.path("logs").join(format!("{name}.log")))
    }

    /// The folder of this name, filled by `fill` under another name first if it is absent.
    pub fn folder(&self, relative: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let folder = self.path(relative);
        if folder.exists() {
            return Ok(folder);
        }
        let (parent, name) = (
            folder.parent(),
            folder.file_name().map(|name| name.to_string_lossy().into_owned()),
        );
        let (Some(parent), Some(name)) = (parent, name) else {
            bail!("{relative} cannot be a folder of the cache")
        };
        let unfinished = parent.join(format!("{UNFINISHED}{name}"));
        remove(&unfinished)?;
        fs::create_dir_all(&unfinished).with_context(|| format!("cannot make {}", unfinished.display()))?;
        fill(&unfinished)?;
        fs::rename(&unfinished, &folder).with_context(|| format!("cannot name {}", folder.display()))?;
        Ok(folder)
    }

    /// Waits until nobody else changes the lab; says whom it waits for.
    pub fn lock(&self) -> Result<Lock> {
        let path = self.path("lock");
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder)?;
                progress::line(&format!(
                    "waiting for process {}, which is changing the lab …",
                    holder.trim()
                ));
                file.lock()
                    .with_context(|| format!("cannot lock {}", path.display()))?;
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
        file.rewind()?;
        file.set_len(0)?;
        write!(file, "{}", std::process::id())?;
        Ok(Lock { _file: file })
    }
}

/// Removes a folder with all in it; nothing to remove is fine.
pub fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_appear_whole_or_not_at_all() {
        let place = tempfile::tempdir().unwrap();
        let cache = Cache::at(place.path()).unwrap();
        let failed = cache.folder("kubernetes/1.0.0", |folder| {
            fs::write(folder.join("half"), "")?;
            bail!("killed")
        });
        assert!(failed.is_err() && !cache.path("kubernetes/1.0.0").exists());
        let fill = |folder: &Path| Ok(fs::write(folder.join("whole"), "")?);
        let folder = cache.folder("kubernetes/1.0.0", fill).unwrap();
        let names: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["whole"]);
        assert_eq!(fs::read_dir(cache.path("kubernetes")).unwrap().count(), 1);
    }

    #[test]
    fn the_lock_names_its_holder_and_ends_with_it() {
        let place = tempfile::tempdir().unwrap();
        let cache = Cache::at(place.path()).unwrap();
        let lock = cache.lock().unwrap();
        let file = File::open(cache.path("lock")).unwrap();
        assert!(matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
        assert_eq!(
            fs::read_to_string(cache.path("lock")).unwrap(),
            std::process::id().to_string()
        );
        drop(lock);
        assert!(file.try_lock().is_ok());
    }

    #[test]
    fn paths_that_mount_cannot_take_are_refused() {
        let place = tempfile::tempdir().unwrap();
        assert!(Cache::at(&place.path().join("a:b")).is_err());
    }
}
