//! The command line of the lab.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool answers and fails in the terminal"
)]
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use acceptance::lab::address::NodeName;
use acceptance::lab::cache::Cache;
use acceptance::lab::operations::{self, Wanted};
use acceptance::lab::{progress, requirements};
use anyhow::Result;
use clap::{Args, Parser, Subcommand};

/// What `lab status` ends with when there is no lab, as `systemctl status` does for a unit that is off.
const DOWN: u8 = 3;

/// Real kubeadm nodes on one machine, for demonstrations and tests.
#[derive(Debug, Parser)]
#[command(name = "lab")]
struct Cli {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make the lab, or add the nodes that it lacks
    Up {
        /// Nodes: m1 to m9 (10.88.0.11…), w1 to w9 (10.88.0.21…), lb1 to lb9 (10.88.0.31…)
        #[arg(long, value_delimiter = ',', default_value = "m1,m2,m3,w1")]
        nodes: Vec<NodeName>,
        #[command(flatten)]
        release: Release,
    },
    /// Remove all of it; what was built stays in the cache
    Down,
    /// Give all nodes fresh disks
    Reset,
    /// Show nodes, addresses and the SSH key; exit code 3 if the lab is down
    Status,
    /// Run a command in the lab's network, with `HA_LAB_SSH_KEY` in its environment
    Exec {
        /// The command with its arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
    /// Log in on a node, or run a command there
    Ssh {
        /// A node, as root; or USER@NODE
        #[arg(value_parser = login)]
        node: (String, NodeName),
        /// The command with its arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
    /// Take a node's network cable out
    Cut {
        /// The node
        node: NodeName,
    },
    /// Put a node's network cable in again
    Heal {
        /// The node
        node: NodeName,
    },
    /// Cut a node's power; its disk stays
    Kill {
        /// The node
        node: NodeName,
    },
    /// Boot a node that has no power
    Start {
        /// The node
        node: NodeName,
    },
    /// Take a node away with its disk; `up` makes it anew, with other host keys
    Remove {
        /// The node
        node: NodeName,
    },
    /// Build and import all that nodes are made of, to warm the cache
    Build {
        #[command(flatten)]
        release: Release,
    },
}

#[derive(Debug, Args)]
struct Release {
    /// Kubernetes release [default: that of the lab, else 1.37.2]
    #[arg(long)]
    kubernetes: Option<String>,
    /// Folder with kubeadm, kubelet, kubectl, kube-apiserver, kube-controller-manager, kube-scheduler, kube-proxy and, if
    /// these should not be built either, etcd, etcdctl and coredns
    #[arg(long)]
    binaries: Option<PathBuf>,
}

impl From<Release> for Wanted {
    fn from(release: Release) -> Self {
        let kubernetes = release
            .kubernetes
            .map(|version| version.trim_start_matches('v').to_owned());
        Self {
            kubernetes,
            binaries: release.binaries,
        }
    }
}

fn login(text: &str) -> Result<(String, NodeName)> {
    let (user, name) = text.split_once('@').unwrap_or(("root", text));
    Ok((user.to_owned(), name.parse()?))
}

fn run(action: Action) -> Result<ExitCode> {
    requirements::root_on_linux()?;
    let cache = Cache::from_env()?;
    match action {
        Action::Up { nodes, release } => operations::up(&cache, &nodes, &release.into())?,
        Action::Down => operations::down(&cache)?,
        Action::Reset => operations::reset(&cache)?,
        Action::Status => {
            let (text, is_up) = operations::status(&cache)?;
            print!("{text}");
            return Ok(if is_up {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(DOWN)
            });
        }
        Action::Exec { command } => operations::exec(&cache, &command)?,
        Action::Ssh {
            node: (user, name),
            command,
        } => operations::ssh(&cache, &user, name, &command)?,
        Action::Cut { node } => operations::cable(&cache, node, false)?,
        Action::Heal { node } => operations::cable(&cache, node, true)?,
        Action::Kill { node } => operations::kill(&cache, node)?,
        Action::Start { node } => operations::start(&cache, node)?,
        Action::Remove { node } => operations::remove(&cache, node)?,
        Action::Build { release } => operations::build(&cache, &release.into())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn main() -> ExitCode {
    progress::start();
    run(Cli::parse().action).unwrap_or_else(|error| {
        eprintln!("lab: error: {error:#}");
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn commands_keep_their_own_options() {
        let cli = Cli::try_parse_from(["lab", "exec", "--", "terraform", "apply", "-auto-approve"]).unwrap();
        assert!(matches!(cli.action, Action::Exec { command } if command.len() == 3));
        let cli = Cli::try_parse_from(["lab", "ssh", "ops@m1", "ls", "-l"]).unwrap();
        assert!(
            matches!(cli.action, Action::Ssh { node: (user, _), command } if user == "ops" && command.len() == 2)
        );
    }

    #[test]
    fn nodes_are_separated_by_commas() {
        let cli = Cli::try_parse_from(["lab", "up", "--nodes", "m1,w2", "--kubernetes", "v1.36.3"]).unwrap();
        let Action::Up { nodes, release } = cli.action else {
            panic!("not up")
        };
        assert_eq!(nodes.len(), 2);
        assert_eq!(Wanted::from(release).kubernetes.as_deref(), Some("1.36.3"));
        assert!(Cli::try_parse_from(["lab", "up", "--nodes", "m1,x"]).is_err());
    }
}
