//! A folder with one of the examples, a provider mirror and a log of everything: where a test runs Terraform.
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use acceptance::lab::address::LAB_NETNS;
use acceptance::lab::node::wait_until;
use acceptance::lab::{program, progress};
use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Map, Value, json};

use crate::hosts::Hosts;

const PROVIDER: &str = "terraform-provider-ha";
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// How many of the last lines of Terraform's output a failure repeats.
const LAST_LINES: usize = 60;

/// An example as a user would have it, in a folder of its own that stays until the next run of the test.
pub(crate) struct Workspace {
    pub(crate) folder: PathBuf,
    variables: Map<String, Value>,
    runs: usize,
}

/// What Terraform did.
pub(crate) struct Ended {
    command: String,
    /// Exit code.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    stderr: String,
}

/// A Terraform at work.
pub(crate) struct Running {
    child: Child,
    command: String,
    base: PathBuf,
}

/// An error or warning in Terraform's JSON output.
#[derive(Debug)]
pub(crate) struct Diagnostic {
    pub(crate) summary: String,
    pub(crate) detail: String,
    /// The resource.
    pub(crate) address: String,
    /// The line of the configuration that it points to.
    pub(crate) code: String,
}

impl Workspace {
    /// Copies the example, with the lab's variables, and runs `terraform init` with the provider of this checkout.
    pub(crate) fn new(hosts: &Hosts, name: &str, example: &str) -> Result<Self> {
        let provider = build_provider()?;
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let source = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../examples")
            .join(example);
        for entry in fs::read_dir(&source)? {
            let from = entry?.path();
            let to = match from.file_name().and_then(|name| name.to_str()) {
                Some("lab.tfvars") => folder.join("lab.auto.tfvars"),
                Some(name) => folder.join(name),
                None => continue,
            };
            fs::copy(&from, to)?;
        }
        mirror(&folder, &provider)?;
        let mut workspace = Self {
            folder,
            variables: Map::new(),
            runs: 0,
        };
        workspace.set("ssh_private_key_file", json!(hosts.key()))?;
        workspace.set(
            "ssh_known_hosts_file",
            json!(workspace.folder.join("known_hosts")),
        )?;
        workspace.set("progress_log", json!(workspace.folder.join("progress.jsonl")))?;
        workspace
            .terraform(&["init", "-input=false", "-no-color"])?
            .expect(0)?;
        Ok(workspace)
    }

    /// Gives a variable a value; it wins over the example's own.
    pub(crate) fn set(&mut self, name: &str, value: Value) -> Result<()> {
        self.variables.insert(name.to_owned(), value);
        let text = serde_json::to_string_pretty(&self.variables)?;
        Ok(fs::write(self.folder.join("test.auto.tfvars.json"), text)?)
    }

    /// Lays HCL over the example's: arguments and blocks that are given take the place of the example's.
    pub(crate) fn overlay(&self, hcl: &str) -> Result<()> {
        Ok(fs::write(self.folder.join("test_override.tf"), hcl)?)
    }

    /// `terraform apply` to its end.
    pub(crate) fn apply(&mut self, arguments: &[&str]) -> Result<Ended> {
        let all = [
            &["apply", "-input=false", "-no-color", "-auto-approve"],
            arguments,
        ]
        .concat();
        self.terraform(&all)
    }

    /// `terraform destroy`, which must work.
    pub(crate) fn destroy(&mut self) -> Result<()> {
        self.terraform(&["destroy", "-input=false", "-no-color", "-auto-approve"])?
            .expect(0)?;
        Ok(())
    }

    /// `terraform plan -detailed-exitcode`: 0 is no change, 2 is changes.
    pub(crate) fn plan(&mut self) -> Result<Ended> {
        self.terraform(&["plan", "-input=false", "-no-color", "-detailed-exitcode"])
    }

    /// Fails unless the plan finds nothing to change and says nothing else.
    pub(crate) fn assert_no_changes(&mut self) -> Result<()> {
        let plan = self.plan()?.expect(0)?;
        let text = plan.text();
        assert!(text.contains("No changes."), "{text}");
        assert!(!text.contains("Warning:") && !text.contains("Error:"), "{text}");
        Ok(())
    }

    /// The errors of a plan that must fail.
    pub(crate) fn refused(&mut self) -> Result<Vec<Diagnostic>> {
        let plan = self.terraform(&["plan", "-input=false", "-json"])?.expect(1)?;
        let messages = plan
            .stdout
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let errors = messages
            .map(|mut message| message["diagnostic"].take())
            .filter(|diagnostic| diagnostic["severity"] == "error");
        let text = |value: &Value| value.as_str().unwrap_or_default().trim().to_owned();
        let errors = errors.map(|error| Diagnostic {
            summary: text(&error["summary"]),
            detail: text(&error["detail"]),
            address: text(&error["address"]),
            code: text(&error["snippet"]["code"]),
        });
        Ok(errors.collect())
    }

    /// Runs Terraform in the lab's network to its end.
    pub(crate) fn terraform(&mut self, arguments: &[&str]) -> Result<Ended> {
        progress::step(&format!("terraform {}", arguments.join(" ")), || {
            self.spawn(arguments)?.wait()
        })
    }

