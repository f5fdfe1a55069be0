//! What both forms of a value are read by: the type of each part of it, and the place that an error names.
use serde_json::Value as Json;

use crate::tf_provider::{path::Path, types::Type, value::Value};

/// Bytes from Terraform that are no value of the expected type.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecodeError {
    #[error("invalid msgpack")]
    Msgpack(#[from] rmpv::decode::Error),
    #[error("invalid JSON")]
    Json(#[from] serde_json::Error),
    #[error("{at}: {problem}")]
    Value { at: Path, problem: &'static str },
}

pub(super) fn fault(at: &Path, problem: &'static str) -> DecodeError {
    DecodeError::Value {
        at: at.clone(),
        problem,
    }
}

pub(super) fn number(text: &str, at: &Path) -> Result<Value, DecodeError> {
    text.parse()
        .map(Value::Number)
        .map_err(|_| fault(at, "not a decimal number"))
}

/// The path and type of an element or attribute; `None` if the object type has no such attribute.
pub(super) fn inner<'t>(ty: Option<&'t Type>, at: &Path, key: &str) -> Option<(Path, Option<&'t Type>)> {
    match ty {
        Some(Type::Object(attributes)) => {
            let (_, ty) = attributes.iter().find(|(name, _)| *name == key)?;
            Some((at.clone().child(key), Some(ty)))
        }
        Some(Type::Map(element)) => Some((at.clone().key(key), Some(&**element))),
        _ => Some((at.clone().child(key), None)),
    }
}

pub(super) fn element(ty: Option<&Type>, index: usize) -> Option<&Type> {
    match ty {
        Some(Type::List(element) | Type::Set(element)) => Some(&**element),
        Some(Type::Tuple(elements)) => elements.get(index),
        _ => None,
    }
}

/// Makes text a number where the type that came with a dynamic value says so.
pub(super) fn with_type(value: Value, ty: &Json, at: &Path) -> Result<Value, DecodeError> {
    let kind = ty.get(0).and_then(Json::as_str).or(ty.as_str());
    let inner = |key: &str| ty.get(1).map(|inner| inner.get(key).unwrap_or(inner));
    match (value, kind) {
        (Value::String(text), Some("number")) => number(&text, at),
        (Value::List(items), Some(kind)) => {
            let items = items.into_iter().enumerate().map(|(index, item)| {
                let ty = if kind == "tuple" {
                    ty.get(1).and_then(|tuple| tuple.get(index))
                } else {
                    ty.get(1)
                };
                with_type(item, ty.unwrap_or(&Json::Null), &at.clone().index(index))
            });
            items.collect::<Result<_, _>>().map(Value::List)
        }
        (Value::Map(items), _) => {
            let items = items.into_iter().map(|(key, item)| {
                let item = with_type(item, inner(&key).unwrap_or(&Json::Null), &at.clone().child(&key))?;
                Ok((key, item))
            });
            items.collect::<Result<_, _>>().map(Value::Map)
        }
        (other, _) => Ok(other),
    }
}

/// A type that says nothing of what is inside.
pub(super) static PLAIN: Type = Type::Tuple(Vec::new());

/// The type of a value that may be anything.
pub(super) fn type_of(value: &Value) -> Json {
    match value {
        Value::Null | Value::Unknown(_) => "dynamic".into(),
        Value::Bool(_) => "bool".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "string".into(),
        Value::List(items) => Json::Array(vec!["tuple".into(), items.iter().map(type_of).collect()]),
        Value::Map(items) => {
            let attributes: serde_json::Map<_, _> = items
                .iter()
                .map(|(key, item)| (key.clone(), type_of(item)))
                .collect();
            Json::Array(vec!["object".into(), attributes.into()])
        }
    }
}
