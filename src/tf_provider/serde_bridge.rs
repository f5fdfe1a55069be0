//! Values to Rust types and back, by serde.
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value as Json;

use super::{number::Number, path::Path, value::Value};

/// A value that does not fit a Rust type, or the other way round.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {message}")]
pub struct ValueError {
    /// Where it does not fit.
    pub path: Path,
    /// What was expected and found.
    pub message: String,
}

impl Value {
    /// The value as a Rust type. Null and unknown both look like JSON's null; models are read by their schema or type
    /// (`Schema::read`), which sees to it that only what may be absent is.
    pub(super) fn deserialize_into<T: DeserializeOwned>(&self) -> Result<T, ValueError> {
        serde_path_to_error::deserialize(self.to_json()).map_err(|error| ValueError {
            path: path_of(error.path()),
            message: error.inner().to_string(),
        })
    }

    /// A Rust type as a value.
    pub fn from_serialize<T: Serialize>(source: &T) -> Result<Self, ValueError> {
        let json = serde_json::to_value(source).map_err(|error| ValueError {
            path: Path::root(),
            message: error.to_string(),
        })?;
        Ok(Self::from_json(json))
    }

    /// The value as JSON: unknown becomes null; a number that no double holds exactly, the nearest double.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Null | Self::Unknown(_) => Json::Null,
            Self::Bool(truth) => Json::Bool(*truth),
            Self::String(text) => Json::String(text.clone()),
            Self::Number(number) => number_to_json(number),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Map(items) => items
                .iter()
                .map(|(key, value)| (key.clone(), value.to_json()))
                .collect(),
        }
    }

    /// A value of untyped JSON.
    pub fn from_json(json: Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(truth) => Self::Bool(truth),
            Json::String(text) => Self::String(text),
            Json::Number(number) => number
                .to_string()
                .parse::<Number>()
                .map_or(Self::Null, Self::Number),
            Json::Array(items) => Self::List(items.into_iter().map(Self::from_json).collect()),
            Json::Object(items) => Self::object(
                items
                    .into_iter()
                    .map(|(key, value)| (key, Self::from_json(value))),
            ),
        }
    }
}

fn number_to_json(number: &Number) -> Json {
    match (number.as_i64(), number.as_u64()) {
        (Some(int), _) => int.into(),
        (None, Some(int)) => int.into(),
        (None, None) => number.as_f64().into(),
    }
}

fn path_of(path: &serde_path_to_error::Path) -> Path {
    use serde_path_to_error::Segment;
    path.iter().fold(Path::root(), |path, segment| match segment {
        Segment::Seq { index } => path.index(*index),
        Segment::Map { key } => path.child(key),
        Segment::Enum { variant } => path.child(variant),
        Segment::Unknown => path,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Ssh {
        port: u16,
        user: Option<String>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Model {
        ssh: Vec<Ssh>,
        labels: BTreeMap<String, String>,
        ratio: f64,
    }

    fn value() -> Value {
        Value::object([
            (
                "ssh",
                Value::List(vec![Value::object([
                    ("port", Value::from(22)),
                    ("user", Value::unknown()),
                ])]),
            ),
            ("labels", Value::object([("zone", Value::from("a"))])),
            ("ratio", Value::Number("0.1".parse().unwrap())),
        ])
    }

    #[test]
    fn fits_rust_types() {
        let model: Model = value().deserialize_into().unwrap();
        assert_eq!(model.ssh, [Ssh { port: 22, user: None }]);
        assert!((model.ratio - 0.1).abs() < f64::EPSILON);
        assert_eq!(
            Value::from_serialize(&model).unwrap().get("labels"),
            value().get("labels")
        );
    }

    #[test]
    fn error_names_the_path() {
        let mut value = value();
        *value
            .at_mut(&Path::attribute("ssh").index(0).child("port"))
            .unwrap() = Value::from(70_000);
        let error = value.deserialize_into::<Model>().unwrap_err();
        assert_eq!(error.path.to_string(), "ssh[0].port");
        assert!(error.to_string().contains("70000"), "{error}");
    }
}
