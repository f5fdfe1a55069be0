//! Many questions to a host in one round trip.
use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::command::{Script, quote};

/// Shell commands under keys, run one after the other by one script.
#[derive(Clone, Debug, Default)]
pub struct Query {
    sections: Vec<(String, String)>,
}

/// A section that takes longer is ended, with status 124.
const SECTION_LIMIT_SECONDS: u32 = 5;
/// The last line, so that a cut output is not taken for a whole one.
const END: &str = "end";

impl Query {
    /// No question yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a question: a POSIX shell command whose standard output and exit status are the answer. The key is
    /// one word.
    #[must_use]
    pub fn section(mut self, key: impl Into<String>, command: impl Into<String>) -> Self {
        self.sections.push((key.into(), command.into()));
        self
    }

    /// The script that asks everything. It ends with status 0 whatever the sections' statuses are.
    pub fn script(&self, title: &'static str) -> Script {
        let mut body = format!(
            "export LC_ALL=C PATH=\"$PATH:/usr/local/sbin:/usr/sbin:/sbin\"\n\
             section() {{\n\
             \x20 out=$(timeout {SECTION_LIMIT_SECONDS} sh -c \"$2\" 2>/dev/null </dev/null; echo \"/$?\")\n\
             \x20 echo \"$1 ${{out##*/}} $(printf %s \"${{out%/*}}\" | base64 -w0)\"\n\
             }}\n"
        );
        for (key, command) in &self.sections {
            let _ = writeln!(body, "section {} {}", quote(key), quote(command));
        }
        let _ = writeln!(body, "echo {END}");
        Script::new(title, body)
    }
}

/// What a [`Query`]'s script printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    sections: BTreeMap<String, (i32, String)>,
}

/// An output that is not a query's, or not all of it.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ParseAnswersError {
    /// A line has another form than `key status base64`.
    #[error("line {line} of the answer is not of the form `key status base64`")]
    Line {
        /// Counted from 1.
        line: usize,
    },
    /// The last line is missing.
    #[error("the answer ends early")]
    Cut,
}

impl Answers {
    /// Reads the standard output of [`Query::script`].
    pub fn parse(stdout: &str) -> Result<Self, ParseAnswersError> {
        let mut sections = BTreeMap::new();
        for (index, line) in stdout.lines().enumerate() {
            if line == END {
                return Ok(Self { sections });
            }
            let (key, answer) = parse_line(line).ok_or(ParseAnswersError::Line { line: index + 1 })?;
            sections.insert(key, answer);
        }
        Err(ParseAnswersError::Cut)
    }

    /// Answers as a host would give them, for fakes and tests: `(key, status, text)`.
    pub fn from_sections<'a>(sections: impl IntoIterator<Item = (&'a str, i32, &'a str)>) -> Self {
        let owned = |(key, status, text): (&str, i32, &str)| (key.to_owned(), (status, text.to_owned()));
        Self {
            sections: sections.into_iter().map(owned).collect(),
        }
    }

    /// The standard output that [`Answers::parse`] reads back to this.
    pub fn render(&self) -> String {
        let mut text = String::new();
        for (key, (status, answer)) in &self.sections {
            let _ = writeln!(text, "{key} {status} {}", STANDARD.encode(answer));
        }
        text + END + "\n"
    }

    /// The standard output of a section that ended with 0.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.sections.get(key) {
            Some((0, text)) => Some(text),
            _ => None,
        }
    }

    /// The exit status of a section that was asked.
    pub fn status(&self, key: &str) -> Option<i32> {
        self.sections.get(key).map(|(status, _)| *status)
    }

    /// Whether a section ended with 0.
    pub fn is_yes(&self, key: &str) -> bool {
        self.status(key) == Some(0)
    }
}

fn parse_line(line: &str) -> Option<(String, (i32, String))> {
    let mut words = line.split(' ');
    let (key, status, encoded) = (words.next()?, words.next()?, words.next()?);
    if key.is_empty() || words.next().is_some() {
        return None;
    }
    let bytes = STANDARD.decode(encoded).ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Some((key.to_owned(), (status.parse().ok()?, text)))
}
