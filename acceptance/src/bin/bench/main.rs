//! What the provider costs: time to a cluster against the same steps by hand, plan, process start and memory.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool answers and fails in the terminal"
)]
mod clusters;
mod process;
mod samples;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use acceptance::lab::progress;
use anyhow::Result;
use clap::Parser;

use clusters::Lab;
use table::{Row, Target, Unit};

/// DESIGN of the handshake: what a plugin may cost before Terraform can talk to it.
const HANDSHAKE_SECONDS: f64 = 0.005;
/// Memory of a provider that does nothing.
const REST_BYTES: f64 = 20.0 * 1024.0 * 1024.0;
/// A plan that finds nothing to do, four hosts.
const PLAN_SECONDS: f64 = 1.0;
/// Time of `terraform apply` by the time of the same steps by hand.
const APPLY_RATIO: f64 = 1.10;

/// Measures the provider and prints a table; `acceptance/bench` prepares what it needs.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Cli {
    /// The provider's program, built for release
    #[arg(long)]
    provider: PathBuf,
    /// How often a cluster is made by either way; 0 measures the process alone and needs no lab
    #[arg(long, default_value_t = 0, requires_all = ["kubernetes", "work", "entries"])]
    rounds: usize,
    /// The lab's release of Kubernetes, e.g. 1.37.2
    #[arg(long)]
    kubernetes: Option<String>,
    /// Folder with the example, after `terraform init`; logs are written there
    #[arg(long)]
    work: Option<PathBuf>,
    /// Folder with the programs `lab` and `by-hand`
    #[arg(long)]
    entries: Option<PathBuf>,
}

fn run(cli: Cli) -> Result<String> {
    let mut rows = Vec::new();
    if let (1.., Some(kubernetes), Some(work), Some(entries)) =
        (cli.rounds, cli.kubernetes, cli.work, cli.entries)
    {
        let lab = Lab {
            kubernetes,
            work,
            entries,
        };
        let times = clusters::measure(&lab, cli.rounds)?;
        let by_hand = times.by_hand.median();
        rows.push(Row::new(
            "cluster by hand",
            Unit::Seconds,
            times.by_hand,
            Target::None,
        ));
        rows.push(Row::new(
            "cluster by terraform apply",
            Unit::Seconds,
            times.apply,
            Target::Ratio {
                to: by_hand,
                at_most: APPLY_RATIO,
            },
        ));
        rows.push(Row::new(
            "plan without changes, 4 hosts",
            Unit::Seconds,
            times.plan,
            Target::AtMost(PLAN_SECONDS),
        ));
    }
    let process = process::measure(&cli.provider)?;
    rows.push(Row::new(
        "process start to handshake",
        Unit::Milliseconds,
        process.handshake,
        Target::AtMost(HANDSHAKE_SECONDS),
    ));
    rows.push(Row::new(
        "resident memory at rest",
        Unit::Mebibytes,
        process.resident,
        Target::AtMost(REST_BYTES),
    ));
    Ok(table::render(&rows))
}

fn main() -> ExitCode {
    progress::start();
    match run(Cli::parse()) {
        Ok(table) => {
            print!("{table}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bench: error: {error:#}");
            ExitCode::FAILURE
        }
    }
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
    fn rounds_need_a_lab() {
        assert!(Cli::try_parse_from(["bench", "--provider", "p"]).is_ok());
        assert!(Cli::try_parse_from(["bench", "--provider", "p", "--rounds", "3"]).is_err());
    }
}
