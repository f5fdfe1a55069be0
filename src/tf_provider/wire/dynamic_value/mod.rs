//! Values on the wire: msgpack both ways, JSON from state files, guided by the schema's types.
//!
//! Types are needed as a number may come as text (0.1 has no exact double) and as a dynamic value brings its type
//! along.
use super::tfplugin5::DynamicValue;
use crate::tf_provider::{path::Path, types::Type, value::Value};

mod guided;
mod json;
mod msgpack;

pub(crate) use guided::DecodeError;

/// Reads a value; an absent one is null.
pub(super) fn decode(dynamic: Option<&DynamicValue>, ty: &Type) -> Result<Value, DecodeError> {
    match dynamic {
        Some(DynamicValue { msgpack: bytes, .. }) if !bytes.is_empty() => msgpack::read(bytes, ty),
        Some(DynamicValue { json, .. }) if !json.is_empty() => decode_json(json, Some(ty)),
        _ => Ok(Value::Null),
    }
}

/// Reads JSON from a state file. Attributes that `ty` does not have (any more) are left out; without `ty` all stay.
pub(super) fn decode_json(json: &[u8], ty: Option<&Type>) -> Result<Value, DecodeError> {
    json::from_json(serde_json::from_slice(json)?, ty, &Path::root())
}

