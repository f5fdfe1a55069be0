//! Values as JSON, the form of states as they lie in a file; every digit of a number is kept.
use std::collections::BTreeMap;

use serde_json::{Value as Json, value::RawValue};

use super::guided::{DecodeError, element, inner, number, with_type};
use crate::tf_provider::{path::Path, types::Type, value::Value};

pub(super) fn from_json(json: &RawValue, ty: Option<&Type>, at: &Path) -> Result<Value, DecodeError> {
    #[derive(serde::Deserialize)]
    struct Dynamic<'j> {
        #[serde(borrow)]
        value: &'j RawValue,
        r#type: Json,
    }
    let text = json.get();
    match (text.as_bytes().first(), ty) {
        (Some(b'n'), _) => Ok(Value::Null),
        (_, Some(Type::Dynamic)) => {
            let Dynamic { value, r#type } = serde_json::from_str(text)?;
            with_type(from_json(value, None, at)?, &r#type, at)
        }
        (Some(b't' | b'f'), _) => Ok(Value::Bool(text == "true")),
        (Some(b'"'), ty) => {
            let text: String = serde_json::from_str(text)?;
            if ty == Some(&Type::Number) {
                number(&text, at)
            } else {
                Ok(text.into())
            }
        }
        (Some(b'['), ty) => {
            let items: Vec<&RawValue> = serde_json::from_str(text)?;
            let items = items.into_iter().enumerate();
            let items =
                items.map(|(index, item)| from_json(item, element(ty, index), &at.clone().index(index)));
            items.collect::<Result<_, _>>().map(Value::List)
        }
        (Some(b'{'), ty) => {
            let items: BTreeMap<String, &RawValue> = serde_json::from_str(text)?;
            let items = items.into_iter().filter_map(|(key, item)| {
                let (at, ty) = inner(ty, at, &key)?;
                Some(from_json(item, ty, &at).map(|value| (key, value)))
            });
            items.collect::<Result<_, _>>().map(Value::Map)
        }
        _ => number(text, at),
    }
}
