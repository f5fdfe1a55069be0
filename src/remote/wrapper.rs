//! How a script travels to a shell on the host, and its answer back.
//!
//! **Invariant:** the remote command line holds nothing of the script. The body goes on standard input and is data until
//! all of it has arrived: a link that breaks on the way, or a startup file that reads a part of it, runs nothing.
//!
//! Whatever login shells, startup files and PAM print is no part of an answer: our shell says when it begins and ends.
//!
//! Why a script is not the input of `sh -s`: decision 35.
use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use zeroize::Zeroizing;

use super::answer::{Answer, find};
use crate::command::{Output, Script, quote};

/// How long after its limit a script that ignores SIGTERM gets SIGKILL.
pub(super) const KILL_AFTER: Duration = Duration::from_secs(10);

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What our shell ends with if it did not get the script as it was sent.
pub(super) const NOT_WHOLE: i32 = 97;

/// The limit as the host counts it: rounded up, at least 1 (0 would mean none).
pub(super) fn whole_seconds(limit: Duration) -> u64 {
    (limit.as_secs() + u64::from(limit.subsec_nanos() > 0)).max(1)
}

/// One script as it is sent, and the marks around its answer.
pub(super) struct Envelope {
    nonce: String,
    /// For the login shell of the host.
    pub(super) command: String,
    /// For the standard input of that command.
    pub(super) stdin: Zeroizing<String>,
}

impl Envelope {
    /// `sudo`: through sudo, for the user who logs in.
    pub(super) fn new(script: &Script, sudo: Option<&str>) -> Self {
        // Guessing it gains nothing: only the script itself writes there.
        let random = RandomState::new();
        let nonce = format!("ha-{:016x}{:016x}", random.hash_one(0), random.hash_one(1));
        // For what the script starts too: the environment of sudo is not passed on.
        let user = sudo.map_or_else(String::new, |user| format!("export SUDO_USER={}\n", quote(user)));
        // The subshell makes the shell parse the body as a whole. It is the last word, which saves dash a process.
        let stdin = Zeroizing::new(format!("#{nonce}\n{user}(\n{}\n)#{nonce}\n", script.body));
        Self {
            command: remote_command(&nonce, script.limit, sudo.is_some()),
            nonce,
            stdin,
        }
    }

    /// The standard output of the command, before any of it arrived.
    pub(super) fn answer(&self) -> Answer<'_> {
        Answer::new(&self.nonce)
    }

    /// Standard error without what was written before our shell began.
    pub(super) fn own_words<'a>(&self, stderr: &'a [u8]) -> &'a [u8] {
        let mark = format!("{}\n", self.nonce);
        let begin = find(stderr, mark.as_bytes()).map_or(0, |at| at + mark.len());
        stderr.get(begin..).unwrap_or_default()
    }
}

/// The command that the login shell of the host is given. That may be sh, zsh, fish or csh, with any PATH and any
/// environment: so it is plain words and one text in single quotes that has nothing in it which any of them takes for
/// special there (`'`, `!`, `\`, a line's end).
fn remote_command(nonce: &str, limit: Duration, sudo: bool) -> String {
    let sudo = if sudo {
        format!("/usr/bin/env LC_ALL=C PATH={PATH} sudo -n -H ")
    } else {
        String::new()
    };
    let (kill_after, seconds) = (KILL_AFTER.as_secs(), whole_seconds(limit));
    // The outer subshell survives syntax errors of the body. Where standard error is standard output too, its mark
    // comes before the answer.
    format!(
        "{sudo}/usr/bin/env -i LC_ALL=C PATH={PATH} HOME=/root timeout -k {kill_after} {seconds} /bin/sh -c \
         'echo {nonce} >&2; echo {nonce}; ha_script=$(cat); case $ha_script in \"#{nonce}\"*\")#{nonce}\") ;; \
         *) exit {NOT_WHOLE};; esac; (eval \"${{ha_script%\"#{nonce}\"}}\") </dev/null; \
         ha_script=$?; echo; echo {nonce} $ha_script'"
    )
}

