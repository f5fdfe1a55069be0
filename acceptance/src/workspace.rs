//! A folder with one of the examples, a provider mirror and a log of everything: where a test runs Terraform.
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};

use crate::hosts::Hosts;
use crate::lab::address::LAB_NETNS;
use crate::lab::{program, progress};
use crate::terraform::{Diagnostic, Ended, PROVIDER, Running};

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// What makes a folder the same configuration with the same state.
const COPIED: [&str; 6] = ["tf", "tfvars", "json", "hcl", "tfstate", "terraformrc"];

/// An example as a user would have it, in a folder of its own that stays until the next run of the test.
#[derive(Debug)]
pub struct Workspace {
    /// The folder.
    pub folder: PathBuf,
    /// Where the output of runs and the log go; at first the folder itself.
    pub logs: PathBuf,
    variables: Map<String, Value>,
    runs: usize,
}

impl Workspace {
    /// A fresh folder of this name in `target/tmp`, with the provider of this checkout.
    pub fn new(hosts: &Hosts, name: &str, example: &str) -> Result<Self> {
        let provider = build_provider()?;
        Self::at(&target().join("tmp").join(name), &provider, hosts, example)
    }

    /// The same with files of the test's own instead of an example.
    pub fn of_files(hosts: &Hosts, name: &str, files: &[(&str, &str)]) -> Result<Self> {
        let provider = build_provider()?;
        let folder = empty(&target().join("tmp").join(name))?;
        for (file, text) in files {
            fs::write(folder.join(file), text)?;
        }
        Self::init(folder, &provider, hosts)
    }

    /// Makes the folder anew: the example with the lab's variables, after `terraform init` with this provider.
    pub fn at(folder: &Path, provider: &Path, hosts: &Hosts, example: &str) -> Result<Self> {
        let folder = empty(folder)?;
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
        Self::init(folder, provider, hosts)
    }

