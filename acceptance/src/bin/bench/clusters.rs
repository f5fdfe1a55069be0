//! Clusters on the lab, made in turns by hand and by Terraform, each on nodes with fresh disks.
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use acceptance::lab::progress;
use anyhow::{Context as _, Result, bail, ensure};

use super::samples::Samples;

const PLANS: usize = 5;
const NODES: usize = 4;
/// Lines of a failed command's log that its error repeats.
const LAST_LINES: usize = 20;
/// The key's path is known only inside of the lab.
const WITH_KEY: &str = r#"TF_VAR_ssh_private_key_file=$HA_LAB_SSH_KEY exec "$@""#;

/// A lab whose nodes have fresh disks.
pub(crate) struct Lab {
    /// Release of Kubernetes on its nodes.
    pub(crate) kubernetes: String,
    /// Folder with the example, after `terraform init`.
    pub(crate) work: PathBuf,
    /// Folder with the programs `lab` and `by-hand`.
    pub(crate) entries: PathBuf,
}

/// Seconds.
pub(crate) struct Times {
    pub(crate) by_hand: Samples,
    pub(crate) apply: Samples,
    pub(crate) plan: Samples,
}

/// Makes a cluster by each way, `rounds` times; who is first changes from round to round.
pub(crate) fn measure(lab: &Lab, rounds: usize) -> Result<Times> {
    let (mut by_hand, mut apply, mut plan) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=rounds {
        let mut ways = [Way::ByHand, Way::Terraform];
        if round % 2 == 0 {
            ways.reverse();
        }
        for way in ways {
            lab.reset()?;
            match way {
                Way::ByHand => by_hand.push(lab.make_by_hand(round)?),
                Way::Terraform => apply.push(lab.apply(round)?),
            }
            lab.check_nodes()?;
            if way == Way::Terraform && round == rounds {
                for number in 1..=PLANS {
                    plan.push(lab.plan(number)?);
                }
            }
        }
    }
    Ok(Times {
        by_hand: Samples::new(by_hand)?,
        apply: Samples::new(apply)?,
        plan: Samples::new(plan)?,
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Way {
    ByHand,
    Terraform,
}

impl Lab {
    fn reset(&self) -> Result<()> {
        self.timed("fresh disks", "reset", self.command().arg("reset"))?;
        // Also from the provider's side the hosts are new ones.
        for name in [
            "terraform.tfstate",
            "terraform.tfstate.backup",
            "known_hosts",
            "progress.jsonl",
        ] {
            let path = self.work.join(name);
            if path.exists() {
                fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
        Ok(())
    }

    fn make_by_hand(&self, round: usize) -> Result<f64> {
        let mut command = self.command();
        command
            .args(["exec", "--"])
            .arg(self.entries.join("by-hand"))
            .arg(&self.kubernetes);
        self.timed(
            &format!("round {round}, by hand"),
            &format!("by-hand-{round}"),
            &mut command,
        )
    }

    fn apply(&self, round: usize) -> Result<f64> {
        let progress_log = format!("progress_log={}", self.work.join("progress.jsonl").display());
        let mut command = self.terraform("apply");
        command.args(["-auto-approve", "-var", &progress_log]);
        self.timed(
            &format!("round {round}, terraform apply"),
            &format!("apply-{round}"),
            &mut command,
        )
    }

    /// Fails too if the plan wants to change something.
    fn plan(&self, number: usize) -> Result<f64> {
        let mut command = self.terraform("plan");
        command.arg("-detailed-exitcode");
        self.timed(
            &format!("plan without changes {number}"),
            &format!("plan-{number}"),
            &mut command,
        )
    }

    fn check_nodes(&self) -> Result<()> {
        let output = self
            .command()
            .args([
                "ssh",
                "m1",
                "kubectl",
                "--kubeconfig",
                "/etc/kubernetes/admin.conf",
            ])
            .args(["get", "nodes", "--output", "name"])
            .stderr(Stdio::inherit())
            .output()
            .context("cannot start the lab's entry")?;
        let nodes = String::from_utf8_lossy(&output.stdout).lines().count();
        ensure!(
            output.status.success() && nodes == NODES,
            "the cluster has {nodes} nodes, not {NODES}"
        );
        Ok(())
    }

    fn terraform(&self, action: &str) -> Command {
        let mut command = self.command();
        command
            .env("TF_VAR_ssh_known_hosts_file", self.work.join("known_hosts"))
            .args(["exec", "--", "sh", "-c", WITH_KEY, "sh", "terraform"])
            .arg(format!("-chdir={}", self.work.display()))
            .args([action, "-input=false", "-no-color", "-var-file=lab.tfvars"])
            // After the file, or the file's would win.
            .arg(format!("-var=kubernetes_version={}", self.kubernetes));
        command
    }

    fn command(&self) -> Command {
        Command::new(self.entries.join("lab"))
    }

    /// Seconds of a command from start to end; its output goes to a log in the folder.
    fn timed(&self, title: &str, log: &str, command: &mut Command) -> Result<f64> {
        let path = self.work.join(log).with_extension("log");
        let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        command
            .stdin(Stdio::null())
            .stderr(file.try_clone()?)
            .stdout(file);
        let start = Instant::now();
        let status = command
            .status()
            .with_context(|| format!("cannot start {title}"))?;
        let seconds = start.elapsed().as_secs_f64();
        if status.success() {
            progress::line(&format!("{title}: {seconds:.2} s"));
            return Ok(seconds);
        }
        let text = fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.trim_end().lines().collect();
        let last = lines
            .get(lines.len().saturating_sub(LAST_LINES)..)
            .unwrap_or_default()
            .join("\n  ");
        bail!(
            "{title} failed ({status}), all of it in {}:\n  {last}",
            path.display()
        )
    }
}
