//! Terraform's types and their text on the wire.
use serde_json::json;

/// The type of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Text.
    String,
    /// A decimal number.
    Number,
    /// True or false.
    Bool,
    /// Elements of one type, in order.
    List(Box<Type>),
    /// Distinct elements of one type, without order.
    Set(Box<Type>),
    /// Text keys, elements of one type.
    Map(Box<Type>),
    /// Named attributes, each of its own type.
    Object(Vec<(&'static str, Type)>),
    /// Elements, each of its own type.
    Tuple(Vec<Type>),
    /// Any type. Values go back to Terraform as tuples and objects, as [`super::Value`] does not keep types.
    Dynamic,
}

impl Type {
    /// A list of `element`.
    pub fn list(element: Type) -> Self {
        Self::List(Box::new(element))
    }

    /// A set of `element`.
    pub fn set(element: Type) -> Self {
        Self::Set(Box::new(element))
    }

    /// A map of `element`.
    pub fn map(element: Type) -> Self {
        Self::Map(Box::new(element))
    }

    /// The type as Terraform writes it: `"string"`, `["list","number"]`, `["object",{"a":"bool"}]`.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::String => json!("string"),
            Self::Number => json!("number"),
            Self::Bool => json!("bool"),
            Self::Dynamic => json!("dynamic"),
            Self::List(element) => json!(["list", element.to_json()]),
            Self::Set(element) => json!(["set", element.to_json()]),
            Self::Map(element) => json!(["map", element.to_json()]),
            Self::Tuple(elements) => json!(["tuple", elements.iter().map(Self::to_json).collect::<Vec<_>>()]),
            Self::Object(attributes) => {
                let attributes = attributes
                    .iter()
                    .map(|(name, ty)| ((*name).to_owned(), ty.to_json()));
                json!(["object", attributes.collect::<serde_json::Map<_, _>>()])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_types_as_terraform_does() {
        let ty = Type::Object(vec![
            ("a", Type::list(Type::Number)),
            ("b", Type::Tuple(vec![Type::Bool, Type::Dynamic])),
            ("c", Type::map(Type::set(Type::String))),
        ]);
        let text = r#"["object",{"a":["list","number"],"b":["tuple",["bool","dynamic"]],"c":["map",["set","string"]]}]"#;
        assert_eq!(ty.to_json().to_string(), text);
    }
}
