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

/// Asks for a file's octal mode, without a leading zero.
#[must_use]
pub fn mode_section(query: Query, key: &str, path: &str) -> Query {
    query.section(key, format!("stat -c %a {}", quote(path)))
}
