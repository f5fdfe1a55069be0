//! Filling a sparse object up to the form that its schema demands.
use super::{
    schema::{Block, Nesting, Schema},
    value::Value,
};

impl Schema {
    /// Adds every attribute that is missing as null, every missing repeated block as an empty list, at all levels.
    #[must_use]
    pub fn conform(&self, mut value: Value) -> Value {
        self.block.conform(&mut value, &|_| Value::Null);
        value
    }

    /// Puts the default in wherever a value is null or missing, at all levels; for an import, say.
    #[must_use]
    pub fn with_defaults(&self, value: Value) -> Value {
        let mut value = self.conform(value);
        self.block.put_defaults(&mut value);
        value
    }
}

impl Block {
    pub(super) fn conform(&self, value: &mut Value, missing: &impl Fn(&super::Attribute) -> Value) {
        let Value::Map(items) = value else { return };
        for attribute in &self.attributes {
            items
                .entry(attribute.name.to_owned())
                .or_insert_with(|| missing(attribute));
        }
        for nested in &self.blocks {
            let item = items.entry(nested.name.to_owned()).or_default();
            if nested.nesting != Nesting::Single && item.is_null() {
                *item = Value::List(Vec::new());
            }
            match item {
                Value::List(elements) => elements
                    .iter_mut()
                    .for_each(|element| nested.block.conform(element, missing)),
                single => nested.block.conform(single, missing),
            }
        }
    }

    fn put_defaults(&self, value: &mut Value) {
        let Value::Map(items) = value else { return };
        for attribute in &self.attributes {
            if let (Some(item), Some(default)) = (items.get_mut(attribute.name), &attribute.default)
                && item.is_null()
            {
                *item = default.clone();
            }
        }
        for nested in &self.blocks {
            match items.get_mut(nested.name) {
                Some(Value::List(elements)) => elements
                    .iter_mut()
                    .for_each(|item| nested.block.put_defaults(item)),
                Some(single) => nested.block.put_defaults(single),
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tf_provider::{Attribute, NestedBlock, Type};

    fn schema() -> Schema {
        let inner = || Block::new("", vec![Attribute::optional("port", Type::Number).default(22)]);
        let block = Block::new("", vec![Attribute::optional("host", Type::String)]);
        let block = block
            .nest(NestedBlock::single("one", inner()))
            .nest(NestedBlock::list("many", inner()));
        Schema::new(block)
    }

    #[test]
    fn fills_what_is_missing() {
        let expected = Value::object([
            ("host", Value::Null),
            ("one", Value::Null),
            ("many", Value::List(vec![])),
        ]);
        assert_eq!(schema().conform(Value::object([("many", Value::Null)])), expected);
        assert_eq!(schema().conform(Value::Null), Value::Null);
    }

    #[test]
    fn puts_defaults_in_at_all_levels() {
        let empty = || Value::object([("port", Value::Null)]);
        let value = Value::object([
            ("one", empty()),
            ("many", Value::List(vec![empty(), Value::object::<&str>([])])),
        ]);
        let ports = |value: &Value| {
            [
                value.get("one"),
                value.get("many").item(0),
                value.get("many").item(1),
            ]
            .map(|v| v.get("port").as_i64())
        };
        assert_eq!(ports(&schema().with_defaults(value)), [Some(22); 3]);
    }
}
