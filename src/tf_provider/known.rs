//! What is known of a value, for models: unknown or null inside of it never ends in a model that cannot be read.
//!
//! A model's field is an `Option`, and `None` is "not set or not known". A collection with an element that is not known
//! (or null) is not known as a whole, so that nobody takes it for a shorter one; a nested block without one of its
//! required arguments is not there. Which of the two `None` means, the configuration says (`Value::is_wholly_known`).
//!
//! Why there is no type for unknown values: decision 31.
use serde::de::DeserializeOwned;

use super::{
    schema::{Block, Nesting, Presence, Schema},
    serde_bridge::ValueError,
    types::Type,
    value::Value,
};

impl Schema {
    /// What is known of a value of this schema, as a model.
    pub fn read<T: DeserializeOwned>(&self, value: &Value) -> Result<T, ValueError> {
        self.block.read(value)
    }
}

impl Block {
    /// What is known of a value of this block, as a model.
    pub fn read<T: DeserializeOwned>(&self, value: &Value) -> Result<T, ValueError> {
        self.known(value).deserialize_into()
    }

    fn known(&self, value: &Value) -> Value {
        let attributes = self.attributes.iter().map(|attribute| {
            let known = attribute.ty.known(value.get(attribute.name));
            (attribute.name, known.unwrap_or_default())
        });
        let blocks = self.blocks.iter().map(|nested| {
            let value = value.get(nested.name);
            let known = match nested.nesting {
                Nesting::Single => nested.block.known_nested(value),
                Nesting::List | Nesting::Set => elements(value, |value| nested.block.known_nested(value)),
            };
            (nested.name, known.unwrap_or_default())
        });
        Value::object(attributes.chain(blocks))
    }

    fn known_nested(&self, value: &Value) -> Option<Value> {
        value.as_map()?;
        let known = self.known(value);
        let mut required = self
            .attributes
            .iter()
            .filter(|attribute| attribute.presence == Presence::Required);
        required
            .all(|attribute| !known.get(attribute.name).is_null())
            .then_some(known)
    }
}

impl Type {
    /// A value of this type as a model; `None` where anything in it is null or not known.
    pub fn read<T: DeserializeOwned>(&self, value: &Value) -> Result<Option<T>, ValueError> {
        self.known(value)
            .map(|known| known.deserialize_into())
            .transpose()
    }

    fn known(&self, value: &Value) -> Option<Value> {
        match (self, value) {
            (_, Value::Null | Value::Unknown(_)) => None,
            (Self::List(element) | Self::Set(element), value) => elements(value, |item| element.known(item)),
            (Self::Map(element), Value::Map(items)) => items
                .iter()
                .map(|(key, item)| Some((key.clone(), element.known(item)?)))
                .collect::<Option<_>>()
                .map(Value::Map),
            (Self::Object(attributes), value) => attributes
                .iter()
                .map(|(name, ty)| Some(((*name).to_owned(), ty.known(value.get(name))?)))
                .collect::<Option<_>>()
                .map(Value::Map),
            (_, value) => Some(value.clone()),
        }
    }
}

fn elements(value: &Value, known: impl Fn(&Value) -> Option<Value>) -> Option<Value> {
    let Value::List(items) = value else { return None };
    items.iter().map(known).collect::<Option<_>>().map(Value::List)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tf_provider::{Attribute, NestedBlock};
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, Deserialize)]
    struct Disk {
        name: String,
        size: Option<u32>,
    }

    #[derive(Debug, Deserialize)]
    struct Model {
        host: Option<String>,
        labels: Option<BTreeMap<String, String>>,
        boot: Option<Disk>,
        disk: Option<Vec<Disk>>,
    }

    fn schema() -> Schema {
        let disk = || {
            Block::new(
                "",
                vec![
                    Attribute::required("name", Type::String),
                    Attribute::optional("size", Type::Number),
                ],
            )
        };
        let attributes = vec![
            Attribute::required("host", Type::String),
            Attribute::optional("labels", Type::map(Type::String)),
        ];
        Schema::new(
            Block::new("", attributes)
                .nest(NestedBlock::single("boot", disk()))
                .nest(NestedBlock::list("disk", disk())),
        )
    }

    fn disk(name: impl Into<Value>, size: impl Into<Value>) -> Value {
        Value::object([("name", name.into()), ("size", size.into())])
    }

    fn read(value: &Value) -> Model {
        schema().read(value).unwrap()
    }

    #[test]
    fn what_is_known_is_read() {
        let model = read(&Value::object([
            ("host", Value::from("a")),
            ("labels", Value::object([("zone", Value::from("a"))])),
            ("boot", disk("b", Value::unknown())),
            ("disk", Value::List(vec![disk("d", 1)])),
        ]));
        assert_eq!(model.host.as_deref(), Some("a"));
        assert_eq!(model.labels.unwrap()["zone"], "a");
        assert_eq!(
            model.boot.map(|boot| (boot.name, boot.size)),
            Some(("b".into(), None))
        );
        assert_eq!(model.disk.unwrap()[0].size, Some(1));
    }

    #[test]
    fn nothing_is_shorter_than_it_is_or_half_there() {
        for missing in [Value::Null, Value::unknown()] {
            let model = read(&Value::object([
                ("host", missing.clone()),
                (
                    "labels",
                    Value::object([("zone", Value::from("a")), ("rack", missing.clone())]),
                ),
                ("boot", disk(missing.clone(), 1)),
                ("disk", Value::List(vec![disk("d", 1), disk(missing.clone(), 1)])),
            ]));
            assert!(
                model.host.is_none()
                    && model.labels.is_none()
                    && model.boot.is_none()
                    && model.disk.is_none(),
                "{model:?}"
            );
        }
        assert!(read(&Value::unknown()).host.is_none());
    }

    #[test]
    fn an_object_is_known_as_a_whole() {
        let ty = Type::Object(vec![("a", Type::String), ("b", Type::list(Type::String))]);
        let value = |b: Value| Value::object([("a", Value::from("x")), ("b", Value::List(vec![b]))]);
        let read = |b| ty.read::<BTreeMap<String, serde_json::Value>>(&value(b)).unwrap();
        assert!(read("y".into()).is_some());
        assert!(read(Value::unknown()).is_none());
    }
}
