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
}
