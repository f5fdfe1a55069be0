//! Lines on stderr that say what the lab is doing and since when; stdout stays free for answers.
#![expect(
    clippy::print_stderr,
    reason = "the progress of a command-line tool belongs on stderr"
)]
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::Result;

static START: OnceLock<Instant> = OnceLock::new();

/// Starts the clock of all lines.
pub fn start() {
    elapsed();
}

fn elapsed() -> Duration {
    START.get_or_init(Instant::now).elapsed()
}

/// Writes one line with the time since [`start`].
pub fn line(text: &str) {
    eprintln!("[{:6.1} s] {text}", elapsed().as_secs_f64());
}

/// Does `work` between a line that announces it and one that tells how long it took.
pub fn step<T>(title: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    line(&format!("{title} …"));
    let start = Instant::now();
    let result = work()?;
    line(&format!("{title}: {:.1} s", start.elapsed().as_secs_f64()));
    Ok(result)
}
