//! The words by which ssh tells what went wrong.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Symptom {
    HostKeyChanged,
    HostKeyUnknown,
    UnusableKey,
    WrongKey,
    TooManyKeys,
    UnknownName,
    Refused,
    Unreachable,
    Dropped,
}

/// Earlier rows count more: ssh often says a second thing that only follows from the first.
pub(super) const SYMPTOMS: &[(&str, Symptom)] = &[
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", Symptom::HostKeyChanged),
    (" host key is known for ", Symptom::HostKeyUnknown),
    ("Load key ", Symptom::UnusableKey),
    ("Too many authentication failures", Symptom::TooManyKeys),
    ("Permission denied (", Symptom::WrongKey),
    ("No more authentication methods", Symptom::WrongKey),
    ("Could not resolve hostname", Symptom::UnknownName),
    ("Name or service not known", Symptom::UnknownName),
    ("Temporary failure in name resolution", Symptom::UnknownName),
    ("Connection refused", Symptom::Refused),
    ("timed out", Symptom::Unreachable),
    ("No route to host", Symptom::Unreachable),
    ("Network is unreachable", Symptom::Unreachable),
    ("Host is down", Symptom::Unreachable),
    ("not responding", Symptom::Unreachable),
    ("Not allowed at this time", Symptom::Dropped),
    ("Exceeded MaxStartups", Symptom::Dropped),
    ("Connection reset by", Symptom::Dropped),
    ("Connection closed by", Symptom::Dropped),
    ("Broken pipe", Symptom::Unreachable),
];

pub(super) fn symptom(line: &str) -> Option<Symptom> {
    let found = SYMPTOMS.iter().find(|(words, _)| line.contains(words));
    found.map(|(_, symptom)| *symptom)
}

/// The lines that may matter to a person.
pub(super) fn notable(text: &str) -> Vec<&str> {
    // `** WARNING: connection is not using a post-quantum key exchange algorithm.`
    let noise = ["Warning: Permanently added", "** "];
    let noise = |line: &&str| !line.is_empty() && !noise.iter().any(|words| line.starts_with(words));
    text.lines().map(str::trim).filter(noise).collect()
}
