//! What runs on a host, as plain data: a shell script in, its output back.
//!
//! **Invariant:** no I/O here. Everything that a script carries travels on the standard input of a shell,
//! so nothing of it, secrets least of all, shows in a process list.
use std::{fmt, time::Duration};

use zeroize::Zeroizing;

/// A secret text. `Debug` and `Display` never show it; the memory is wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself, for the one place that has to write it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::hash::Hash for Secret {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.as_bytes().hash(state);
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// A POSIX shell script for one host, with a title that people and fakes know it by.
#[derive(Clone, Debug)]
pub struct Script {
    /// Names the script in logs, errors and the fake host, for example `kubeadm init`. Never holds a value.
    pub title: &'static str,
    /// The text. It runs in a subshell with standard input closed.
    pub body: String,
    /// Texts that must not appear in anything a person may see of this script's output.
    pub secrets: Vec<Secret>,
    /// Whether the secrets are taken out of standard output too; yes unless told. They never stay in
    /// standard error.
    pub redact: bool,
    /// Whether it changes nothing on the host; only [`Look::new`] says so.
    pub is_look: bool,
    /// After this long the host itself ends the script (`timeout`); 60 s unless told.
    pub limit: Duration,
}

impl Script {
    /// A script with the default limit and no secrets.
    pub fn new(title: &'static str, body: impl Into<String>) -> Self {
        Self {
            title,
            body: body.into(),
            secrets: Vec::new(),
            redact: true,
            is_look: false,
            limit: Duration::from_secs(60),
        }
    }

    /// Replaces the limit.
    #[must_use]
    pub fn limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Marks a text of the body as secret.
    #[must_use]
    pub fn secret(mut self, secret: &Secret) -> Self {
        self.secrets.push(secret.clone());
        self
    }

    /// Leaves secrets in standard output, for a caller that needs the value.
    #[must_use]
    pub fn keep_secrets(self) -> Self {
        Self {
            redact: false,
            ..self
        }
    }

    /// The text with this script's secrets replaced by `(secret)`: each as a whole, and each long line of one,
    /// because programs like to show a file's lines one by one.
    pub fn without_secrets(&self, text: &str) -> String {
        let mut needles: Vec<&str> = self
            .secrets
            .iter()
            .flat_map(|secret| {
                let whole = secret.reveal().trim();
                let lines = whole
                    .lines()
                    .map(str::trim)
                    .filter(|line| line.len() >= LONG_LINE);
                std::iter::once(whole).chain(lines)
            })
            .filter(|needle| !needle.is_empty())
            .collect();
        needles.sort_unstable_by_key(|needle| std::cmp::Reverse(needle.len()));
        needles
            .into_iter()
            .fold(text.to_owned(), |text, needle| text.replace(needle, "(secret)"))
    }
}

/// A script that changes nothing on the host. Anybody may run it at any time; what changes something needs the right to,
/// see [`crate::remote::Permit`].
#[derive(Clone, Debug)]
pub struct Look(Script);

impl Look {
    /// A look with the default limit.
    pub fn new(title: &'static str, body: impl Into<String>) -> Self {
        Self(Script {
            is_look: true,
            ..Script::new(title, body)
        })
    }

    /// Replaces the limit.
    #[must_use]
    pub fn limit(self, limit: Duration) -> Self {
        Self(self.0.limit(limit))
    }
}

impl std::ops::Deref for Look {
    type Target = Script;

    fn deref(&self) -> &Script {
        &self.0
    }
}

/// A line of a secret that is at least this long, in bytes, is a secret by itself.
const LONG_LINE: usize = 16;

/// What a script gave back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// The script's own exit status.
    pub status: i32,
    /// Standard output, secrets replaced unless the script says otherwise.
    pub stdout: String,
    /// Standard error, secrets replaced.
    pub stderr: String,
}

impl Output {
    /// The standard output if the script ended with 0.
    pub fn success(self, title: &'static str) -> Result<String, Failed> {
        if self.status == 0 {
            Ok(self.stdout)
        } else {
            Err(Failed {
                title,
                status: self.status,
                tail: tail(&self.stderr, &self.stdout),
            })
        }
    }
}

/// A script ended with another status than 0.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{title} ended with status {status}: {tail}")]
pub struct Failed {
    /// The script's title.
    pub title: &'static str,
    /// Its exit status.
    pub status: i32,
    /// Its last lines, standard error first.
    pub tail: String,
}

const TAIL_LINES: usize = 20;

fn tail(stderr: &str, stdout: &str) -> String {
    let text = if stderr.trim().is_empty() { stdout } else { stderr };
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines
        .get(lines.len().saturating_sub(TAIL_LINES)..)
        .unwrap_or_default()
        .join("\n")
}

/// Quotes a text as one word of a POSIX shell.
pub fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_quoted_text_is_one_word_of_sh(text in "[^\0]{0,60}") {
            let output = std::process::Command::new("sh")
                .args(["-c", &format!("printf %s {}", quote(&text))])
                .output()
                .unwrap();
            prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
        }
    }

    #[test]
    fn a_secret_never_shows() {
        let script = Script::new("x", "y").secret(&Secret::new("hunter2"));
        assert!(!format!("{script:?}").contains("hunter2"));
    }

    #[test]
    fn secrets_are_replaced_as_a_whole_and_by_long_lines() {
        let script = Script::new("x", "y")
            .secret(&Secret::new("tok"))
            .secret(&Secret::new("first line of a key\nend\n"))
            .secret(&Secret::new(""));
        assert_eq!(script.without_secrets("a tok b"), "a (secret) b");
        assert_eq!(
            script.without_secrets("> first line of a key\n> end"),
            "> (secret)\n> end"
        );
        assert_eq!(script.without_secrets("first line of a key\nend"), "(secret)");
    }

    #[test]
    fn a_failure_shows_the_last_lines_of_stderr() {
        let stderr = (0..30).map(|i| i.to_string()).collect::<Vec<_>>().join("\n");
        let failed = Output {
            status: 1,
            stdout: "out".into(),
            stderr,
        }
        .success("kubeadm init")
        .unwrap_err();
        assert!(
            failed.tail.starts_with("10\n") && failed.tail.ends_with("29"),
            "{}",
            failed.tail
        );
    }
}
