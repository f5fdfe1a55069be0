//! A node's cgroups: they hold all of its processes from the first on, so they are the record of what may be killed.
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::address::CGROUP_PREFIX;
use super::wait::wait_until;

const ROOT: &str = "/sys/fs/cgroup";
/// How long the kernel may take to stop or bury all processes of a node.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long init may take to collect a node's last process.
const BURIAL: Duration = Duration::from_secs(5);

/// Whether this machine has one hierarchy per controller.
pub fn is_v1() -> bool {
    !Path::new(ROOT).join("cgroup.controllers").exists()
}

/// Makes the node's directory in each hierarchy; returns them.
pub fn make(group: &str) -> Result<Vec<PathBuf>> {
    let mut made = Vec::new();
    for hierarchy in hierarchies()? {
        let folder = hierarchy.join(group);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        // Without these no process may enter a v1 cpuset.
        for file in ["cpuset.cpus", "cpuset.mems"] {
            if is_v1() && folder.join(file).exists() {
                fs::write(folder.join(file), fs::read(hierarchy.join(file))?)?;
            }
        }
        made.push(folder);
    }
    Ok(made)
}

/// Whether any process is in the node's cgroups.
pub fn is_populated(group: &str) -> bool {
    !processes(group).is_empty()
}

/// Ends all processes of a node at once, as a power cut does, and removes its directories; returns who was ended.
pub fn kill(group: &str) -> Result<Vec<Pid>> {
    let killed = processes(group);
    // Stopped first, so that none sees another die: no service notices and none is started again.
    freeze(group, true);
    let result = wait_until(PATIENCE, || {
        for process in processes(group) {
            // It may have ended since; who is still there is seen in the next round.
            let _gone = kill_process(process, Signal::KILL);
        }
        freeze(group, false);
        processes(group).is_empty()
    });
    if !result {
        bail!("processes {:?} of {group} do not end", processes(group));
    }
    for hierarchy in hierarchies()? {
        let folder = hierarchy.join(group);
        if !wait_until(PATIENCE, || remove(&folder).is_ok()) {
            bail!("cannot remove {}", folder.display());
        }
    }
    Ok(killed)
}

/// Waits until ended processes are buried by their parent, if it does so at all: until then they are listed.
pub fn wait_until_buried(killed: &[Pid]) {
    wait_until(BURIAL, || {
        !killed
            .iter()
            .any(|pid| Path::new(&format!("/proc/{}", pid.as_raw_nonzero())).exists())
    });
}

/// The names of all of the lab's directories.
pub fn groups() -> Result<Vec<String>> {
    let mut names: Vec<String> = hierarchies()?
        .iter()
        .flat_map(|hierarchy| children(hierarchy))
        .filter_map(|folder| name(&folder))
        .collect();
    names.retain(|name| name.starts_with(CGROUP_PREFIX));
    names.sort();
    names.dedup();
    Ok(names)
}

fn hierarchies() -> Result<Vec<PathBuf>> {
    let root = PathBuf::from(ROOT);
    if !is_v1() {
        return Ok(vec![root]);
    }
    // The `unified` one of a hybrid layout too, though it controls nothing: nspawn derives from it where the node's
    // systemd keeps its groups, and nodes that share a place there remove each other's groups while they boot.
    let found: Vec<PathBuf> = children(&root)
        .into_iter()
        .filter(|folder| folder.join("cgroup.procs").exists())
        .collect();
    if found.is_empty() {
        bail!("no cgroup hierarchy is mounted below {ROOT}");
    }
    Ok(found)
}

/// The hierarchy by which processes are stopped and found; none can leave it from within a node.
fn of_processes(group: &str) -> PathBuf {
    let root = Path::new(ROOT);
    if is_v1() {
        root.join("freezer").join(group)
    } else {
        root.join(group)
    }
}

/// The node's init process, as this machine numbers it; none while the node is off.
pub fn init(group: &str) -> Option<Pid> {
    processes(group).into_iter().find(|process| {
        let read = |file: &str| {
            fs::read_to_string(format!("/proc/{}/{file}", process.as_raw_nonzero())).unwrap_or_default()
        };
        let status = read("status");
        let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
        // A pod's first process is the first of a namespace within the node's.
        let ids: Vec<&str> = ids.unwrap_or_default().split_whitespace().collect();
        ids.get(1..) == Some(&["1"]) && read("comm").trim() == "systemd"
    })
}

/// All processes of the node, its pods' too.
pub fn processes(group: &str) -> Vec<Pid> {
    let texts = tree(&of_processes(group))
        .into_iter()
        .map(|folder| fs::read_to_string(folder.join("cgroup.procs")));
    let texts: Vec<String> = texts.map(Result::unwrap_or_default).collect();
    texts
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| Pid::from_raw(line.parse().ok()?))
        .collect()
}

fn freeze(group: &str, frozen: bool) {
    let (file, text) = match (is_v1(), frozen) {
        (true, true) => ("freezer.state", "FROZEN"),
        (true, false) => ("freezer.state", "THAWED"),
        (false, true) => ("cgroup.freeze", "1"),
        (false, false) => ("cgroup.freeze", "0"),
    };
    for folder in tree(&of_processes(group)) {
        // A group that cannot be stopped is killed all the same.
        let _unstopped = fs::write(folder.join(file), text);
    }
}

fn remove(folder: &Path) -> std::io::Result<()> {
    for folder in tree(folder).iter().rev() {
        fs::remove_dir(folder)?;
    }
    Ok(())
}

/// A directory and all below it, parents first; none if it is not there.
fn tree(folder: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if folder.is_dir() {
        folders.push(folder.to_owned());
        folders.extend(children(folder).iter().flat_map(|child| tree(child)));
    }
    folders
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir() && !path.is_symlink())
        .collect()
}

fn name(folder: &Path) -> Option<String> {
    Some(folder.file_name()?.to_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_list_parents_first() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir_all(place.path().join("a/b")).unwrap();
        let tree = tree(&place.path().join("a"));
        assert_eq!(tree, [place.path().join("a"), place.path().join("a/b")]);
        assert!(super::tree(&place.path().join("none")).is_empty());
        remove(&place.path().join("a")).unwrap();
        assert!(!place.path().join("a").exists());
    }
}
