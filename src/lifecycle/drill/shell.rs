//! Reads as much of the scripts' shell as the world needs to do what they say.

/// The words of a text up to the first newline that is not quoted, quotes taken off.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            _ if quoted => word.get_or_insert_default().push(character),
            '\\' => word.get_or_insert_default().extend(characters.next()),
            '\n' => break,
            ' ' => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

/// The word after the first place where `before` stands.
pub(super) fn word_after(text: &str, before: &str) -> String {
    let (_, rest) = text
        .split_once(before)
        .unwrap_or_else(|| panic!("no {before:?} in: {text}"));
    words(rest).into_iter().next().unwrap_or_default()
}

/// What stands after `before`, up to something that is no letter, digit or dash.
pub(super) fn name_after(text: &str, before: &str) -> String {
    let (_, rest) = text
        .split_once(before)
        .unwrap_or_else(|| panic!("no {before:?} in: {text}"));
    rest.chars()
        .take_while(|character| character.is_ascii_alphanumeric() || *character == '-')
        .collect()
}

/// The value of a key in the YAML that kubeadm's configuration is, wherever it stands.
pub(super) fn yaml_value(text: &str, key: &str) -> Option<String> {
    let prefix = format!("{key}: ");
    let line = text
        .lines()
        .find_map(|line| line.trim_start_matches([' ', '-']).strip_prefix(prefix.as_str()))?;
    Some(line.trim_matches('"').to_owned())
}

/// All absolute paths among the words of the text, in all its lines.
pub(super) fn paths(text: &str) -> Vec<String> {
    text.lines()
        .flat_map(words)
        .map(|word| word.trim_end_matches(';').to_owned())
        .filter(|word| word.starts_with('/'))
        .collect()
}

#[test]
fn words_are_read_as_a_shell_does() {
    assert_eq!(
        words("put /a 600 'it'\\''s\ntwo' x\ny"),
        ["put", "/a", "600", "it's\ntwo", "x"]
    );
    assert_eq!(
        yaml_value("a:\n- token: \"x.y\"\n", "token").as_deref(),
        Some("x.y")
    );
}