/// What the script gave back, secrets replaced.
pub(super) fn output(script: &Script, status: i32, stdout: &[u8], stderr: &[u8]) -> Output {
    let stdout = String::from_utf8_lossy(stdout);
    Output {
        status,
        stdout: if script.redact {
            script.without_secrets(&stdout)
        } else {
            stdout.into_owned()
        },
        stderr: script.without_secrets(&String::from_utf8_lossy(stderr)),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write as _,
        process::{Command, Stdio},
        time::Instant,
    };

    use super::*;
    use crate::{
        command::Secret,
        remote::{
            TransportError,
            said_instead::{self, Ending, Login},
        },
    };

    /// Runs a script as a host would, without ssh, through this login shell.
    fn run_envelope(shell: &[&str], script: &Script, envelope: &Envelope) -> Result<Output, TransportError> {
        let begin = Instant::now();
        let mut child = Command::new(shell[0])
            .args(&shell[1..])
            .args(["-c", &envelope.command])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let text = envelope.stdin.clone();
        let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
        let seen = child.wait_with_output().unwrap();
        writer.join().unwrap().ok();
        let mut answer = envelope.answer();
        answer.push(&seen.stdout);
        if let Some((stdout, status)) = answer.whole() {
            return Ok(output(script, status, stdout, envelope.own_words(&seen.stderr)));
        }
        let login = Login {
            hop: "m1",
            user: "root",
            sudo: false,
        };
        Err(said_instead::explain(
            script,
            login,
            &said_instead::Seen {
                begun: answer.has_begun(),
                ending: seen.status.code().map_or(Ending::Killed, Ending::Status),
                elapsed: begin.elapsed(),
                stdout: answer.raw(),
                stderr: &seen.stderr,
            },
        ))
    }

    /// What `/bin/sh` is on distributions.
    #[test]
    fn every_sh_gives_the_same_answer() {
        let body = "printf 'a\\n'; cat <<'X'\n$x `\nX\nread line || echo \"no input\"; false # last";
        let script = Script::new("x", body);
        for sh in ["dash", "bash", "bash --posix", "busybox sh"] {
            let program = sh.split(' ').next().unwrap();
            if Command::new(program).args(["-c", "true"]).output().is_err() {
                // `acceptance/run` installs them all.
                assert_eq!(std::env::var_os("TF_ACC"), None, "TF_ACC=1 needs {program}");
                println!("not run: there is no {program}");
                continue;
            }
            let mut envelope = Envelope::new(&script, Some("ops"));
            let (_, command) = envelope.command.split_once("sudo -n -H ").unwrap();
            envelope.command = command.replace("/bin/sh -c", &format!("{sh} -c"));
            let output = run_envelope(&["sh"], &script, &envelope).unwrap();
            let stdout = "a\n$x `\nno input\n";
            assert_eq!((output.status, output.stdout.as_str()), (1, stdout), "{sh}");
        }
    }

    fn run_here(script: &Script) -> Result<Output, TransportError> {
        run_envelope(&["sh"], script, &Envelope::new(script, None))
    }

    fn sh(body: &str) -> Output {
        run_here(&Script::new("test", body)).unwrap()
    }

    #[test]
    fn every_exit_status_arrives() {
        for status in [0, 1, 2, 124, 126, 127, 137, 255] {
            assert_eq!(sh(&format!("echo out\nexit {status}\n")).status, status);
        }
        assert_eq!(sh("no-such-program").status, 127);
        assert_eq!(sh("set -e\nfalse\necho no").stdout, "");
        assert_eq!(sh("kill -9 $(sh -c 'echo $PPID')").status, 137);
    }

    #[test]
    fn who_logs_in_is_known_to_what_the_script_starts() {
        let script = Script::new("test", "sh -c 'echo \"$SUDO_USER\"'");
        let through_sudo = Envelope::new(&script, Some("it's me"));
        // As sudo would run it, which may not be here.
        let envelope = Envelope {
            command: remote_command(&through_sudo.nonce, script.limit, false),
            ..through_sudo
        };
        let output = run_envelope(&["sh"], &script, &envelope).unwrap();
        assert_eq!(output.stdout, "it's me\n");
    }

    #[test]
    fn output_arrives_byte_for_byte() {
        let output = sh("printf 'no newline'; printf ' err\\n\\n' >&2");
        assert_eq!(
            (output.stdout.as_str(), output.stderr.as_str()),
            ("no newline", " err\n\n")
        );
        assert_eq!(sh("echo; echo a; echo").stdout, "\na\n\n");
        assert_eq!(sh("").stdout, "");
    }

    #[test]
    fn the_body_is_ordinary_shell() {
        let body = "cat <<X\n$((1 + 1)) it's ) \"quoted\"\nX\ncat <<'Y' # comment (\n$x `\nY\nread a || echo \"no input\" # last";
        assert_eq!(sh(body).stdout, "2 it's ) \"quoted\"\n$x `\nno input\n");
    }

    #[test]
    fn a_syntax_error_runs_nothing_and_says_so() {
        for body in [
            "echo before\nfi\necho after",
            "echo before; (",
            "echo before; echo 'x",
        ] {
            let output = sh(body);
            assert_eq!((output.status, output.stdout.as_str()), (2, ""), "{body}");
            assert!(!output.stderr.is_empty(), "{body}");
        }
    }

    #[test]
    fn half_a_script_does_not_run() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("mark");
        let body = format!("touch {}\n", quote(mark.to_str().unwrap())).repeat(100);
        let envelope = Envelope::new(&Script::new("test", body), None);
        let half = envelope.stdin.len() / 2;
        // The end is missing as the link broke, or the beginning as a startup file of the login shell has read it.
        for part in [&envelope.stdin[..half], &envelope.stdin[half..]] {
            let mut child = Command::new("sh")
                .args(["-c", &envelope.command])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            child.stdin.take().unwrap().write_all(part.as_bytes()).unwrap();
            assert_eq!(child.wait().unwrap().code(), Some(NOT_WHOLE));
            assert!(!mark.exists());
        }
    }

    #[test]
    fn two_mebibytes_go_both_ways() {
        let text = "0123456789abcde\n".repeat(2 * 1024 * 1024 / 16);
        let output = sh(&format!("cat <<'X'\n{text}X\n"));
        assert_eq!(output.stdout.len(), text.len());
        assert!(output.stdout == text);
    }

    #[test]
    fn the_host_ends_a_script_after_its_limit() {
        let script = Script::new("sleep", "sleep 60").limit(Duration::from_secs(1));
        let expected = TransportError::TimedOut {
            title: "sleep",
            seconds: 1,
        };
        assert_eq!(run_here(&script), Err(expected));
    }

    #[test]
    fn a_killed_shell_is_an_error_with_its_last_words() {
        let script = Script::new("x", "echo why >&2; kill -9 $$");
        let error = run_here(&script).unwrap_err().to_string();
        assert!(
            error.contains("did not reach the end") && error.contains("why"),
            "{error}"
        );
    }

    #[test]
    fn secrets_stay_out_of_the_output_unless_the_caller_needs_them() {
        let script = Script::new("x", "echo hunter2; echo hunter2 >&2").secret(&Secret::new("hunter2"));
        let output = run_here(&script).unwrap();
        assert_eq!(
            (output.stdout.as_str(), output.stderr.as_str()),
            ("(secret)\n", "(secret)\n")
        );
        let output = run_here(&script.keep_secrets()).unwrap();
        assert_eq!(
            (output.stdout.as_str(), output.stderr.as_str()),
            ("hunter2\n", "(secret)\n")
        );
    }

    #[test]
    fn the_remote_command_is_plain_words() {
        let command = remote_command("NONCE", Duration::from_millis(1500), true);
        insta::assert_snapshot!(command);
        // As csh and fish see it, and as long as the words of the oldest csh may be.
        let (_, quoted) = command.split_once('\'').unwrap();
        assert!(
            !quoted.trim_end_matches('\'').contains(['\'', '!', '\\', '\n']),
            "{quoted}"
        );
        assert!(quoted.len() < 1000);
    }

    #[test]
    fn what_the_environment_says_changes_nothing() {
        let script = Script::new(
            "x",
            "echo $HOME $LC_ALL ${http_proxy-}${KUBECONFIG-}; cd etc; pwd; printf 'a\n' | grep -c a",
        );
        let envelope = Envelope::new(&script, Some("ops"));
        let command = envelope.command.split_once("sudo -n -H ").unwrap().1;
        let mut child = Command::new("/bin/sh")
            .args(["-c", command])
            .current_dir("/")
            .env("PATH", "/nowhere")
            .env("BASH_FUNC_echo%%", "() { printf evil; }")
            .env("http_proxy", "x")
            .env("KUBECONFIG", "x")
            .env("GREP_OPTIONS", "-v")
            .env("CDPATH", "/usr")
            .env("LC_ALL", "tr_TR.UTF-8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(envelope.stdin.as_bytes())
            .unwrap();
        let seen = child.wait_with_output().unwrap();
        let mut answer = envelope.answer();
        answer.push(&seen.stdout);
        assert_eq!(answer.whole(), Some((&b"/root C\n/etc\n1\n"[..], 0)));
    }
}
