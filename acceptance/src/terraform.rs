//! Terraform at work: its end, its provider, the signals that reach either, and what it said.
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::lab::wait::wait_until;

/// The provider's program.
pub const PROVIDER: &str = "terraform-provider-ha";
/// How many of the last lines of Terraform's output a failure repeats.
const LAST_LINES: usize = 60;

/// What Terraform did.
#[derive(Debug)]
pub struct Ended {
    command: String,
    /// Exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    stderr: String,
}

/// A Terraform at work. Dropped before its end was waited for, it is killed.
#[derive(Debug)]
pub struct Running {
    child: Child,
    command: String,
    base: PathBuf,
}

/// An error or warning in Terraform's JSON output.
#[derive(Debug)]
pub struct Diagnostic {
    /// The headline.
    pub summary: String,
    /// The text below it.
    pub detail: String,
    /// The resource.
    pub address: String,
    /// The line of the configuration that it points to.
    pub code: String,
}

/// A process of our provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderProcess {
    /// The process.
    pub id: Pid,
    /// Its parent's id: Terraform's, as long as that lives.
    pub parent: u32,
    /// The file that it runs.
    pub program: PathBuf,
}

impl Running {
    /// Starts a command that becomes Terraform; its output goes to `base`.out and `base`.err.
    pub(crate) fn start(command: &mut Command, title: String, base: PathBuf) -> Result<Self> {
        command
            .stdin(Stdio::null())
            .stdout(File::create(base.with_extension("out"))?)
            .stderr(File::create(base.with_extension("err"))?);
        let child = command.spawn().context("cannot start terraform by ip")?;
        Ok(Self {
            child,
            command: title,
            base,
        })
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Result<Ended> {
        let status = self.child.wait()?;
        Ok(Ended {
            code: status.code(),
            stdout: fs::read_to_string(self.base.with_extension("out"))?,
            stderr: fs::read_to_string(self.base.with_extension("err"))?,
            command: std::mem::take(&mut self.command),
        })
    }

    /// Whether it has ended.
    pub fn is_over(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Whether it has written this to its standard output so far.
    pub fn has_said(&self, text: &str) -> bool {
        let said = fs::read_to_string(self.base.with_extension("out"));
        said.is_ok_and(|said| said.contains(text))
    }

    /// Sends it a signal; one that has ended gets none.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        if self.is_over() {
            return Ok(());
        }
        let id = Pid::from_child(&self.child);
        kill_process(id, signal).with_context(|| format!("cannot signal {}", self.command))
    }

    /// Kills its provider process, which gets no chance to say anything.
    pub fn kill_provider(&self) -> Result<()> {
        let mut own = providers()?;
        own.retain(|provider| provider.parent == self.child.id());
        let [provider] = &own[..] else {
            bail!(
                "{} has {} provider processes instead of 1",
                self.command,
                own.len()
            );
        };
        kill_process(provider.id, Signal::KILL)?;
        let program = PathBuf::from(format!("/proc/{}/exe", provider.id.as_raw_nonzero()));
        ensure!(
            wait_until(Duration::from_secs(10), || fs::read_link(&program).is_err()),
            "the provider lives on"
        );
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_over() {
            // It may end by itself at this very moment.
            let _gone = self.child.kill().and_then(|()| self.child.wait());
        }
    }
}

impl Ended {
    /// Itself if it ended with this code; else an error with the last lines of the output.
    pub fn expect(self, code: i32) -> Result<Self> {
        if self.code == Some(code) {
            return Ok(self);
        }
        let how = self
            .code
            .map_or_else(|| "a signal".to_owned(), |code| code.to_string());
        bail!(
            "{} ended with {how} instead of {code}:\n{}",
            self.command,
            self.last_lines()
        )
    }

    /// All that Terraform wrote.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// The end of what it wrote.
    pub fn last_lines(&self) -> String {
        let text = self.text();
        let lines: Vec<&str> = text.trim_end().lines().collect();
        let first = lines.len().saturating_sub(LAST_LINES);
        lines.get(first..).unwrap_or_default().join("\n")
    }
}

/// All processes of our provider on this machine.
pub fn providers() -> Result<Vec<ProviderProcess>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let folder = entry?.path();
        let id = folder.file_name().and_then(|name| name.to_str()?.parse().ok());
        let program = fs::read_link(folder.join("exe")).unwrap_or_default();
        let is_provider = program
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(PROVIDER));
        let (Some(id), true) = (id.and_then(Pid::from_raw), is_provider) else {
            continue;
        };
        let status = fs::read_to_string(folder.join("status")).unwrap_or_default();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
        let parent = parent
            .and_then(|line| line.trim().parse().ok())
            .unwrap_or_default();
        found.push(ProviderProcess { id, parent, program });
    }
    Ok(found)
}
