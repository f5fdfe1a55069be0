//! A host's own words, as people can read them: short, on one line, without what a terminal would obey.

/// Longest text of a host that is shown, in characters.
pub(super) const MOST: usize = 600;

/// A host's words for people: one line, without control characters and terminal sequences, not too long.
pub(super) fn readable(text: &str) -> String {
    end_of(&one_line(text))
}

pub(super) fn one_line(text: &str) -> String {
    let plain = without_sequences(text);
    let lines = plain.lines().map(|line| {
        let letters = line
            .chars()
            .map(|letter| if letter.is_control() { ' ' } else { letter });
        letters.collect::<String>().trim().to_owned()
    });
    let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
    lines.join("; ")
}

/// The end of a long text stays, as the reason usually comes last.
pub(super) fn end_of(text: &str) -> String {
    match text.char_indices().rev().nth(MOST) {
        Some((at, _)) => format!("…{}", text.get(at..).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// What some say of the command that they do not run, git-shell and sudo above all, without that command.
pub(super) fn without_command(text: &str) -> String {
    let begin = text
        .find("/usr/bin/env LC_ALL=C")
        .or_else(|| text.find("/usr/bin/env -i LC_ALL=C"));
    let end = text.rfind(LAST_WORD).map(|at| at + LAST_WORD.len());
    match (
        begin.and_then(|at| text.get(..at)),
        end.and_then(|at| text.get(at..)),
    ) {
        (Some(before), Some(after)) => format!("{before}(our command){after}"),
        _ => text.to_owned(),
    }
}

/// The remote command ends with this.
const LAST_WORD: &str = "$ha_script";

/// Takes out `ESC [ … letter` and `ESC ] … BEL`, see ECMA-48.
fn without_sequences(text: &str) -> String {
    let mut pieces = text.split('\u{1b}');
    let mut kept = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let rest = match piece.chars().next() {
            Some('[') => piece
                .get(1..)
                .and_then(|piece| piece.split_once(|letter: char| ('@'..='~').contains(&letter))),
            Some(']') => piece.split_once('\u{7}'),
            _ => Some(("", piece.get(1..).unwrap_or_default())),
        };
        kept += rest.map_or("", |(_, rest)| rest);
    }
    kept
}
