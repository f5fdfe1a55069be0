//! Programs in pods that read a changed file again when they are told to, so that the pod goes on.
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
}
