//! Other programs: started, contained, watched, and their failures told with their last words.
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::progress;

/// How often a long step says that it is still at work.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Lines of a failed program's output that its error repeats.
const LAST_LINES: usize = 20;

/// A command that cannot outlive the lab: a process namespace, killed with the lab's process, takes all descendants with
/// it, and a mount namespace takes what they mounted.
pub fn contained(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args([
        "--pdeathsig",
        "KILL",
        "unshare",
        "--mount",
        "--propagation",
        "private",
    ]);
    command
        .args(["--pid", "--fork", "--kill-child", "--mount-proc"])
        .arg(program);
    command
}

/// Runs a command to its end and returns what it wrote to stdout.
pub fn run(command: &mut Command) -> Result<String> {
    run_with_input(command, "")
}

/// As [`run`], with text for the command's stdin.
pub fn run_with_input(command: &mut Command, input: &str) -> Result<String> {
    let name = name(command);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin
            .write_all(input.as_bytes())
            .with_context(|| format!("{name} does not read its input"))?;
    }
    let output = child
        .wait_with_output()
        .with_context(|| format!("cannot wait for {name}"))?;
    check(&name, output.status, &String::from_utf8_lossy(&output.stderr))?;
    String::from_utf8(output.stdout).with_context(|| format!("{name} wrote something else than text"))
}

/// Runs a command that takes long: its output goes to `log`, and a line every 15 s shows the last of it.
pub fn run_long(title: &str, log: &Path, command: &mut Command) -> Result<()> {
    let name = name(command);
    let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    command
        .stdin(Stdio::null())
        .stderr(file.try_clone()?)
        .stdout(file);
    let mut command = std::mem::replace(command, Command::new("true"));
    let (ended, end) = channel();
    let start = Instant::now();
    thread::scope(|scope| {
        // The thread that starts the child must live until its end: it is the parent whose death would kill the child.
        scope.spawn(move || ended.send(command.spawn().and_then(|mut child| child.wait())));
        loop {
            match end.recv_timeout(HEARTBEAT) {
                Ok(status) => {
                    return check(
                        &name,
                        status.with_context(|| format!("cannot start {name}"))?,
                        &read(log),
                    );
                }
                Err(RecvTimeoutError::Timeout) => {
                    let last: String = read(log)
                        .lines()
                        .next_back()
                        .unwrap_or_default()
                        .chars()
                        .take(90)
                        .collect();
                    progress::line(&format!("  {title}, {} s: {last}", start.elapsed().as_secs()));
                }
                Err(RecvTimeoutError::Disconnected) => bail!("nobody waits for {name}"),
            }
        }
    })
}

fn read(log: &Path) -> String {
    String::from_utf8_lossy(&fs::read(log).unwrap_or_default()).into_owned()
}

fn check(name: &str, status: ExitStatus, output: &str) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    let lines: Vec<&str> = output.trim_end().lines().collect();
    let last = lines
        .get(lines.len().saturating_sub(LAST_LINES)..)
        .unwrap_or_default()
        .join("\n  ");
    bail!("{name} failed ({status}):\n  {last}")
}

/// The first words of the command, without the container that [`contained`] puts around it.
fn name(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(OsStr::to_string_lossy).collect();
    let contained = words
        .iter()
        .position(|word| word == "--mount-proc")
        .map_or(0, |position| position + 1);
    let words = words
        .iter()
        .skip(contained)
        .take(6)
        .take_while(|word| !word.contains('\n'));
    words.map(AsRef::as_ref).collect::<Vec<&str>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_carry_the_last_words() {
        let error = run(Command::new("sh").args(["-c", "echo first; echo last >&2; exit 3"])).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("exit status: 3") && text.ends_with("last") && !text.contains("\n  first"),
            "{text}"
        );
    }

    #[test]
    fn input_comes_out_again() {
        assert_eq!(
            run_with_input(&mut Command::new("cat"), "hello").unwrap(),
            "hello"
        );
    }

    #[test]
    fn names_leave_the_container_out() {
        assert_eq!(name(contained("go").arg("build")), "go build");
    }

    #[test]
    fn long_runs_write_a_log_and_fail_with_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        run_long("test", &log, Command::new("echo").arg("written")).unwrap();
        assert_eq!(fs::read_to_string(&log).unwrap(), "written\n");
        let error = run_long("test", &log, Command::new("sh").args(["-c", "echo why; exit 1"])).unwrap_err();
        assert!(error.to_string().ends_with("why"), "{error}");
    }
}
