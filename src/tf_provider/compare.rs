//! Comparing values as Terraform does: by type, as a set has no order.
use super::{path::Path, types::Type, value::Value};

/// Are the two the same value of this type?
pub(super) fn is_same(a: &Value, b: &Value, ty: &Type) -> bool {
    match (ty, a, b) {
        (Type::Set(element), Value::List(a), Value::List(b)) => is_same_set(a, b, element),
        (Type::List(element), Value::List(a), Value::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b, element))
        }
        (Type::Map(element), Value::Map(a), Value::Map(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| is_same(a, b, element)))
        }
        (Type::Object(attributes), Value::Map(_), Value::Map(_)) => attributes
            .iter()
            .all(|(name, ty)| is_same(a.get(name), b.get(name), ty)),
        _ => a == b,
    }
}

fn is_same_set(a: &[Value], b: &[Value], element: &Type) -> bool {
    let contains = |set: &[Value], item: &Value| set.iter().any(|other| is_same(other, item, element));
    a.iter().all(|item| contains(b, item)) && b.iter().all(|item| contains(a, item))
}

/// Where `actual` is not what was `planned`. Unknown planned values may become anything.
pub(super) fn broken_promises(planned: &Value, actual: &Value, ty: &Type, at: &Path, found: &mut Vec<Path>) {
    match (ty, planned, actual) {
        (_, Value::Unknown(_), _) => {}
        // Which element of a set became which cannot be told while some are unknown.
        (Type::Set(_), Value::List(_), Value::List(_)) if !planned.is_wholly_known() => {}
        (Type::List(element), Value::List(a), Value::List(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                broken_promises(a, b, element, &at.clone().index(index), found);
            }
        }
        (Type::Map(element), Value::Map(a), Value::Map(b)) if a.keys().eq(b.keys()) => {
            for (key, a) in a {
                broken_promises(a, actual.get(key), element, &at.clone().key(key), found);
            }
        }
        (Type::Object(attributes), Value::Map(_), Value::Map(_)) => {
            for (name, ty) in attributes {
                broken_promises(
                    planned.get(name),
                    actual.get(name),
                    ty,
                    &at.clone().child(*name),
                    found,
                );
            }
        }
        _ if is_same(planned, actual, ty) => {}
        _ => found.push(at.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(items: &[&str]) -> Value {
        Value::from(items.to_vec())
    }

    #[test]
    fn order_matters_in_lists_only() {
        let (ab, ba) = (strings(&["a", "b"]), strings(&["b", "a"]));
        assert!(is_same(&ab, &ba, &Type::set(Type::String)));
        assert!(!is_same(&ab, &ba, &Type::list(Type::String)));
        assert!(!is_same(&ab, &strings(&["a"]), &Type::set(Type::String)));
    }

    #[test]
    fn names_the_promise_that_was_broken() {
        let ty = Type::Object(vec![
            ("id", Type::String),
            ("tags", Type::set(Type::String)),
            ("ports", Type::list(Type::Number)),
            ("labels", Type::map(Type::String)),
        ]);
        let planned = Value::object([
            ("id", Value::unknown()),
            ("tags", strings(&["x", "y"])),
            ("ports", Value::from(vec![1, 2])),
            ("labels", Value::object([("zone", Value::from("a"))])),
        ]);
        let mut actual = planned.clone();
        actual.set("id", "known");
        actual.set("tags", strings(&["y", "x"]));
        let mut found = Vec::new();
        broken_promises(&planned, &actual, &ty, &Path::root(), &mut found);
        assert_eq!(found, []);

        actual.set("ports", vec![1, 3]);
        actual.set("labels", Value::object([("zone", Value::from("b"))]));
        broken_promises(&planned, &actual, &ty, &Path::root(), &mut found);
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, ["ports[1]", "labels[\"zone\"]"]);
    }
}