    /// Starts Terraform in the lab's network. Its output goes to files of the folder.
    pub(crate) fn spawn(&mut self, arguments: &[&str]) -> Result<Running> {
        self.runs += 1;
        let verb = arguments.first().copied().unwrap_or_default();
        let base = self.folder.join(format!("{:02}-{verb}", self.runs));
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", LAB_NETNS, "terraform"])
            .args(arguments);
        command
            .current_dir(&self.folder)
            .env("CHECKPOINT_DISABLE", "1")
            .env("TF_CLI_CONFIG_FILE", self.folder.join("terraformrc"))
            .env("TF_IN_AUTOMATION", "1")
            .env("TF_LOG", "TRACE")
            .env("TF_LOG_PATH", self.folder.join("trace.log"))
            .stdin(Stdio::null())
            .stdout(File::create(base.with_extension("out"))?)
            .stderr(File::create(base.with_extension("err"))?);
        let child = command.spawn().context("cannot start terraform by ip")?;
        Ok(Running {
            child,
            command: format!("terraform {}", arguments.join(" ")),
            base,
        })
    }

    /// The lines of the progress log.
    pub(crate) fn progress(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.join("progress.jsonl")).unwrap_or_default();
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }
}

impl Running {
    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Result<Ended> {
        let status = self.child.wait()?;
        Ok(Ended {
            code: status
                .code()
                .with_context(|| format!("{} was ended by a signal", self.command))?,
            stdout: fs::read_to_string(self.base.with_extension("out"))?,
            stderr: fs::read_to_string(self.base.with_extension("err"))?,
            command: self.command,
        })
    }

    /// Whether it has ended.
    pub(crate) fn is_over(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Kills its provider process, which gets no chance to say anything.
    pub(crate) fn kill_provider(&self) -> Result<()> {
        let provider = provider_of(self.child.id())?;
        kill_process(provider, Signal::KILL)?;
        let folder = PathBuf::from(format!("/proc/{}/exe", provider.as_raw_nonzero()));
        ensure!(
            wait_until(Duration::from_secs(10), || fs::read_link(&folder).is_err()),
            "the provider lives on"
        );
        Ok(())
    }
}

impl Ended {
    /// Itself if it ended with this code; else an error with the last lines of the output.
    pub(crate) fn expect(self, code: i32) -> Result<Self> {
        if self.code == code {
            return Ok(self);
        }
        let text = self.text();
        let lines: Vec<&str> = text.trim_end().lines().collect();
        let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
        bail!(
            "{} ended with {} instead of {code}:\n{}",
            self.command,
            self.code,
            last.join("\n")
        )
    }

    /// All that Terraform wrote.
    pub(crate) fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// Builds the provider of this checkout, once.
fn build_provider() -> Result<PathBuf> {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    if let Some(built) = BUILT.get() {
        return Ok(built.clone());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args([
            "build",
            "--quiet",
            "--locked",
            "--package",
            PROVIDER,
            "--bin",
            PROVIDER,
        ])
        .current_dir(root);
    program::run(&mut cargo)?;
    let binary = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("../debug")
        .join(PROVIDER);
    ensure!(binary.exists(), "cargo build made no {}", binary.display());
    Ok(BUILT.get_or_init(|| binary).clone())
}

/// A folder that Terraform installs the provider from, as from a registry, and the configuration that says so.
fn mirror(folder: &Path, provider: &Path) -> Result<()> {
    let version = program::run(Command::new("terraform").args(["version", "-json"]))?;
    let platform = serde_json::from_str::<Value>(&version)?["platform"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let plugins = folder.join("plugins");
    let place = plugins
        .join("registry.terraform.io/kube-ha/ha")
        .join(VERSION)
        .join(platform);
    fs::create_dir_all(&place)?;
    let binary = place.join(format!("{PROVIDER}_v{VERSION}"));
    fs::hard_link(provider, &binary).or_else(|_| fs::copy(provider, &binary).map(drop))?;
    let text =
        format!("provider_installation {{\n  filesystem_mirror {{\n    path = {plugins:?}\n  }}\n}}\n");
    Ok(fs::write(folder.join("terraformrc"), text)?)
}

/// The child of this Terraform that is the provider. `ip` has become Terraform, so its id is Terraform's.
fn provider_of(terraform: u32) -> Result<Pid> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let folder = entry?.path();
        let Some(id) = folder
            .file_name()
            .and_then(|name| name.to_str()?.parse::<i32>().ok())
        else {
            continue;
        };
        let parent = fs::read_to_string(folder.join("status")).ok().and_then(|status| {
            let line = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
            line.trim().parse::<u32>().ok()
        });
        let program = fs::read_link(folder.join("exe")).unwrap_or_default();
        let is_provider = program
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(PROVIDER));
        if parent == Some(terraform) && is_provider {
            found.extend(Pid::from_raw(id));
        }
    }
    match found[..] {
        [provider] => Ok(provider),
        _ => bail!(
            "terraform {terraform} has {} provider processes instead of 1",
            found.len()
        ),
    }
}
