//! Many questions to a host in one round trip.
use std::collections::BTreeMap;
use std::{fmt::Write as _, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::command::{Look, quote};

/// Shell commands under keys, run one after the other by one script.
#[derive(Clone, Debug, Default)]
pub struct Query {
    sections: Vec<(String, String, u32)>,
}

/// Limit in seconds of a section that asks systemd or starts a program of Kubernetes, which a small or busy host is slow at.
pub const SLOW_SECONDS: u32 = 20;
/// What the sections' own limits leave out: starting each, and the shell.
const SLACK: Duration = Duration::from_secs(20);
/// A section that takes longer is ended, with status 124, unless it has a limit of its own.
const SECTION_LIMIT_SECONDS: u32 = 5;
/// What `timeout` says of what it ended.
const TIMED_OUT: i32 = 124;
/// The last line, so that a cut output is not taken for a whole one.
const END: &str = "end";
/// The first word of the only line where the host lacks what every answer needs.
const MISSING: &str = "missing";

impl Query {
    /// No question yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a question: a POSIX shell command whose standard output and exit status are the answer. The key is
    /// one word.
    #[must_use]
    pub fn section(self, key: impl Into<String>, command: impl Into<String>) -> Self {
        self.section_within(key, command, SECTION_LIMIT_SECONDS)
    }

    /// The same, with a limit in seconds for what is slow on a small or busy host.
    #[must_use]
    pub fn section_within(
        mut self,
        key: impl Into<String>,
        command: impl Into<String>,
        seconds: u32,
    ) -> Self {
        self.sections.push((key.into(), command.into(), seconds));
        self
    }

    /// The script that asks everything. It ends with status 0 whatever the sections' statuses are, and has time for each to
    /// take all of its own.
    pub fn script(&self, title: &'static str) -> Look {
        let mut body = format!(
            "export LC_ALL=C PATH=\"$PATH:/usr/local/sbin:/usr/sbin:/sbin\"\n\
             for p in timeout base64; do command -v $p >/dev/null || {{ echo \"{MISSING} $p\"; exit 0; }}; done\n\
             section() {{\n\
             \x20 out=$(timeout $3 sh -c \"$2\" 2>/dev/null </dev/null; echo \"/$?\")\n\
             \x20 echo \"$1 ${{out##*/}} $(printf %s \"${{out%/*}}\" | base64 -w0)\"\n\
             }}\n"
        );
        for (key, command, seconds) in &self.sections {
            let _ = writeln!(body, "section {} {} {seconds}", quote(key), quote(command));
        }
        let _ = writeln!(body, "echo {END}");
        let all: u32 = self.sections.iter().map(|(.., seconds)| seconds).sum();
        let script = Look::new(title, body);
        let limit = script.limit.max(Duration::from_secs(u64::from(all)) + SLACK);
        script.limit(limit)
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
    /// The host lacks a program without which it can answer nothing.
    #[error("the host has no `{program}`, a program of GNU coreutils and of BusyBox; install it")]
    Missing {
        /// Its name.
        program: String,
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
            if let Some((MISSING, program)) = line.split_once(' ') {
                return Err(ParseAnswersError::Missing {
                    program: program.to_owned(),
                });
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

    /// Sections that took longer than their limit, so that they say nothing: neither yes nor no.
    pub fn timed_out(&self) -> impl Iterator<Item = &str> {
        self.sections
            .iter()
            .filter(|(_, (status, _))| *status == TIMED_OUT)
            .map(|(key, _)| key.as_str())
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ask(query: &Query) -> Answers {
        let output = std::process::Command::new("sh")
            .args(["-c", &query.script("t").body])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        Answers::parse(&String::from_utf8(output.stdout).unwrap()).unwrap()
    }

    #[test]
    fn each_section_keeps_its_output_and_status() {
        let query = Query::new()
            .section("text", "printf 'two\\nlines \\303\\244 / \\n\\n'; echo noise >&2")
            .section("fails", "echo it\\'s no; exit 7")
            .section("reads", "cat")
            .section("silent", ":");
        let answers = ask(&query);
        assert_eq!(answers.text("text"), Some("two\nlines ä / \n\n"));
        assert_eq!((answers.text("fails"), answers.status("fails")), (None, Some(7)));
        assert_eq!(answers.text("reads"), Some(""));
        assert_eq!(answers.text("silent"), Some(""));
        assert_eq!(
            (answers.status("never asked"), answers.is_yes("silent")),
            (None, true)
        );
    }

    #[test]
    fn what_takes_too_long_is_neither_yes_nor_no() {
        let answers = ask(&Query::new()
            .section_within("slow", "sleep 30", 1)
            .section("quick", "exit 1"));
        assert_eq!(answers.timed_out().collect::<Vec<_>>(), ["slow"]);
        assert_eq!((answers.text("slow"), answers.is_yes("slow")), (None, false));
    }

    #[test]
    fn a_host_without_the_programs_that_answer_says_which() {
        let script = Query::new().section("name", "uname -n").script("t").body.clone();
        for missing in ["timeout", "base64"] {
            let body = script.replacen("command -v $p", &format!("[ $p != {missing} ]"), 1);
            let output = std::process::Command::new("sh")
                .args(["-c", &body])
                .output()
                .unwrap();
            assert_eq!(
                Answers::parse(&String::from_utf8(output.stdout).unwrap()),
                Err(ParseAnswersError::Missing {
                    program: missing.to_owned()
                })
            );
        }
    }

    #[test]
    fn a_cut_or_foreign_output_is_an_error() {
        assert_eq!(Answers::parse("a 0 \n"), Err(ParseAnswersError::Cut));
        assert_eq!(
            Answers::parse("a 0 \nsudo: sorry\n"),
            Err(ParseAnswersError::Line { line: 2 })
        );
        assert_eq!(
            Answers::parse("a 0 !\nend\n"),
            Err(ParseAnswersError::Line { line: 1 })
        );
    }

    #[test]
    fn there_is_time_for_every_section() {
        let query = (0..10).fold(Query::new(), |query, key| query.section(key.to_string(), ":"));
        assert!(query.script("t").limit > Duration::from_secs(50));
        let query = query.section_within("slow", ":", SLOW_SECONDS);
        assert!(query.script("t").limit > Duration::from_secs(70));
        assert_eq!(Query::new().script("t").limit, Look::new("t", "").limit);
    }

    #[test]
    fn renders_the_script() {
        insta::assert_snapshot!(Query::new().section("name", "uname -n").script("t").body);
    }

    proptest! {
        #[test]
        fn rendered_answers_read_back(sections in proptest::collection::btree_map("[a-z_]{1,8}", (0..=255, ".*"), 0..5)) {
            let answers = Answers { sections };
            prop_assert_eq!(Answers::parse(&answers.render()), Ok(answers));
        }
    }
}
