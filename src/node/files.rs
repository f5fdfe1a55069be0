//! Files of a host, replaced whole or not at all.
use std::fmt::Write as _;

use super::Query;
use crate::command::{Script, quote};

/// A file that shall be on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Absolute path.
    pub path: String,
    /// Octal mode with a leading zero, for example `0600`.
    pub mode: &'static str,
    /// The whole text.
    pub content: String,
}

/// Writes the files that differ in content or mode and prints the path of each that it changed, one a line.
///
/// Missing directories are made (0755). Each file is written beside its place and renamed, so a reader sees the
/// old text or the new; for the kubelet's manifests "beside" is one directory up, because it reads all in there.
/// A text that is secret has to be marked on the script by the caller.
pub fn write_files_script(title: &'static str, files: &[File]) -> Script {
    let mut body = String::from(WRITE);
    for file in files {
        let mode = file.mode.trim_start_matches('0');
        let _ = writeln!(body, "put {} {mode} {}", quote(&file.path), quote(&file.content));
    }
    Script::new(title, body)
}

const WRITE: &str = r#"set -eu
umask 022
tmp=
changed=
trap 'if [ -n "$tmp" ]; then rm -f "$tmp"; fi' EXIT
put() {
  if [ -d "$1" ]; then echo "$1 is a directory" >&2; exit 1; fi
  dir=${1%/*}
  mkdir -p "$dir"
  case $dir in */manifests) dir=${dir%/*} ;; esac
  tmp=$(mktemp "$dir/.ha-XXXXXX")
  printf %s "$3" >"$tmp"
  if [ -f "$1" ] && [ ! -L "$1" ] && cmp -s "$tmp" "$1" && [ "$(stat -c %a "$1")" = "$2" ]; then
    rm -f "$tmp"
  else
    chmod "$2" "$tmp"
    mv -f "$tmp" "$1"
    changed="$changed $1"
    echo "$1"
  fi
  tmp=
}
"#;

/// Removes files, then those of the directories that are empty by then, and prints the path of each file that
/// was there, one a line. What does not exist is fine.
pub fn remove_files_script(title: &'static str, paths: &[&str], directories: &[&str]) -> Script {
    let mut body = String::from("set -eu\n");
    for path in paths.iter().map(|path| quote(path)) {
        let _ = writeln!(
            body,
            "if [ -e {path} ] || [ -L {path} ]; then rm -f {path}; echo {path}; fi"
        );
    }
    for directory in directories.iter().map(|directory| quote(directory)) {
        let _ = writeln!(
            body,
            "if [ -d {directory} ]; then rmdir {directory} 2>/dev/null || :; fi"
        );
    }
    Script::new(title, body)
}

/// Asks for a file's text; the section's status is not 0 when the file is not there.
#[must_use]
pub fn read_section(query: Query, key: &str, path: &str) -> Query {
    query.section(key, format!("cat {}", quote(path)))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

    use super::*;

    fn run(script: &Script) -> (bool, Vec<String>) {
        let output = Command::new("sh").args(["-c", &script.body]).output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        (
            output.status.success(),
            stdout.lines().map(str::to_owned).collect(),
        )
    }

    fn file(directory: &Path, path: &str, mode: &'static str, content: &str) -> File {
        File {
            path: directory.join(path).to_str().unwrap().to_owned(),
            mode,
            content: content.to_owned(),
        }
    }

    fn names(directory: &Path) -> Vec<String> {
        let entry = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        fs::read_dir(directory).unwrap().map(entry).collect()
    }

    #[test]
    fn writes_what_differs_and_only_that() {
        let root = tempfile::tempdir().unwrap();
        let mut files = [
            file(
                root.path(),
                "etc/manifests/a pod.yaml",
                "0600",
                "it's: $HOME `id`\n\n",
            ),
            file(
                root.path(),
                "etc/haproxy/haproxy.cfg",
                "0644",
                "no newline at the end",
            ),
        ];
        let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
        assert_eq!(run(&write_files_script("t", &files)), (true, paths.clone()));
        for file in &files {
            assert_eq!(fs::read_to_string(&file.path).unwrap(), file.content);
            let mode = fs::metadata(&file.path).unwrap().permissions().mode();
            assert_eq!(format!("{:04o}", mode & 0o7777), file.mode);
        }
        assert_eq!(run(&write_files_script("t", &files)), (true, vec![]));

        fs::set_permissions(&paths[1], fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(
            run(&write_files_script("t", &files)),
            (true, vec![paths[1].clone()])
        );
        files[0].content.push('x');
        assert_eq!(
            run(&write_files_script("t", &files)),
            (true, vec![paths[0].clone()])
        );
        assert_eq!(names(&root.path().join("etc/manifests")), ["a pod.yaml"]);
        assert_eq!(names(&root.path().join("etc/haproxy")), ["haproxy.cfg"]);
    }

    #[test]
    fn leaves_nothing_half_written_behind_a_failure() {
        let root = tempfile::tempdir().unwrap();
        let target = file(root.path(), "x/file", "0644", "text");
        fs::create_dir_all(&target.path).unwrap();
        assert_eq!(run(&write_files_script("t", &[target])), (false, vec![]));
        let broken = file(root.path(), "y/file", "nonsense", "text");
        assert_eq!(run(&write_files_script("t", &[broken])), (false, vec![]));
        assert_eq!(names(&root.path().join("y")), Vec::<String>::new());
    }

    #[test]
    fn replaces_a_link_instead_of_what_it_points_to() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("elsewhere");
        fs::write(&target, "text").unwrap();
        let link = file(root.path(), "link", "0644", "text");
        std::os::unix::fs::symlink(&target, &link.path).unwrap();
        assert_eq!(
            run(&write_files_script("t", std::slice::from_ref(&link))),
            (true, vec![link.path.clone()])
        );
        assert!(fs::symlink_metadata(&link.path).unwrap().is_file());
    }

    #[test]
    fn removes_files_and_directories_that_became_empty() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name).to_str().unwrap().to_owned();
        for name in ["own", "shared"] {
            fs::create_dir(path(name)).unwrap();
            fs::write(path(&format!("{name}/file")), "").unwrap();
        }
        fs::write(path("shared/foreign"), "").unwrap();
        let files = [path("own/file"), path("shared/file"), path("absent/file")];
        let directories = [path("own"), path("shared"), path("absent")];
        let script = remove_files_script(
            "t",
            &files.each_ref().map(|path| &**path),
            &directories.each_ref().map(|path| &**path),
        );
        assert_eq!(run(&script), (true, files[..2].to_vec()));
        assert_eq!(names(root.path()), ["shared"]);
        assert_eq!(names(&root.path().join("shared")), ["foreign"]);
        assert_eq!(run(&script), (true, vec![]));
    }
}
