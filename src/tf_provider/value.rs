//! A Terraform value: what configuration, plan and state are made of.
use std::collections::BTreeMap;

use super::{
    number::Number,
    path::{Path, Step},
};

/// A value of any Terraform type. Types are not kept: lists, sets and tuples are [`Value::List`], maps, objects
/// and nested blocks are [`Value::Map`]; the schema says which.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Not set.
    #[default]
    Null,
    /// Known only after apply.
    Unknown(Refinements),
    /// `true` or `false`.
    Bool(bool),
    /// A decimal number.
    Number(Number),
    /// Text.
    String(String),
    /// A list, set or tuple; order of a set has no meaning.
    List(Vec<Value>),
    /// A map, object or block.
    Map(BTreeMap<String, Value>),
}

/// What Terraform knows about an unknown value (not null, a prefix, bounds), as it sent it. Nothing here reads
/// it; it must go back unchanged, or Terraform takes the value for another one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refinements(pub(super) Vec<u8>);

#[cfg(test)]
impl Refinements {
    pub(crate) fn from_wire(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

static NULL: Value = Value::Null;

impl Value {
    /// A value that is known after apply.
    pub fn unknown() -> Self {
        Self::Unknown(Refinements::default())
    }

    /// An object of these attributes.
    pub fn object<K: Into<String>>(attributes: impl IntoIterator<Item = (K, Value)>) -> Self {
        Self::Map(
            attributes
                .into_iter()
                .map(|(name, value)| (name.into(), value))
                .collect(),
        )
    }

    /// Is it null?
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Is it unknown as a whole?
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    /// Is nothing in it unknown, at any depth?
    pub fn is_wholly_known(&self) -> bool {
        match self {
            Self::Unknown(_) => false,
            Self::List(items) => items.iter().all(Self::is_wholly_known),
            Self::Map(items) => items.values().all(Self::is_wholly_known),
            _ => true,
        }
    }

    /// Text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// A whole number in range, if it is one.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// The elements of a list, set or tuple; none for everything else.
    pub fn as_list(&self) -> &[Value] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// The entries of a map, object or block, if it is one.
    pub fn as_map(&self) -> Option<&BTreeMap<String, Value>> {
        match self {
            Self::Map(items) => Some(items),
            _ => None,
        }
    }

    /// An attribute or map entry; null if there is none, unknown if the whole is unknown.
    pub fn get(&self, name: &str) -> &Value {
        match self {
            Self::Map(items) => items.get(name).unwrap_or(&NULL),
            Self::Unknown(_) => self,
            _ => &NULL,
        }
    }

    /// An element of a list; null if there is none, unknown if the whole is unknown.
    pub fn item(&self, index: usize) -> &Value {
        match self {
            Self::Unknown(_) => self,
            other => other.as_list().get(index).unwrap_or(&NULL),
        }
    }

    /// Sets an attribute or map entry. A null value becomes an object first; on other values nothing happens.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        if self.is_null() {
            *self = Self::Map(BTreeMap::new());
        }
        if let Self::Map(items) = self {
            items.insert(name.to_owned(), value.into());
        }
    }

    /// The value at a path; null if a step leads nowhere.
    pub fn at(&self, path: &Path) -> &Value {
        path.steps().iter().fold(self, |value, step| match step {
            Step::Attribute(name) | Step::Key(name) => value.get(name),
            Step::Index(index) => value.item(*index),
        })
    }

    /// The value at a path, to change it; `None` if a step leads nowhere.
    pub fn at_mut(&mut self, path: &Path) -> Option<&mut Value> {
        path.steps()
            .iter()
            .try_fold(self, |value, step| match (step, value) {
                (Step::Attribute(name) | Step::Key(name), Self::Map(items)) => items.get_mut(name),
                (Step::Index(index), Self::List(items)) => items.get_mut(*index),
                _ => None,
            })
    }

    /// Paths of everything unknown in it. Map entries and attributes look alike here: both are attribute steps.
    pub fn unknown_paths(&self) -> Vec<Path> {
        let mut found = Vec::new();
        self.collect_unknown(&Path::root(), &mut found);
        found
    }

    fn collect_unknown(&self, at: &Path, found: &mut Vec<Path>) {
        match self {
            Self::Unknown(_) => found.push(at.clone()),
            Self::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    item.collect_unknown(&at.clone().index(index), found);
                }
            }
            Self::Map(items) => {
                for (name, item) in items {
                    item.collect_unknown(&at.clone().child(name), found);
                }
            }
            _ => {}
        }
    }

    /// Everything unknown becomes null.
    pub fn unknown_to_null(&mut self) {
        match self {
            Self::Unknown(_) => *self = Self::Null,
            Self::List(items) => items.iter_mut().for_each(Self::unknown_to_null),
            Self::Map(items) => items.values_mut().for_each(Self::unknown_to_null),
            _ => {}
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Self {
        Self::Number(number)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number.into())
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        i64::from(number).into()
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        i64::from(number).into()
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        i64::from(number).into()
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number.into())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Value>> From<BTreeMap<String, T>> for Value {
    fn from(items: BTreeMap<String, T>) -> Self {
        Self::object(items.into_iter().map(|(key, value)| (key, value.into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Value {
        Value::object([
            (
                "ssh",
                Value::object([("port", Value::from(22)), ("host", Value::unknown())]),
            ),
            ("tags", Value::from(vec!["a", "b"])),
        ])
    }

    #[test]
    fn finds_values_by_path() {
        let value = sample();
        assert_eq!(value.at(&Path::attribute("ssh").child("port")).as_i64(), Some(22));
        assert_eq!(value.at(&Path::attribute("tags").index(1)).as_str(), Some("b"));
        assert!(value.at(&Path::attribute("tags").index(7)).is_null());
        assert!(value.at(&Path::attribute("no").key("way")).is_null());
    }

    #[test]
    fn everything_in_an_unknown_is_unknown() {
        assert!(Value::unknown().get("ssh").item(0).is_unknown());
    }

    #[test]
    fn knows_what_is_unknown() {
        let mut value = sample();
        assert!(!value.is_wholly_known());
        assert_eq!(value.unknown_paths(), [Path::attribute("ssh").child("host")]);
        value.unknown_to_null();
        assert!(value.is_wholly_known());
    }

    #[test]
    fn set_makes_an_object_of_null() {
        let mut value = Value::Null;
        value.set("id", "x");
        assert_eq!(value, Value::object([("id", Value::from("x"))]));
    }
}