/// Writes a value as msgpack.
pub(super) fn encode(value: &Value, ty: &Type) -> DynamicValue {
    DynamicValue {
        msgpack: msgpack::write(value, ty),
        json: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        guided::{PLAIN, element, inner, type_of},
        *,
    };
    use crate::tf_provider::{
        number::{Kind, Number},
        value::Refinements,
    };
    use proptest::prelude::*;
    use rmpv::Value as Msgpack;
    use serde_json::Value as Json;

    fn numbers() -> impl Strategy<Value = Number> {
        prop_oneof![
            any::<i64>().prop_map(Number::from),
            any::<u64>().prop_map(Number::from),
            any::<f64>().prop_filter_map("NaN", Number::from_f64),
            "-?[1-9][0-9]{0,60}(\\.[0-9]{0,40}[1-9])?".prop_map(|text| text.parse().unwrap()),
        ]
    }

    /// A type and a value of it.
    fn typed() -> impl Strategy<Value = (Type, Value)> {
        let types = prop_oneof![
            Just(Type::String),
            Just(Type::Number),
            Just(Type::Bool),
            Just(Type::Dynamic)
        ];
        let absent = prop_oneof![
            Just(Value::Null),
            Just(Value::unknown()),
            any::<Vec<u8>>().prop_map(|payload| Value::Unknown(Refinements(payload))),
        ];
        let leaf = prop_oneof![
            ".*".prop_map(|text| (Type::String, text.into())),
            numbers().prop_map(|number| (Type::Number, number.into())),
            any::<bool>().prop_map(|truth| (Type::Bool, truth.into())),
            (types, absent),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            let items = || proptest::collection::vec(inner.clone(), 0..6);
            let numbers = proptest::collection::vec(numbers(), 0..4);
            let entries = proptest::collection::btree_map(".*", numbers, 0..4);
            prop_oneof![
                items().prop_map(|items| {
                    let (types, values) = items.into_iter().unzip();
                    (Type::Tuple(types), Value::List(values))
                }),
                items().prop_map(|items| {
                    let named = || ["a", "b", "c", "d", "e", "f"].into_iter().zip(items.clone());
                    let ty = Type::Object(named().map(|(name, (ty, _))| (name, ty)).collect());
                    (ty, Value::object(named().map(|(name, (_, value))| (name, value))))
                }),
                entries.prop_map(|entries| {
                    let entries = entries.into_iter().map(|(key, numbers)| (key, numbers.into()));
                    (Type::map(Type::set(Type::Number)), Value::object(entries))
                }),
                inner.prop_map(|(_, value)| (Type::Dynamic, value)),
            ]
        })
    }

    /// JSON as a state file has it: numbers with all their digits, dynamic values with their type.
    fn state_json(value: &Value, ty: &Type) -> String {
        let list = |items: Vec<String>| items.join(",");
        match (value, ty) {
            (Value::Null | Value::Unknown(_), _) => "null".into(),
            (known, Type::Dynamic) => {
                let (json, ty) = (state_json(known, &PLAIN), type_of(known));
                format!(r#"{{"value": {json}, "type": {ty}}}"#)
            }
            (Value::Number(number), _) => match number.kind() {
                Kind::Float(float) => format!("{float:.1074}"),
                _ => number.to_string(),
            },
            (Value::List(items), ty) => {
                let items = items.iter().enumerate();
                let item = |(index, item)| state_json(item, element(Some(ty), index).unwrap_or(&PLAIN));
                format!("[ {} ]", list(items.map(item).collect()))
            }
            (Value::Map(items), ty) => {
                let entry = |(key, item): (&String, &Value)| {
                    let ty = inner(Some(ty), &Path::root(), key)
                        .and_then(|(_, ty)| ty)
                        .unwrap_or(&PLAIN);
                    format!("{}: {}", Json::from(key.as_str()), state_json(item, ty))
                };
                format!("{{ {} }}", list(items.iter().map(entry).collect()))
            }
            (other, _) => other.to_json().to_string(),
        }
    }

    fn is_finite(value: &Value) -> bool {
        match value {
            Value::Number(number) => number.as_f64().is_finite(),
            Value::List(items) => items.iter().all(is_finite),
            Value::Map(items) => items.values().all(is_finite),
            _ => true,
        }
    }

    proptest! {
        #[test]
        fn msgpack_keeps_every_value((ty, value) in typed()) {
            prop_assert_eq!(decode(Some(&encode(&value, &ty)), &ty).unwrap(), value);
        }

        #[test]
        fn state_json_keeps_every_value((ty, mut value) in typed().prop_filter("JSON", |(_, v)| is_finite(v))) {
            value.unknown_to_null();
            prop_assert_eq!(decode_json(state_json(&value, &ty).as_bytes(), Some(&ty)).unwrap(), value);
        }

        #[test]
        fn no_bytes_are_too_bad(bytes: Vec<u8>, (ty, _) in typed()) {
            let dynamic = DynamicValue { msgpack: bytes.clone(), json: vec![] };
            drop(decode(Some(&dynamic), &ty));
            drop(decode_json(&bytes, Some(&ty)));
        }
    }

    #[test]
    fn writes_what_terraform_reads() {
        let bytes = |value: Value, ty: Type| encode(&value, &ty).msgpack;
        assert_eq!(bytes(Value::unknown(), Type::String), [0xd4, 0, 0]);
        let refined = Value::Unknown(Refinements(vec![0x81, 1, 0xc2]));
        assert_eq!(bytes(refined, Type::String), [0xc7, 3, 12, 0x81, 1, 0xc2]);
        assert_eq!(
            bytes(Value::Number("0.1".parse().unwrap()), Type::Number),
            b"\xa30.1"
        );
        assert_eq!(bytes(5.into(), Type::Dynamic), b"\x92\xc4\x08\"number\"\x05");
    }

    #[test]
    fn errors_name_the_place() {
        let ty = Type::Object(vec![("ports", Type::list(Type::Number))]);
        let wrong = encode(&Value::object([("ports", Value::from(vec!["22", "many"]))]), &ty);
        assert_eq!(
            decode(Some(&wrong), &ty).unwrap_err().to_string(),
            "ports[1]: not a decimal number"
        );
    }

    #[test]
    fn dynamic_numbers_may_be_text() {
        let ty = br#"["object",{"a":["list","number"],"b":["map","number"],"c":"string"}]"#;
        let text = |text: &str| Msgpack::from(text);
        let value = Msgpack::Map(vec![
            (text("a"), Msgpack::Array(vec![text("0.1")])),
            (text("b"), Msgpack::Map(vec![(text("k"), text("0.2"))])),
            (text("c"), text("0.3")),
        ]);
        let mut msgpack = Vec::new();
        let pair = Msgpack::Array(vec![Msgpack::Binary(ty.to_vec()), value]);
        rmpv::encode::write_value(&mut msgpack, &pair).unwrap();
        let value = decode(
            Some(&DynamicValue {
                msgpack,
                json: vec![],
            }),
            &Type::Dynamic,
        )
        .unwrap();
        let number = |text: &str| Value::Number(text.parse().unwrap());
        assert_eq!(value.get("a").item(0), &number("0.1"));
        assert_eq!(value.get("b").get("k"), &number("0.2"));
        assert_eq!(value.get("c").as_str(), Some("0.3"));
    }
}
