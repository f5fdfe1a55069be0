//! From what a host said instead of a script's answer to a transport error.
//!
//! The words are those of OpenSSH's sshd, Linux-PAM, shadow, util-linux, sudo 1.8 to 1.9, sudo-rs and cloud-init, in
//! English; what nobody has foreseen is shown as it is.
use std::time::Duration;

use super::{
    TransportError,
    host_words::{end_of, one_line, readable, without_command},
    refusal::{BOOTING, is_missing, missing_tool, refusal},
    wrapper,
};
use crate::command::Script;

/// Who logged in where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Login<'a> {
    /// The host.
    pub(super) hop: &'a str,
    pub(super) user: &'a str,
    /// Whether the script goes through sudo.
    pub(super) sudo: bool,
}

/// How the remote command ended although the answer is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// With this exit status.
    Status(i32),
    /// By a signal, with the connection still there.
    Killed,
    /// The connection is gone.
    Unknown,
    /// It did not end while we waited.
    Never,
}

/// What was seen of a command whose answer is not whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    /// Whether our shell began.
    pub(super) begun: bool,
    pub(super) ending: Ending,
    /// Since the command was sent.
    pub(super) elapsed: Duration,
    pub(super) stdout: &'a [u8],
    pub(super) stderr: &'a [u8],
}

/// Why the answer is not whole.
pub(super) fn explain(script: &Script, login: Login<'_>, seen: &Seen<'_>) -> TransportError {
    let title = script.title;
    let timed_out = TransportError::TimedOut {
        title,
        seconds: wrapper::whole_seconds(script.limit),
    };
    match seen.ending {
        Ending::Unknown => return TransportError::Disconnected { title },
        Ending::Never if seen.begun => return timed_out,
        Ending::Status(124 | 137) | Ending::Killed if seen.elapsed >= script.limit => return timed_out,
        _ => {}
    }
    let text = |bytes: &[u8]| script.without_secrets(&String::from_utf8_lossy(bytes));
    let says = without_command(&format!("{}\n{}", text(seen.stdout), text(seen.stderr)));
    if seen.begun {
        return match seen.ending {
            Ending::Status(wrapper::NOT_WHOLE) => TransportError::InputTaken {
                hop: login.hop.to_owned(),
                user: login.user.to_owned(),
            },
            ending => TransportError::Other(incomplete(title, ending, &readable(&text(seen.stderr)))),
        };
    }
    before_the_script(login, seen, &one_line(&says))
}

fn incomplete(title: &str, ending: Ending, says: &str) -> String {
    let how = how(ending);
    format!("the shell of {title} did not reach the end ({how}): {says}")
        .trim_end_matches(": ")
        .to_owned()
}

fn how(ending: Ending) -> String {
    match ending {
        Ending::Status(status) => format!("status {status}"),
        Ending::Killed => "killed by a signal".to_owned(),
        Ending::Unknown => "the connection broke".to_owned(),
        Ending::Never => "it did not end".to_owned(),
    }
}

/// Our shell never began, so none of the script ran.
fn before_the_script(login: Login<'_>, seen: &Seen<'_>, whole: &str) -> TransportError {
    let (hop, user) = (login.hop.to_owned(), login.user.to_owned());
    let says = end_of(whole);
    let any = |words: &[&str]| words.iter().any(|words| whole.contains(words));
    if login.sudo {
        if any(SUDO_TTY) {
            return TransportError::SudoTty { user };
        }
        if any(SUDO_NOT_ALLOWED) {
            return TransportError::SudoNotAllowed { user, says };
        }
        if whole.contains("sudo") && any(SUDO_PASSWORD) {
            return TransportError::SudoPassword { user };
        }
        if is_missing(whole, "sudo") {
            return TransportError::SudoNotInstalled;
        }
    }
    if any(BOOTING) {
        return TransportError::Booting { hop, says };
    }
    if let Some(tool) = missing_tool(whole) {
        return TransportError::ToolMissing { hop, tool };
    }
    if let Some(refusal) = refusal(whole) {
        return TransportError::LoginRefused {
            hop,
            user,
            says,
            refusal,
        };
    }
    match seen.ending {
        Ending::Never => TransportError::ShellStuck {
            hop,
            user,
            seconds: seen.elapsed.as_secs(),
            says,
        },
        ending => TransportError::ShellEnded {
            hop,
            user,
            how: how(ending),
            says,
        },
    }
}

