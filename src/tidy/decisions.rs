//! The rules of `decisions/` as tests: numbers, index, status, links both ways, lengths, and the paths that they name.
use std::{collections::BTreeMap, fs};

use super::sources::{root, rust_files};

const MOST_LINES: usize = 50;

/// The headings of a decision, in order.
const HEADINGS: [&str; 6] = [
    "Context",
    "Decision",
    "Measured",
    "Consequences",
    "Look again when",
    "Code",
];

/// The only heading that may be missing: not everything was measured.
const OPTIONAL: &str = "Measured";

struct Decision {
    file: String,
    text: String,
    title: String,
    /// As it is written, with its links.
    status: String,
}

/// All decisions by the number in the file's name.
fn decisions() -> BTreeMap<usize, Decision> {
    let entries = fs::read_dir(root().join("decisions")).unwrap();
    let files = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let decisions: BTreeMap<usize, Decision> = files
        .filter(|file| file != "README.md")
        .map(|file| {
            let text = fs::read_to_string(root().join("decisions").join(&file)).unwrap();
            let number = file.get(..4).and_then(|number| number.parse().ok());
            let number = number.unwrap_or_else(|| panic!("{file} does not begin with four digits"));
            let line = |start: &str| {
                let found = text.lines().find_map(|line| line.strip_prefix(start));
                found.unwrap_or_else(|| panic!("{file} has no line that begins with {start:?}"))
            };
            let title = line(&format!("# {number}. ")).to_owned();
            let status = line("Status: ").to_owned();
            let decision = Decision {
                file,
                text,
                title,
                status,
            };
            (number, decision)
        })
        .collect();
    assert!(decisions.len() > 30, "the decisions were not found");
    decisions
}

/// The text without the targets of its links: `[12](file.md)` becomes `12`.
fn without_links(text: &str) -> String {
    let mut plain = text.replace('[', "");
    while let Some((before, rest)) = plain.split_once("](") {
        let after = rest.split_once(')').unwrap().1;
        plain = format!("{before}{after}");
    }
    plain
}

/// The text below a heading.
fn section<'a>(decision: &'a Decision, heading: &str) -> &'a str {
    let below = decision.text.split_once(&format!("\n**{heading}**\n")).unwrap().1;
    below.split("\n**").next().unwrap()
}

/// The number after these words in a status.
fn number_after(status: &str, words: &str) -> Option<usize> {
    let (_, rest) = status.split_once(words)?;
    let digits = rest.find(|letter: char| !letter.is_ascii_digit());
    rest.get(..digits.unwrap_or(rest.len()))?.parse().ok()
}

#[test]
fn decisions_are_numbered_without_gaps_and_short() {
    for (position, (number, decision)) in decisions().iter().enumerate() {
        assert_eq!(
            *number,
            position + 1,
            "a number is missing before {}",
            decision.file
        );
        let lines = decision.text.lines().count();
        assert!(
            lines <= MOST_LINES,
            "{} has {lines} lines; {MOST_LINES} is the most",
            decision.file
        );
        let begins = format!("# {number}. {}\n\nStatus: ", decision.title);
        assert!(
            decision.text.starts_with(&begins),
            "{}: title, empty line, status",
            decision.file
        );
        let named: Vec<&str> = decision
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("**")?.strip_suffix("**"))
            .collect();
        let has_figures = named.contains(&OPTIONAL);
        let wanted = HEADINGS.into_iter().filter(|it| *it != OPTIONAL || has_figures);
        assert_eq!(named, wanted.collect::<Vec<_>>(), "{}", decision.file);
    }
}

#[test]
fn the_index_has_every_decision_with_its_title_and_status() {
    let index = fs::read_to_string(root().join("decisions/README.md")).unwrap();
    let rows: Vec<&str> = index.lines().filter(|line| line.starts_with("| [")).collect();
    let decisions = decisions();
    for ((number, decision), row) in decisions.iter().zip(&rows) {
        let Decision {
            file, title, status, ..
        } = decision;
        let begins = format!("| [{number}]({file}) | {title} | {} | ", without_links(status));
        assert!(
            row.starts_with(&begins),
            "decisions/README.md has\n{row}\nand {file} wants\n{begins}"
        );
    }
    assert_eq!(rows.len(), decisions.len(), "rows of decisions/README.md");
}

#[test]
fn what_supersedes_and_what_is_superseded_name_each_other() {
    let decisions = decisions();
    for (number, decision) in &decisions {
        let status = without_links(&decision.status);
        let accepted = status.strip_prefix("accepted ");
        assert!(accepted.is_some(), "{}: {status}", decision.file);
        for (words, back) in [
            ("superseded by ", "supersedes "),
            ("supersedes ", "superseded by "),
        ] {
            let Some(other) = number_after(&status, words) else {
                continue;
            };
            let other = decisions
                .get(&other)
                .unwrap_or_else(|| panic!("{}: there is no {other}", decision.file));
            let named = number_after(&without_links(&other.status), back);
            assert_eq!(named, Some(*number), "{} and {}", decision.file, other.file);
            assert!(
                decision.status.contains(&format!("]({})", other.file)),
                "{}: no link to {}",
                decision.file,
                other.file
            );
        }
    }
}

#[test]
fn links_and_paths_lead_somewhere() {
    let decisions = decisions();
    for decision in decisions.values() {
        for target in decision.text.split("](").skip(1) {
            let target = target.split(')').next().unwrap();
            let path = root().join("decisions").join(target);
            assert!(
                target.contains("://") || path.exists(),
                "{}: there is no {target}",
                decision.file
            );
        }
        let code = section(decision, "Code");
        let paths: Vec<&str> = code.split('`').skip(1).step_by(2).collect();
        assert!(!paths.is_empty(), "{} names no code", decision.file);
        for path in paths {
            let is_ours = ["src/", "acceptance/", "examples/"]
                .iter()
                .any(|folder| path.starts_with(folder));
            assert!(
                !is_ours || root().join(path).exists(),
                "{}: there is no {path}",
                decision.file
            );
        }
    }
}

#[test]
fn what_names_a_decision_names_one_that_holds() {
    let decisions = decisions();
    let files = [rust_files("src"), rust_files("acceptance/src")].concat();
    let wrong: Vec<String> = files
        .into_iter()
        .flat_map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let numbers: Vec<usize> = text
                .match_indices("decision ")
                .filter_map(|(at, words)| number_after(text.get(at..)?, words))
                .collect();
            numbers.into_iter().map(move |number| (path.clone(), number))
        })
        .filter(|(_, number)| {
            decisions
                .get(number)
                .is_none_or(|decision| decision.status.contains("superseded"))
        })
        .map(|(path, number)| format!("{}: decision {number}", path.display()))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let architecture = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for line in architecture.lines().filter(|line| line.contains("]: decisions/")) {
        let is_right = decisions
            .iter()
            .any(|(number, decision)| line == format!("[{number}]: decisions/{}", decision.file));
        assert!(is_right, "ARCHITECTURE.md: {line}");
    }
}

#[test]
fn links_in_a_status_are_taken_off() {
    let status = "accepted 2026-11-23, supersedes [12](0012-a.md), superseded by [40](0040-b.md)";
    let plain = without_links(status);
    assert_eq!(plain, "accepted 2026-11-23, supersedes 12, superseded by 40");
    assert_eq!(number_after(&plain, "supersedes "), Some(12));
    assert_eq!(number_after(&plain, "superseded by "), Some(40));
    assert_eq!(number_after("accepted 2026-11-23", "supersedes "), None);
}
