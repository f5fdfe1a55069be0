//! Notes of this provider on hosts: JSON with the version of its format and of the provider that wrote it.
//!
//! What any released version wrote is read; what a later one wrote is an error that names it, and never "nothing is there".
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::lifecycle::failure::Failure;

/// The summary of a note that cannot be read.
pub(crate) const UNREADABLE: &str = "Note on the host cannot be read";

/// The text of a note in this version of its format.
pub(super) fn write(version: u64, note: &impl Serialize) -> String {
    let mut text = json!({"version": version, "written_by": env!("CARGO_PKG_VERSION")});
    if let (Some(fields), Ok(Value::Object(more))) = (text.as_object_mut(), serde_json::to_value(note)) {
        fields.extend(more);
    }
    text.to_string()
}

/// The version of a note's format, 1 before notes had one, and its fields. An error if it is later than `newest`.
pub(super) fn version(path: &str, text: &str, newest: u64) -> Result<(u64, Value), Failure> {
    let fields: Value = serde_json::from_str(text).map_err(|error| unreadable(path, &error))?;
    match fields.get("version") {
        None => Ok((1, fields)),
        Some(version) => match version.as_u64() {
            Some(version) if version <= newest => Ok((version, fields)),
            _ => Err(written_later(path, version, newest, fields.get("written_by"))),
        },
    }
}

/// Reads the fields.
pub(super) fn read<T: DeserializeOwned>(path: &str, fields: Value) -> Result<T, Failure> {
    serde_json::from_value(fields).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &str, error: &serde_json::Error) -> Failure {
    Failure::new(
        UNREADABLE,
        format!("{path} is no note of this provider: {error}."),
    )
    .at("host")
    .advise("Nothing was changed. If nobody needs the file, remove it there.")
}

fn written_later(path: &str, version: &Value, newest: u64, written_by: Option<&Value>) -> Failure {
    let detail = format!(
        "{path} was written by version {} of this provider, in format {version}; this is version {}, which knows formats up to {newest}.",
        written_by.and_then(Value::as_str).unwrap_or("(not named)"),
        env!("CARGO_PKG_VERSION"),
    );
    Failure::new(UNREADABLE, detail)
        .at("host")
        .advise("Nothing was changed. Use that version of the provider, or a later one.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_has_versions_and_its_fields() {
        let text = write(2, &json!({"port": 8443}));
        let (number, fields) = version("/note", &text, 2).unwrap();
        assert_eq!((number, fields.get("port")), (2, Some(&json!(8443))));
        assert_eq!(fields.get("written_by"), Some(&json!(env!("CARGO_PKG_VERSION"))));
        assert_eq!(version("/note", "{}", 2).unwrap().0, 1);
    }

    #[test]
    fn a_note_of_a_later_version_is_an_error_that_names_it() {
        let later = r#"{"version":3,"written_by":"0.9.0","what":"ever"}"#;
        let failure = version("/note", later, 2).unwrap_err();
        assert_eq!(failure.summary, UNREADABLE);
        assert!(failure.detail.contains("version 0.9.0"), "{failure}");
        for text in ["no JSON", r#"{"version":"x"}"#] {
            assert_eq!(
                version("/note", text, 2).unwrap_err().summary,
                UNREADABLE,
                "{text}"
            );
        }
        assert_eq!(read::<u8>("/note", json!({})).unwrap_err().summary, UNREADABLE);
    }
}
