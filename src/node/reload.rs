//! Programs in pods that read a changed file again when they are told to, so that the pod goes on.
//!
//! Why pods are not replaced: decision 24.
use std::fmt::Write as _;

use super::files::{File, write_files_script};
use crate::command::{Script, quote};

/// A program in a pod, and the file that it reads.
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    /// The program's name, as the kernel has it.
    pub program: &'static str,
    /// The file on the host.
    pub file: &'static str,
    /// The same file as the program sees it.
    pub inside: &'static str,
    /// What makes the program's first process read the file again.
    pub signal: &'static str,
}

/// As [`write_files_script`]; then each reader whose file was changed is told. A reader that does not run yet, or not any
/// more, reads the new text when it starts.
///
/// One script, so that no broken link comes between the change and the telling: once the file is right, nobody would
/// see that its reader does not know.
pub fn write_files_and_tell_script(title: &'static str, files: &[File], readers: &[Reader]) -> Script {
    let mut script = write_files_script(title, files);
    script.body.push_str(TELL);
    for Reader {
        program,
        file,
        inside,
        signal,
    } in readers
    {
        let _ = writeln!(
            script.body,
            "tell {program} {} {} {signal}",
            quote(file),
            quote(inside)
        );
    }
    script
}

// A process belongs to our pod if the file that it sees is the very file that was written. Of several of one name the
// first is the one whose parent has another name.
const TELL: &str = r#"tell() {
  case " $changed " in *" $2 "*) ;; *) return 0 ;; esac
  for process in /proc/[0-9]*; do
    name=
    read -r name 2>/dev/null <"$process/comm" || continue
    [ "$name" = "$1" ] && [ "$process/root$3" -ef "$2" ] || continue
    parent=$(sed -n 's/^PPid:[^0-9]*//p' "$process/status" 2>/dev/null)
    name=
    read -r name 2>/dev/null <"/proc/$parent/comm" || :
    [ "$name" = "$1" ] || kill -s "$4" "${process#/proc/}" || :
  done
}
"#;

/// Ends with 0 if the reader's pod was started before its manifest was written, and that is less than a minute ago: the
/// kubelet is about to replace it. Later nothing is said any more, so that nobody waits for a pod that is not replaced, as
/// where a manifest was only touched.
pub fn is_outdated_command(reader: &Reader, manifest: &str) -> String {
    format!(
        "{AGES}{IS_OUTDATED}is_outdated {} {} {} {}",
        reader.program,
        quote(reader.file),
        quote(reader.inside),
        quote(manifest)
    )
}

/// Prints how many seconds the reader has been running in its pod; nothing if it does not.
pub fn age_command(reader: &Reader) -> String {
    format!(
        "{AGES}ages {} {} {} | sort -n | tail -n 1",
        reader.program,
        quote(reader.file),
        quote(reader.inside)
    )
}

// Prints how long each process of the reader's pod has been running. Times in whole seconds, so a second or two may be
// missing on either side.
const AGES: &str = r#"ages() {
  read -r up rest </proc/uptime
  for process in /proc/[0-9]*; do
    name=
    read -r name 2>/dev/null <"$process/comm" || continue
    [ "$name" = "$1" ] && [ "$process/root$3" -ef "$2" ] || continue
    ticks=$(sed 's/.*) //' "$process/stat" 2>/dev/null | cut -d ' ' -f 20)
    [ -n "$ticks" ] || continue
    echo $((${up%.*} - ticks / 100))
  done
}
"#;

const IS_OUTDATED: &str = r#"is_outdated() {
  written=$(stat -c %Y "$4" 2>/dev/null) || return 1
  age=$(($(date +%s) - written))
  [ "$age" -lt 60 ] || return 1
  for running in $(ages "$1" "$2" "$3"); do
    [ "$running" -le $((age + 2)) ] || return 0
  done
  return 1
}
"#;

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::Write as _,
        process::{Command, Stdio},
    };

    use super::*;

    /// Runs the script with sh.
    fn run(script: &Script) {
        let mut child = Command::new("sh")
            .arg("-s")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(script.body.as_bytes())
            .unwrap();
        assert!(child.wait().unwrap().success());
    }

    #[test]
    fn the_reader_of_a_changed_file_is_told_and_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        // A name of its own, or a test that runs at the same time would be told.
        let name: &'static str = "ha-reader-test";
        std::os::unix::fs::symlink("/bin/sh", path(name)).unwrap();
        let program = "trap 'echo told; exit' USR1; echo ready; while :; do sleep 0.05; done";
        let start = || {
            let mut command = Command::new(path(name));
            let mut child = command
                .args(["-c", program])
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut ready = [0; 6];
            std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
            child
        };
        let file: &'static str = path("config").leak();
        let other: &'static str = path("other").leak();
        let write = |content: &str, inside: &'static str| {
            let files = [File {
                path: file.to_owned(),
                mode: "0644",
                content: content.to_owned(),
            }];
            let reader = Reader {
                program: name,
                file,
                inside,
                signal: "USR1",
            };
            run(&write_files_and_tell_script("test", &files, &[reader]));
        };
        write("1", file);
        fs::write(other, "1").unwrap();
        let mut child = start();
        write("1", file);
        write("2", other);
        assert!(
            child.try_wait().unwrap().is_none(),
            "told of no change, or of another's"
        );
        write("3", file);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.stdout, b"told\n");
    }

    #[test]
    fn a_pod_that_is_older_than_its_new_manifest_is_outdated() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let name: &'static str = "ha-older-test";
        std::os::unix::fs::symlink("/bin/sh", path(name)).unwrap();
        let file: &'static str = path("config").leak();
        fs::write(file, "").unwrap();
        let mut child = Command::new(path(name))
            .args(["-c", "echo ready; read -r line"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = [0; 6];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
        let reader = Reader {
            program: name,
            file,
            inside: file,
            signal: "USR2",
        };
        // No test waits: the manifest is written some seconds from now instead.
        let is_outdated = |written: i64, reader: &Reader| {
            let manifest = fs::File::create(path("manifest")).unwrap();
            let now = std::time::SystemTime::now();
            let seconds = std::time::Duration::from_secs(written.unsigned_abs());
            let at = if written < 0 { now - seconds } else { now + seconds };
            manifest.set_modified(at).unwrap();
            let command = is_outdated_command(reader, &path("manifest"));
            let status = Command::new("sh").args(["-c", &command]).status();
            status.unwrap().success()
        };
        assert!(is_outdated(30, &reader));
        assert!(!is_outdated(-30, &reader), "its own pod");
        let another = Reader {
            inside: "/etc/hostname",
            ..reader
        };
        assert!(!is_outdated(30, &another), "a process of others");
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(!is_outdated(30, &reader), "no pod");
    }

    #[test]
    fn nobody_waits_for_ever_for_a_pod_that_is_not_replaced() {
        let manifest = tempfile::NamedTempFile::new().unwrap();
        let hour = std::time::Duration::from_secs(3600);
        let at = std::time::SystemTime::now() - hour;
        manifest.as_file().set_modified(at).unwrap();
        let reader = Reader {
            program: "haproxy",
            file: "/etc",
            inside: "/etc",
            signal: "USR2",
        };
        let command = is_outdated_command(&reader, &manifest.path().display().to_string());
        // What is older than an hour is not even looked for.
        let traced = Command::new("sh").args(["-xc", &command]).output().unwrap();
        assert!(!traced.status.success());
        assert!(!String::from_utf8_lossy(&traced.stderr).contains("/proc/"));
    }
}
