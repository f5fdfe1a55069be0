//! Values as msgpack, the form of every call.
use std::collections::BTreeMap;

use rmpv::Value as Msgpack;

use super::guided::{DecodeError, PLAIN, element, fault, inner, number, type_of, with_type};
use crate::tf_provider::{
    number::{Kind, Number},
    path::Path,
    types::Type,
    value::{Refinements, Value},
};

/// Extension type of an unknown value of which nothing is known.
const UNKNOWN: i8 = 0;
/// Extension type of an unknown value with refinements.
const REFINED_UNKNOWN: i8 = 12;

pub(super) fn read(mut bytes: &[u8], ty: &Type) -> Result<Value, DecodeError> {
    from_msgpack(rmpv::decode::read_value(&mut bytes)?, Some(ty), &Path::root())
}

pub(super) fn write(value: &Value, ty: &Type) -> Vec<u8> {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, &to_msgpack(value, ty))
        .unwrap_or_else(|_| unreachable!("writing to memory does not fail"));
    bytes
}

fn float(float: f64, at: &Path) -> Result<Value, DecodeError> {
    Number::from_f64(float)
        .map(Value::Number)
        .ok_or_else(|| fault(at, "not a number"))
}

fn from_msgpack(msgpack: Msgpack, ty: Option<&Type>, at: &Path) -> Result<Value, DecodeError> {
    match (msgpack, ty) {
        (Msgpack::Nil, _) => Ok(Value::Null),
        (Msgpack::Ext(UNKNOWN, _), _) => Ok(Value::unknown()),
        (Msgpack::Ext(REFINED_UNKNOWN, payload), _) => Ok(Value::Unknown(Refinements(payload))),
        (Msgpack::Array(pair), Some(Type::Dynamic)) => {
            let [Msgpack::Binary(ty), value] =
                <[Msgpack; 2]>::try_from(pair).map_err(|_| fault(at, "not a type and a value"))?
            else {
                return Err(fault(at, "not a type and a value"));
            };
            with_type(from_msgpack(value, None, at)?, &serde_json::from_slice(&ty)?, at)
        }
        (Msgpack::Boolean(truth), _) => Ok(Value::Bool(truth)),
        (Msgpack::Integer(int), _) => match (int.as_i64(), int.as_u64()) {
            (Some(int), _) => Ok(int.into()),
            (None, Some(int)) => Ok(int.into()),
            (None, None) => Err(fault(at, "not a number")),
        },
        (Msgpack::F32(single), _) => float(single.into(), at),
        (Msgpack::F64(double), _) => float(double, at),
        (Msgpack::String(text), ty) => match (text.as_str(), ty) {
            (Some(text), Some(Type::Number)) => number(text, at),
            (Some(text), _) => Ok(text.into()),
            (None, _) => Err(fault(at, "not UTF-8")),
        },
        (Msgpack::Array(items), ty) => {
            let items = items.into_iter().enumerate();
            let items =
                items.map(|(index, item)| from_msgpack(item, element(ty, index), &at.clone().index(index)));
            items.collect::<Result<_, _>>().map(Value::List)
        }
        (Msgpack::Map(items), ty) => {
            let mut map = BTreeMap::new();
            for (key, item) in items {
                let key = key.as_str().ok_or_else(|| fault(at, "a key that is not text"))?;
                if let Some((at, ty)) = inner(ty, at, key) {
                    map.insert(key.to_owned(), from_msgpack(item, ty, &at)?);
                }
            }
            Ok(Value::Map(map))
        }
        (Msgpack::Binary(_) | Msgpack::Ext(..), _) => Err(fault(at, "an unexpected kind of value")),
    }
}

fn to_msgpack(value: &Value, ty: &Type) -> Msgpack {
    match (value, ty) {
        (Value::Null, _) => Msgpack::Nil,
        (Value::Unknown(Refinements(payload)), _) if payload.is_empty() => Msgpack::Ext(UNKNOWN, vec![0]),
        (Value::Unknown(Refinements(payload)), _) => Msgpack::Ext(REFINED_UNKNOWN, payload.clone()),
        (known, Type::Dynamic) => {
            let ty = type_of(known);
            Msgpack::Array(vec![
                Msgpack::Binary(ty.to_string().into_bytes()),
                // What is inside needs no types: nothing in it is dynamic.
                to_msgpack(known, &PLAIN),
            ])
        }
        (Value::Bool(truth), _) => Msgpack::Boolean(*truth),
        (Value::Number(number), _) => match number.kind() {
            Kind::Int(int) => Msgpack::from(*int),
            Kind::UInt(int) => Msgpack::from(*int),
            Kind::Float(float) => Msgpack::F64(*float),
            Kind::Decimal(text) => Msgpack::from(text.as_str()),
        },
        (Value::String(text), _) => Msgpack::from(text.as_str()),
        (Value::List(items), ty) => {
            let items = items.iter().enumerate();
            Msgpack::Array(
                items
                    .map(|(index, item)| to_msgpack(item, element(Some(ty), index).unwrap_or(&PLAIN)))
                    .collect(),
            )
        }
        (Value::Map(items), ty) => {
            let at = Path::root();
            let items = items.iter().map(|(key, item)| {
                let ty = inner(Some(ty), &at, key).and_then(|(_, ty)| ty).unwrap_or(&PLAIN);
                (Msgpack::from(key.as_str()), to_msgpack(item, ty))
            });
            Msgpack::Map(items.collect())
        }
    }
}
