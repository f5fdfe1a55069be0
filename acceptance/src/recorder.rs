//! Watches, while Terraform works, what only shows for moments: every process's arguments, on this machine and on all
//! nodes, and the files with join credentials. So a later look for secrets knows the very secrets.
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Result, anyhow};

use crate::hosts::Hosts;
use crate::lab::address::NodeName;
use crate::lab::cgroup;

/// Between two looks. A join's credentials are there for seconds.
const INTERVAL: Duration = Duration::from_millis(100);
/// Where the provider puts kubeadm's configuration with credentials, on the nodes.
const CREDENTIALS: &str = "run/terraform-provider-ha";

/// A recorder at work.
#[derive(Debug)]
pub struct Recorder {
    stop: Sender<()>,
    thread: JoinHandle<Recording>,
}

/// What it saw.
#[derive(Debug, Default)]
pub struct Recording {
    /// Arguments of processes, separated by NUL.
    pub command_lines: BTreeSet<Vec<u8>>,
    /// Texts of files with credentials.
    credentials: BTreeSet<String>,
}

impl Recorder {
    /// Starts it. Nodes are processes of this machine, so one pair of eyes sees all.
    pub fn start(hosts: &Hosts) -> Self {
        let mut roots: Vec<Root> = hosts.names.iter().map(|name| Root::of(*name)).collect();
        let (stop, stopped) = channel();
        let thread = thread::spawn(move || {
            let mut recording = Recording::default();
            while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                recording.look(&mut roots);
            }
            recording
        });
        Self { stop, thread }
    }

    /// Ends it.
    pub fn stop(self) -> Result<Recording> {
        drop(self.stop);
        self.thread.join().map_err(|_| anyhow!("the recorder panicked"))
    }
}

impl Recording {
    fn look(&mut self, roots: &mut [Root]) {
        for root in roots {
            for file in root.path().iter().flat_map(|path| files(&path.join(CREDENTIALS))) {
                self.credentials.extend(fs::read_to_string(file));
            }
        }
        for process in files(Path::new("/proc")) {
            let is_process = process
                .file_name()
                .is_some_and(|name| name.as_encoded_bytes().first().is_some_and(u8::is_ascii_digit));
            if is_process && let Ok(line) = fs::read(process.join("cmdline")) {
                self.command_lines.insert(line);
            }
        }
    }

    /// Bootstrap tokens that were seen, whole.
    pub fn tokens(&self) -> BTreeSet<String> {
        let is_token = |text: &str| {
            text.split_once('.')
                .is_some_and(|(id, secret)| id.len() == 6 && secret.len() == 16)
        };
        // `kubeadm init`'s, and those of the joins.
        let mut tokens = self.values("token:", is_token);
        tokens.extend(self.values("tlsBootstrapToken:", is_token));
        tokens
    }

    /// Keys of uploaded certificates that were seen.
    pub fn certificate_keys(&self) -> BTreeSet<String> {
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

/// A node's root folder, by way of its init: another one after each boot.
#[derive(Debug)]
struct Root {
    name: NodeName,
    path: Option<PathBuf>,
}

impl Root {
    fn of(name: NodeName) -> Self {
        Self { name, path: None }
    }

    fn path(&mut self) -> Option<&Path> {
        if !self.path.as_ref().is_some_and(|path| path.join("etc").exists()) {
            let init = cgroup::init(&self.name.cgroup());
            self.path = init.map(|init| PathBuf::from(format!("/proc/{}/root", init.as_raw_nonzero())));
        }
        self.path.as_deref()
    }
}

fn files(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
}
