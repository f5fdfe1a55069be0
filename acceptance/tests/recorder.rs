//! Watches, while Terraform works, what only shows for moments: every process's arguments, on this machine and on all
//! nodes, and the files with join credentials. So a later look for secrets knows the very secrets.
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use acceptance::lab::address::NodeName;
use anyhow::{Context as _, Result};

use crate::hosts::ALL;

/// Between two looks. A join's credentials are there for seconds.
const INTERVAL: Duration = Duration::from_millis(100);
/// Where the provider puts kubeadm's configuration with credentials, on the nodes.
const CREDENTIALS: &str = "run/terraform-provider-ha";

/// A recorder at work.
pub(crate) struct Recorder {
    stop: Sender<()>,
    thread: JoinHandle<Recording>,
}

/// What it saw.
#[derive(Default)]
pub(crate) struct Recording {
    /// Arguments of processes, separated by NUL.
    pub(crate) command_lines: BTreeSet<Vec<u8>>,
    /// Texts of files with credentials.
    credentials: BTreeSet<String>,
}

impl Recorder {
    /// Starts it. Nodes are processes of this machine, so one pair of eyes sees all.
    pub(crate) fn start() -> Result<Self> {
        let roots = ALL.map(|name| root_of(name.parse().unwrap()));
        let roots = roots.into_iter().collect::<Result<Vec<_>>>()?;
        let (stop, stopped) = channel();
        let thread = thread::spawn(move || {
            let mut recording = Recording::default();
            while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                recording.look(&roots);
            }
            recording
        });
        Ok(Self { stop, thread })
    }

    /// Ends it.
    pub(crate) fn stop(self) -> Recording {
        drop(self.stop);
        self.thread.join().unwrap()
    }
}

impl Recording {
    fn look(&mut self, roots: &[PathBuf]) {
        for root in roots {
            for file in files(&root.join(CREDENTIALS)) {
                self.credentials.extend(fs::read_to_string(file));
            }
        }
        for process in files(Path::new("/proc")) {
            let is_process = process
                .file_name()
                .is_some_and(|name| name.as_encoded_bytes()[0].is_ascii_digit());
            if is_process && let Ok(line) = fs::read(process.join("cmdline")) {
                self.command_lines.insert(line);
            }
        }
    }

    /// Bootstrap tokens that were seen, whole.
    pub(crate) fn tokens(&self) -> BTreeSet<String> {
        let is_token = |text: &str| {
            text.split_once('.')
                .is_some_and(|(id, secret)| id.len() == 6 && secret.len() == 16)
        };
        self.values("token:", is_token)
    }

    /// Keys of uploaded certificates that were seen.
    pub(crate) fn certificate_keys(&self) -> BTreeSet<String> {
        self.values("certificateKey:", |text| text.len() == 64)
    }

    fn values(&self, name: &str, is_whole: impl Fn(&str) -> bool) -> BTreeSet<String> {
        let lines = self.credentials.iter().flat_map(|text| text.lines());
        let values = lines.filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix(name));
        let values = values.map(|value| value.trim_matches([' ', '"', '\'']));
        values
            .filter(|value| is_whole(value))
            .map(str::to_owned)
            .collect()
    }
}

/// A node's root folder, by way of its init.
fn root_of(name: NodeName) -> Result<PathBuf> {
    let group = format!("/{}", name.cgroup());
    let init = files(Path::new("/proc")).find(|process| {
        let read = |file: &str| fs::read_to_string(process.join(file)).unwrap_or_default();
        let is_init = |status: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
            line.is_some_and(|ids| ids.split_whitespace().nth(1) == Some("1"))
        };
        is_init(&read("status"))
            && read("cgroup")
                .lines()
                .any(|line| line.ends_with(&group) || line.contains(&format!("{group}/")))
            && read("comm").trim() == "systemd"
    });
    Ok(init.with_context(|| format!("{name} has no init"))?.join("root"))
}

fn files(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
}
