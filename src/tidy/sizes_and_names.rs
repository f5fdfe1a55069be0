//! File headers, sizes and names.
use std::fs;

use super::sources::{all_files, root};

/// Longer files have more than one reason to exist. Tests count.
const MOST_LINES: usize = 600;

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

#[test]
fn no_file_is_too_long() {
    let wrong: Vec<String> = all_files()
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(path, lines)| format!("{path} has {lines} lines, {MOST_LINES} is the most"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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
