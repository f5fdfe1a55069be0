//! File headers, sizes and names.
use std::fs;

use super::sources::{all_files, root};

/// Longer files have more than one reason to exist, unless a line of their first comment says `Long because: …`. Tests
/// count.
const MOST_LINES: usize = 400;

const NAMES_THAT_SAY_NOTHING: [&str; 7] = ["util", "utils", "common", "helper", "helpers", "misc", "core"];

#[test]
fn every_file_begins_with_its_reason() {
    let wrong: Vec<String> = all_files()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(path, _)| path)
        .collect();
    assert!(
        wrong.is_empty(),
        "no //! in the first line of {}",
        wrong.join(", ")
    );
}

fn is_too_long(text: &str) -> bool {
    let mut first_comment = text.lines().take_while(|line| line.starts_with("//!"));
    text.lines().count() > MOST_LINES && !first_comment.any(|line| line.starts_with("//! Long because: "))
}

#[test]
fn no_file_is_too_long() {
    let files = all_files();
    let new = files
        .iter()
        .filter(|(_, text)| is_too_long(text))
        .map(|(path, text)| {
            format!(
                "{path} has {} lines, {MOST_LINES} is the most",
                text.lines().count()
            )
        });
    let wrong: Vec<String> = new.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_long_file_gives_its_reason() {
    let long = "\n".repeat(MOST_LINES);
    assert!(!is_too_long(&long));
    assert!(is_too_long(&format!(
        "//! A file.{long}\n//! Long because: this is no first comment.\n"
    )));
    assert!(!is_too_long(&format!(
        "//! A table.\n//! Long because: it has a row for each rule.{long}"
    )));
}

#[test]
fn every_file_has_a_name_that_says_something() {
    let wrong: Vec<String> = all_files()
        .into_keys()
        .filter(|path| {
            path.split(['/', '.', '_'])
                .any(|word| NAMES_THAT_SAY_NOTHING.contains(&word))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_architecture_is_read_in_ten_minutes() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let lines = text.lines().count();
    assert!(lines <= 200, "ARCHITECTURE.md has {lines} lines; 200 is the most");
}
