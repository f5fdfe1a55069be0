//! What a failed round leaves behind for people: what happened when, Terraform's logs and state, the hosts' journals.
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use acceptance::hosts::Hosts;
use acceptance::lab::{node, program};
use acceptance::workspace::Workspace;
use anyhow::Result;

/// What there is to know of a host, whether its network works or not.
const STORY: &str = r"
head -n 50 /var/lib/terraform-provider-ha/* /var/lib/terraform-provider-ha/*/* 2>/dev/null
ls -l /etc/kubernetes/manifests 2>/dev/null
ip -o -4 addr show dev eth0
systemctl list-units --no-legend --plain --all 'ha-*'
ps -eo pid,etimes,args --sort=etimes | grep -vE ' \[|ps -eo|/pause|containerd-shim' | cut -c 1-180 | head -n 60
journalctl --quiet --no-pager --since SINCE | tail -n 3000
true
";

/// The diary's file; of a good round it is all that stays.
pub(crate) const DIARY: &str = "round.log";

/// The round's events with their times.
#[derive(Debug)]
pub(crate) struct Diary {
    file: File,
    /// When the round began.
    pub(crate) start: Instant,
}

impl Diary {
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        Ok(Self {
            file: File::create(folder.join(DIARY))?,
            start: Instant::now(),
        })
    }

    pub(crate) fn note(&mut self, text: &str) -> Result<()> {
        Ok(writeln!(
            self.file,
            "[{:6.1} s] {text}",
            self.start.elapsed().as_secs_f64()
        )?)
    }
}

/// Adds the state and the hosts' own story to the round's folder.
pub(crate) fn keep(hosts: &Hosts, folder: &Path, workspace: Option<&Workspace>, since: u64) -> Result<()> {
    if let Some(workspace) = workspace {
        let state = workspace.folder.join("terraform.tfstate");
        if state.exists() {
            fs::copy(state, folder.join("terraform.tfstate"))?;
        }
    }
    let script = STORY.replace("SINCE", &format!("@{since}"));
    for name in &hosts.names {
        let story =
            node::console(*name).and_then(|mut console| program::run_with_input(&mut console, &script));
        let story = story.unwrap_or_else(|error| format!("{error:#}\n"));
        fs::write(folder.join(format!("{name}.txt")), story)?;
    }
    Ok(())
}
