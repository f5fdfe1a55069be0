//! Asks the API behind the floating address for /readyz ten times a second, each time on a new connection.
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};

use crate::lab::address::LAB_NETNS;
use crate::outages::Outages;
use crate::running_cluster::ENDPOINT;

/// A probe at work: one curl for all questions, which costs less than one for each.
#[derive(Debug)]
pub struct ApiProbe {
    curl: Child,
    thread: Option<JoinHandle<Vec<(Instant, bool)>>>,
}

impl ApiProbe {
    /// Starts it.
    pub fn start() -> Result<Self> {
        let mut command = Command::new("ip");
        command.args([
            "netns",
            "exec",
            LAB_NETNS,
            "curl",
            "--silent",
            "--insecure",
            "--http1.1",
        ]);
        command.args([
            "--header",
            "Connection: close",
            "--max-time",
            "1",
            "--rate",
            "10/s",
        ]);
        // To stderr, which is not buffered, so that a line's arrival is the answer's.
        command.args(["--output", "/dev/null", "--write-out", "%{stderr}%{http_code}\n"]);
        command.arg(format!("https://{ENDPOINT}/readyz?[1-9999999]"));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut curl = command.spawn().context("cannot start curl")?;
        let answers = curl.stderr.take().context("curl has no stderr")?;
        let thread = thread::spawn(move || {
            let lines = BufReader::new(answers).lines().map_while(Result::ok);
            lines.map(|line| (Instant::now(), line == "200")).collect()
        });
        Ok(Self {
            curl,
            thread: Some(thread),
        })
    }

    /// How long the API was out since it first answered; none if it never did.
    pub fn stop(mut self) -> Result<Option<Outages>> {
        self.end();
        let samples = match self.thread.take() {
            Some(thread) => thread.join().map_err(|_| anyhow!("the API's probe panicked"))?,
            None => Vec::new(),
        };
        Ok(Outages::of(&samples))
    }

    fn end(&mut self) {
        // It ends by itself only after days.
        let _gone = self.curl.kill().and_then(|()| self.curl.wait());
    }
}

impl Drop for ApiProbe {
    fn drop(&mut self) {
        self.end();
    }
}