const SUDO_TTY: &[&str] = &["you must have a tty", "must be run from a terminal"];

const SUDO_PASSWORD: &[&str] = &[
    "a password is required",
    "a terminal is required",
    "no tty present",
    "interactive authentication is required",
];

const SUDO_NOT_ALLOWED: &[&str] = &[
    "not in the sudoers file",
    "is not allowed to execute",
    "is not allowed to run sudo",
    "may not run sudo",
    "you are not permitted to",
    "I'm afraid I can't do that",
    "account validation failure",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{command::Secret, remote::host_words};

    const HOUR: Duration = Duration::from_secs(3600);

    const LOGIN: Login<'_> = Login {
        hop: "m1",
        user: "ops",
        sudo: true,
    };

    /// Before our script began.
    fn instead(ending: Ending, stdout: &str, stderr: &str) -> TransportError {
        let script = Script::new("read facts", "").secret(&Secret::new("hunter2"));
        let seen = Seen {
            begun: false,
            ending,
            elapsed: Duration::from_secs(3),
            stdout: stdout.as_bytes(),
            stderr: stderr.as_bytes(),
        };
        explain(&script, LOGIN, &seen)
    }

    /// How the command ended, and what was printed.
    const ROWS: &[(Ending, &str, &str)] = &[
        (Ending::Status(1), "", "sudo: a password is required\n"),
        (
            Ending::Status(1),
            "",
            "sudo: a terminal is required to read the password; either use the -S option to read from standard input or configure an askpass helper\nsudo: a password is required\n",
        ),
        (
            Ending::Status(1),
            "",
            "sudo: no tty present and no askpass program specified\n",
        ),
        (
            Ending::Status(1),
            "",
            "sudo-rs: interactive authentication is required\n",
        ),
        (
            Ending::Status(1),
            "",
            "sudo: unable to resolve host m1: Name or service not known\nsudo: a password is required\n",
        ),
        (
            Ending::Status(1),
            "",
            "sudo: sorry, you must have a tty to run sudo\n",
        ),
        (
            Ending::Status(1),
            "",
            "ops is not in the sudoers file.  This incident will be reported.\n",
        ),
        (Ending::Status(1), "", "Sorry, user ops may not run sudo on m1.\n"),
        (
            Ending::Status(1),
            "",
            "sudo-rs: I'm sorry ops. I'm afraid I can't do that\n",
        ),
        (
            Ending::Status(1),
            "",
            "sudo: account validation failure, is your account locked?\n",
        ),
        (
            Ending::Status(127),
            "",
            "/usr/bin/env: 'sudo': No such file or directory\n",
        ),
        (
            Ending::Status(127),
            "",
            "env: can't execute 'sudo': No such file or directory\n",
        ),
        (
            Ending::Status(127),
            "",
            "/usr/bin/env: 'timeout': No such file or directory\n",
        ),
        (
            Ending::Status(127),
            "",
            "bash: line 1: /usr/bin/env: No such file or directory\n",
        ),
        (Ending::Status(127), "", "sh: 1: /bin/sh: not found\n"),
        (
            Ending::Status(127),
            "",
            "sudo: unable to resolve host m1: Name or service not known\n/usr/bin/env: 'timeout': No such file or directory\n",
        ),
        (Ending::Status(1), "", "sudo: /usr/bin/env: command not found\n"),
        (Ending::Status(127), "", "fish: Unknown command: /usr/bin/env\n"),
        (
            Ending::Status(142),
            "Please login as the user \"ubuntu\" rather than the user \"root\".\n\n",
            "",
        ),
        (
            Ending::Status(142),
            "Please login as the user 'debian' rather than the user 'root'.\n",
            "",
        ),
        (
            Ending::Status(1),
            "This account is currently not available.\n",
            "",
        ),
        (Ending::Status(1), "\nThis account is not available\n", ""),
        (
            Ending::Status(1),
            "",
            "rbash: line 1: /usr/bin/env: restricted: cannot specify `/' in command names\n",
        ),
        (
            Ending::Status(1),
            "This service allows sftp connections only.\n",
            "",
        ),
        (
            Ending::Status(1),
            "",
            "WARNING: Your password has expired.\nPassword change required but no TTY available.\n",
        ),
        (
            Ending::Status(254),
            "",
            "\"System is booting up. Unprivileged users are not permitted to log in yet. Please come back later. For technical details, see pam_nologin(8).\"\n",
        ),
        (Ending::Status(0), "Welcome to the backup service\n", ""),
        (Ending::Status(1), "", ""),
        (
            Ending::Killed,
            "\u{1b}[1;31mred\u{1b}[0m\u{7} \u{1b}]0;title\u{7}hunter2\n",
            "",
        ),
        (Ending::Never, "Which language? ", ""),
        (Ending::Unknown, "", ""),
    ];

    fn row(ending: Ending, stdout: &str, stderr: &str) -> String {
        let error = instead(ending, stdout, stderr);
        let name = format!("{error:?}");
        let name = name.split([' ', '{', '(']).next().unwrap().to_owned();
        let stderr = without_command(stderr);
        format!("{ending:?} {stdout:?} {stderr:?}\n => {name}: {error}\n")
    }

    #[test]
    fn what_a_host_says_instead() {
        let table: Vec<String> = ROWS
            .iter()
            .map(|(ending, stdout, stderr)| row(*ending, stdout, stderr))
            .collect();
        insta::assert_snapshot!(table.join("\n"));
    }

    #[test]
    fn what_shows_our_command_is_shown_without_it() {
        let command = wrapper::Envelope::new(&Script::new("x", ""), Some("ops")).command;
        let of_sudo = command.split_once(" -H ").unwrap().1.replace('\'', "");
        let sudo = format!("Sorry, user ops is not allowed to execute '{of_sudo}' as root on m1.\n");
        let git = format!("fatal: unrecognized command '{command}'\n");
        let rows = [sudo, git].map(|stderr| row(Ending::Status(1), "", &stderr));
        insta::assert_snapshot!(rows.join("\n"));
    }

    #[test]
    fn a_script_that_began_is_another_matter() {
        let script = Script::new("read facts", "").limit(HOUR);
        let explain = |ending, elapsed| {
            let seen = Seen {
                begun: true,
                ending,
                elapsed,
                stdout: b"",
                stderr: b"sudo: a password is required",
            };
            explain(&script, LOGIN, &seen)
        };
        let timed_out = TransportError::TimedOut {
            title: "read facts",
            seconds: 3600,
        };
        assert_eq!(explain(Ending::Never, HOUR), timed_out);
        assert_eq!(explain(Ending::Status(124), HOUR), timed_out);
        assert!(matches!(
            explain(Ending::Status(1), HOUR),
            TransportError::Other(_)
        ));
        assert!(matches!(
            explain(Ending::Killed, Duration::ZERO),
            TransportError::Other(_)
        ));
        let taken = TransportError::InputTaken {
            hop: "m1".into(),
            user: "ops".into(),
        };
        assert_eq!(explain(Ending::Status(wrapper::NOT_WHOLE), Duration::ZERO), taken);
    }

    #[test]
    fn long_words_keep_their_end() {
        let text = host_words::readable(&format!("{}\nthe end", "a".repeat(5000)));
        assert!(text.starts_with('…') && text.ends_with("; the end"), "{text}");
        assert!(text.chars().count() <= host_words::MOST + 2);
        let error = instead(Ending::Status(1), "hunter2", "hunter2");
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}