    /// Runs `terraform init` with this provider, after the files of the configuration are there.
    fn init(folder: PathBuf, provider: &Path, hosts: &Hosts) -> Result<Self> {
        mirror(&folder, provider)?;
        let mut workspace = Self {
            logs: folder.clone(),
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

    /// Another folder with the same configuration and a copy of the state, as a second person would have it.
    pub fn copy_to(&self, folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        for entry in fs::read_dir(&self.folder)? {
            let from = entry?.path();
            let name = from.file_name().unwrap_or_default();
            let ending = name.to_string_lossy();
            let is_copied = COPIED
                .iter()
                .any(|wanted| ending.rsplit('.').next() == Some(wanted));
            if from.is_file() && is_copied {
                fs::copy(&from, folder.join(name))?;
            }
        }
        let data = folder.join(".terraform");
        if !data.exists() {
            std::os::unix::fs::symlink(self.folder.join(".terraform"), data)?;
        }
        Ok(Self {
            folder: folder.to_owned(),
            logs: folder.to_owned(),
            variables: self.variables.clone(),
            runs: self.runs,
        })
    }

    /// Gives a variable a value; it wins over the example's own.
    pub fn set(&mut self, name: &str, value: Value) -> Result<()> {
        self.variables.insert(name.to_owned(), value);
        let text = serde_json::to_string_pretty(&self.variables)?;
        Ok(fs::write(self.folder.join("test.auto.tfvars.json"), text)?)
    }

    /// Lays HCL over the example's: arguments and blocks that are given take the place of the example's.
    pub fn overlay(&self, hcl: &str) -> Result<()> {
        Ok(fs::write(self.folder.join("test_override.tf"), hcl)?)
    }

    /// Adds a line after the first line of the example's `main.tf` that reads like this.
    pub fn add_after(&self, line: &str, added: &str) -> Result<()> {
        let path = self.folder.join("main.tf");
        let text = fs::read_to_string(&path)?;
        let (before, after) = text
            .split_once(line)
            .with_context(|| format!("main.tf has no {line:?}"))?;
        Ok(fs::write(path, format!("{before}{line}\n  {added}{after}"))?)
    }

    /// `terraform plan` into a file.
    pub fn save_plan(&mut self, file: &str) -> Result<()> {
        let out = format!("-out={file}");
        self.terraform(&["plan", "-input=false", "-no-color", &out])?
            .expect(0)?;
        Ok(())
    }

    /// `terraform apply` to its end.
    pub fn apply(&mut self, arguments: &[&str]) -> Result<Ended> {
        let all = [
            &["apply", "-input=false", "-no-color", "-auto-approve"],
            arguments,
        ]
        .concat();
        self.terraform(&all)
    }

    /// `terraform destroy`, which must work.
    pub fn destroy(&mut self) -> Result<()> {
        self.terraform(&["destroy", "-input=false", "-no-color", "-auto-approve"])?
            .expect(0)?;
        Ok(())
    }

    /// `terraform plan -detailed-exitcode`: 0 is no change, 2 is changes.
    pub fn plan(&mut self) -> Result<Ended> {
        self.terraform(&["plan", "-input=false", "-no-color", "-detailed-exitcode"])
    }

    /// Fails unless the plan finds nothing to change and says nothing else.
    pub fn assert_no_changes(&mut self) -> Result<()> {
        let plan = self.plan()?.expect(0)?;
        let text = plan.text();
        ensure!(text.contains("No changes."), "{text}");
        // Clusters on the lab may have two masters for a while, and each plan says what that means.
        let said = text.replace("Warning: Even number of masters", "");
        ensure!(!said.contains("Warning:") && !said.contains("Error:"), "{text}");
        Ok(())
    }

    /// The errors of a plan that must fail.
    pub fn refused(&mut self) -> Result<Vec<Diagnostic>> {
        let plan = self.terraform(&["plan", "-input=false", "-json"])?.expect(1)?;
        let messages = plan
            .stdout
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let text = |message: &Value, path: &str| {
            let text = message.pointer(path).and_then(Value::as_str);
            text.unwrap_or_default().trim().to_owned()
        };
        let errors = messages
            .filter(|message| text(message, "/diagnostic/severity") == "error")
            .map(|message| Diagnostic {
                summary: text(&message, "/diagnostic/summary"),
                detail: text(&message, "/diagnostic/detail"),
                address: text(&message, "/diagnostic/address"),
                code: text(&message, "/diagnostic/snippet/code"),
            });
        Ok(errors.collect())
    }

    /// The nodes that the state holds, sorted; fails if one of them is tainted.
    pub fn nodes_in_state(&mut self) -> Result<Vec<String>> {
        let shown = self.terraform(&["show", "-json"])?.expect(0)?.stdout;
        let shown: Value = serde_json::from_str(&shown).with_context(|| shown.clone())?;
        let resources = shown
            .pointer("/values/root_module/resources")
            .and_then(Value::as_array);
        let mut nodes = Vec::new();
        for resource in resources.into_iter().flatten() {
            ensure!(
                resource.get("tainted") != Some(&Value::Bool(true)),
                "tainted: {resource}"
            );
            let name = resource.pointer("/values/node_name").and_then(Value::as_str);
            nodes.extend(name.map(str::to_owned));
        }
        nodes.sort();
        Ok(nodes)
    }

    /// Runs Terraform in the lab's network to its end.
    pub fn terraform(&mut self, arguments: &[&str]) -> Result<Ended> {
        progress::step(&format!("terraform {}", arguments.join(" ")), || {
            self.spawn(arguments)?.wait()
        })
    }

    /// Starts Terraform in the lab's network. Its output goes to files of the folder.
    pub fn spawn(&mut self, arguments: &[&str]) -> Result<Running> {
        self.runs += 1;
        let verb = arguments.first().copied().unwrap_or_default();
        let base = self.logs.join(format!("{:02}-{verb}", self.runs));
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
            .env("TF_LOG_PATH", self.logs.join("trace.log"));
        Running::start(&mut command, format!("terraform {}", arguments.join(" ")), base)
    }

    /// The lines of the progress log.
    pub fn progress(&self) -> Vec<Value> {
        let path = self.variables.get("progress_log").and_then(Value::as_str);
        let text = fs::read_to_string(path.unwrap_or_default()).unwrap_or_default();
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }
}

/// The folder, made anew.
fn empty(folder: &Path) -> Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    Ok(folder.canonicalize()?)
}

/// Builds the provider of this checkout, once.
fn build_provider() -> Result<PathBuf> {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    if let Some(built) = BUILT.get() {
        return Ok(built.clone());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
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
    let binary = target().join("debug").join(PROVIDER);
    ensure!(binary.exists(), "cargo build made no {}", binary.display());
    Ok(BUILT.get_or_init(|| binary).clone())
}

/// Where cargo builds.
fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
        PathBuf::from,
    )
}

/// A folder that Terraform installs the provider from, as from a registry, and the configuration that says so.
fn mirror(folder: &Path, provider: &Path) -> Result<()> {
    let version = program::run(Command::new("terraform").args(["version", "-json"]))?;
    let version = serde_json::from_str::<Value>(&version)?;
    let platform = version
        .get("platform")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let plugins = folder.join("plugins");
    let place = plugins
        .join("registry.terraform.io/kube-ha/ha")
        .join(VERSION)
        .join(platform);
    fs::create_dir_all(&place)?;
    let binary = place.join(format!("{PROVIDER}_v{VERSION}"));
    fs::hard_link(provider, &binary).or_else(|_| fs::copy(provider, &binary).map(drop))?;
    let text = format!(
        "provider_installation {{\n  filesystem_mirror {{\n    path = {}\n  }}\n}}\n",
        json!(plugins)
    );
    Ok(fs::write(folder.join("terraformrc"), text)?)
}
