//! Words of what lets nobody in, or lacks a program: PAM, shells, cloud-init.
use super::Refusal;

const NOT_FOUND: &[&str] = &["not found", "No such file", "Unknown command"];

/// What `pam_nologin(8)` tells users while a machine boots, and systemd-user-sessions.service writes for it.
pub(super) const BOOTING: &[&str] = &[
    "System is booting up",
    "System is going down",
    "Unprivileged users are not permitted to log in yet",
];

/// The program of the remote command itself that a host is without.
pub(super) fn missing_tool(says: &str) -> Option<&'static str> {
    ["timeout", "/usr/bin/env", "/bin/sh"]
        .into_iter()
        .find(|tool| is_missing(says, tool))
}

/// Whether some line says that this very program is not there: its name stands right before or after the words. Others
/// may stand in the line as well, as it is one of them that misses it, and in other lines, which only warn.
pub(super) fn is_missing(says: &str, program: &str) -> bool {
    let marks = |letter: char| ":;,.'\"`\u{2018}\u{2019}".contains(letter);
    let is_word = |word: &&str| !word.is_empty() && *word != "command";
    says.split("; ").any(|line| {
        NOT_FOUND.iter().any(|words| {
            line.split_once(words).is_some_and(|(before, after)| {
                let before = before.split_whitespace().map(|word| word.trim_matches(marks));
                let after = after.split_whitespace().map(|word| word.trim_matches(marks));
                before.rev().find(is_word) == Some(program)
                    || after.into_iter().find(is_word) == Some(program)
            })
        })
    })
}

/// What is said by what lets nobody in, or not for this.
pub(super) fn refusal(says: &str) -> Option<Refusal> {
    // cloud-init's `disable_root_opts`, as each cloud image has it for root.
    if let Some((_, rest)) = says.split_once("Please login as the user ") {
        let user = rest
            .split(['"', '\'', '\u{201c}', '\u{201d}', ' '])
            .find(|word| !word.is_empty());
        return Some(Refusal::AnotherUser(user.unwrap_or_default().to_owned()));
    }
    let table: &[(&[&str], Refusal)] = &[
        (
            &[
                "This account is currently not available",
                "This account is not available",
            ],
            Refusal::NoShell,
        ),
        (
            &[
                "password has expired",
                "Password change required",
                "required to change your password",
                "account has expired",
                "Account expired",
            ],
            Refusal::Expired,
        ),
        (
            &[
                "restricted: cannot specify",
                "restricted: cannot",
                ": restricted",
                "fatal: unrecognized command",
                "Interactive git shell is not enabled",
                "This service allows sftp connections only",
                "not allowed to use this program",
                "lshell",
            ],
            Refusal::Restricted,
        ),
    ];
    table
        .iter()
        .find(|(words, _)| words.iter().any(|words| says.contains(words)))
        .map(|(_, refusal)| refusal.clone())
}
