//! Chaos: random operations under random faults at random moments, and after each the cluster must be exactly what the
//! configuration says.
//!
//! [`plan`] draws the rounds from a seed; [`operation`], [`fault`] and [`moment`] are what a round is made of, [`shape`]
//! what a configuration asks for. [`round`] plays one ([`under_fault`] its first part), while [`probe`] watches;
//! [`verify`] looks at what it left; [`table`] tells, and [`evidence`] keeps what a failed round leaves.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool answers and fails in the terminal"
)]
mod evidence;
mod fault;
mod moment;
mod operation;
mod plan;
mod probe;
mod round;
mod shape;
mod table;
mod under_fault;
mod verify;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use acceptance::lab::progress;
use anyhow::{Context as _, Result, bail};
use clap::Parser;

use operation::Size;
use round::Stage;
use shape::Pool;

/// Plays rounds on the lab and prints a table; `acceptance/chaos` prepares what it needs.
#[derive(Debug, Parser)]
#[command(name = "chaos")]
struct Cli {
    /// The provider's program
    #[arg(long)]
    provider: PathBuf,
    /// Folder for Terraform's files and the logs of failed rounds
    #[arg(long)]
    work: PathBuf,
    /// How many rounds
    #[arg(long, default_value_t = 10)]
    rounds: usize,
    /// The same seed gives the same rounds [default: a random one, which is printed]
    #[arg(long)]
    seed: Option<u64>,
    /// Play only these of the rounds, e.g. `7` or `5..9`
    #[arg(long)]
    only: Option<Only>,
    /// Small clusters only: a short sample
    #[arg(long)]
    small: bool,
    /// Stop after the first failed round and leave the lab as it is
    #[arg(long)]
    stop: bool,
    /// Show the rounds and play none
    #[arg(long)]
    list: bool,
}

/// Some of the rounds, first and last included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Only(usize, usize);

impl FromStr for Only {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        let only = Self(first.parse()?, last.trim_start_matches('=').parse()?);
        if only.0 == 0 || only.0 > only.1 {
            bail!("{text:?} is no part of the rounds");
        }
        Ok(only)
    }
}

/// Whether all rounds were good.
fn run(cli: &Cli) -> Result<bool> {
    let seed = cli.seed.unwrap_or_else(|| u64::from(fastrand::u32(..)));
    let size = if cli.small { Size::Small } else { Size::Full };
    let Only(first, last) = cli.only.unwrap_or(Only(1, cli.rounds));
    let rounds = plan::rounds(seed, cli.rounds.max(last), &Pool::new()?, size);
    let rounds: Vec<_> = rounds
        .into_iter()
        .filter(|round| (first..=last).contains(&round.number))
        .collect();
    println!(
        "seed {seed}, rounds {first} to {last}{}",
        if cli.small { ", small" } else { "" }
    );
    if cli.list {
        for round in &rounds {
            println!(
                "{:3}  {} / {} / {}",
                round.number, round.operation, round.fault, round.moment
            );
        }
        return Ok(true);
    }
    fs::create_dir_all(&cli.work)?;
    let work = cli.work.canonicalize().context("the folder for files")?;
    let mut stage = Stage::new(&cli.provider, &work)?;
    let (mut rows, mut failed) = (Vec::new(), Vec::new());
    for round in &rounds {
        let report = match stage.play(round) {
            Ok(report) => report,
            Err(error) => {
                // The rounds after it are as good as without it, on a fresh lab.
                progress::line(&format!("round {} could not be played: {error:#}", round.number));
                failed.push((round.number, stage.folder(round)));
                if cli.stop {
                    break;
                }
                continue;
            }
        };
        let cells = table::cells(round, &report);
        progress::line(&cells.join(" | "));
        rows.push(cells);
        if !report.is_good() {
            progress::line(&format!(
                "round {} failed: {}",
                round.number,
                report.folder.display()
            ));
            if let Err(error) = &report.converged {
                progress::line(&format!("  not converged: {error:#}"));
            }
            if let Err(error) = &report.secrets {
                progress::line(&format!("  secrets: {error:#}"));
            }
            failed.push((round.number, report.folder));
            if cli.stop {
                break;
            }
        }
    }
    print!("\n{}", table::render(&rows));
    println!("\nseed {seed}: {} rounds, {} failed", rows.len(), failed.len());
    for (number, folder) in &failed {
        println!("  round {number}: logs in {}", folder.display());
    }
    Ok(failed.is_empty())
}

fn main() -> ExitCode {
    progress::start();
    match run(&Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("chaos: error: {error:#}");
            ExitCode::from(2)
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
    fn some_of_the_rounds_can_be_chosen() {
        assert_eq!("7".parse::<Only>().unwrap(), Only(7, 7));
        assert_eq!("5..9".parse::<Only>().unwrap(), Only(5, 9));
        assert!("0".parse::<Only>().is_err() && "9..5".parse::<Only>().is_err());
    }
}
