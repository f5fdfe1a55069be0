//! Checking a configuration against its schema: what is missing, what is not the user's to set, and the validators.
//!
//! Terraform checks that required arguments are written, not that they have a value, and lets users set what a provider
//! computes: that is left to providers.
use super::{
    context::Context,
    diagnostic::Diagnostic,
    path::{Path, Step},
    schema::{Attribute, Block, Nesting, Presence},
    secrets::has_private_key,
    types::Type,
    value::Value,
};

/// Checks all that is known of a block and reports all errors.
pub(super) fn check_block(cx: &Context, block: &Block, config: &Value, at: &Path) {
    if config.is_unknown() {
        return;
    }
    // Where the text of a key belongs, if anywhere in this block.
    let for_secrets = block.attributes.iter().find(|attribute| attribute.sensitive);
    for attribute in &block.attributes {
        let (value, at) = (config.get(attribute.name), at.clone().child(attribute.name));
        if !attribute.sensitive && !attribute.write_only && contains(value, has_private_key) {
            cx.add(misplaced_key(&at, for_secrets));
        } else {
            check_attribute(cx, attribute, value, at);
        }
    }
    for nested in &block.blocks {
        let (value, at) = (config.get(nested.name), at.clone().child(nested.name));
        match nested.nesting {
            Nesting::Single if !value.is_null() => check_block(cx, &nested.block, value, &at),
            Nesting::Single => {}
            Nesting::List => {
                for (index, element) in value.as_list().iter().enumerate() {
                    check_block(cx, &nested.block, element, &at.clone().index(index));
                }
            }
            // No path leads into a set: its elements' errors point at the set.
            Nesting::Set => {
                for element in value.as_list() {
                    check_set_element(cx, &nested.block, element, &at);
                }
            }
        }
    }
}

fn check_attribute(cx: &Context, attribute: &Attribute, value: &Value, at: Path) {
    if value.is_null() {
        if attribute.presence == Presence::Required {
            let detail = format!("{at} is required and must not be null.");
            cx.add(Diagnostic::error("Missing value", detail).at(at));
        }
        return;
    }
    if attribute.presence == Presence::Computed {
        let detail = format!("{at} is set by the provider. Remove it from the configuration.");
        cx.add(Diagnostic::error("Argument is not the user's to set", detail).at(at));
        return;
    }
    if attribute.write_only && !cx.write_only_allowed {
        let detail = format!("{at} is never stored, which needs Terraform 1.11 or later.");
        cx.add(Diagnostic::error("Write-only attribute not supported", detail).at(at));
        return;
    }
    let mut nulls = Vec::new();
    find_nulls(value, &attribute.ty, &at, &at, &mut nulls);
    if !nulls.is_empty() {
        for null in nulls {
            cx.add(null);
        }
        return;
    }
    if !value.is_wholly_known() {
        return;
    }
    for problem in attribute.validators.iter().filter_map(|check| check(value).err()) {
        cx.add(Diagnostic::error("Invalid attribute value", problem).at(at.clone()));
    }
}

/// Nulls inside of collections and objects. `at` is where the value stands, `shown` how near Terraform can point to
/// it: no path leads into a set.
fn find_nulls(value: &Value, ty: &Type, at: &Path, shown: &Path, found: &mut Vec<Diagnostic>) {
    let is_set = matches!(ty, Type::Set(_));
    let mut look = |item: &Value, ty: &Type, step: Step| {
        let at = at.clone().then(step.clone());
        let shown = if is_set {
            shown.clone()
        } else {
            shown.clone().then(step)
        };
        if item.is_null() {
            let detail = format!("{at} is null. Give it a value, or leave it out.");
            found.push(Diagnostic::error("Missing value", detail).at(shown));
        } else {
            find_nulls(item, ty, &at, &shown, found);
        }
    };
    match (ty, value) {
        (Type::List(element) | Type::Set(element), Value::List(items)) => {
            for (index, item) in items.iter().enumerate() {
                look(item, element, Step::Index(index));
            }
        }
        (Type::Map(element), Value::Map(items)) => {
            for (key, item) in items {
                look(item, element, Step::Key(key.clone()));
            }
        }
        (Type::Object(attributes), Value::Map(_)) => {
            for (name, ty) in attributes {
                look(value.get(name), ty, Step::Attribute((*name).to_owned()));
            }
        }
        _ => {}
    }
}

/// Whether any text in the value, keys of maps too, is of this kind.
fn contains(value: &Value, is: fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => is(text),
        Value::List(items) => items.iter().any(|item| contains(item, is)),
        Value::Map(items) => items.iter().any(|(key, item)| is(key) || contains(item, is)),
        _ => false,
    }
}

/// The text of a private key where it would be stored, or taken for a path and shown.
fn misplaced_key(at: &Path, for_secrets: Option<&Attribute>) -> Diagnostic {
    let advice = match for_secrets {
        Some(attribute) => format!("The text belongs in {}; a path argument takes the path of the file.", attribute.name),
        None => "A path argument takes the path of the file. Terraform stores what is written here, so no argument here takes the text.".to_owned(),
    };
    let detail = format!("{at} is the text of a private key, which is not shown here. {advice}");
    Diagnostic::error("Private key where none belongs", detail).at(at.clone())
}

fn check_set_element(cx: &Context, block: &Block, element: &Value, set: &Path) {
    let own = Context {
        write_only_allowed: cx.write_only_allowed,
        ..Context::new()
    };
    check_block(&own, block, element, &Path::root());
    for diagnostic in own.diagnostics() {
        let inner = diagnostic.path.clone().unwrap_or_default();
        let detail = format!("{inner}: {}", diagnostic.detail);
        cx.add(Diagnostic {
            detail,
            path: Some(set.clone()),
            ..diagnostic
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tf_provider::{NestedBlock, Type};

    fn port(value: &Value) -> Result<(), String> {
        match value.as_i64() {
            Some(1..=65535) => Ok(()),
            _ => Err("A port is a number from 1 to 65535.".into()),
        }
    }

    fn block() -> Block {
        let ssh = || {
            Block::new(
                "",
                vec![
                    Attribute::optional("port", Type::Number).validate(port),
                    Attribute::optional("key", Type::String).write_only(),
                ],
            )
        };
        Block::new("", vec![Attribute::required("port", Type::Number).validate(port)])
            .nest(NestedBlock::single("one", ssh()))
            .nest(NestedBlock::list("many", ssh()))
            .nest(NestedBlock::set("any", ssh()))
    }

    fn errors(write_only_allowed: bool, config: &Value) -> Vec<String> {
        let cx = Context {
            write_only_allowed,
            ..Context::new()
        };
        check_block(&cx, &block(), config, &Path::root());
        cx.diagnostics()
            .iter()
            .map(|d| format!("{}: {}", d.path.clone().unwrap(), d.summary))
            .collect()
    }

    #[test]
    fn reports_every_error_with_its_path() {
        let bad = || Value::object([("port", Value::from(0))]);
        let config = Value::object([
            ("port", Value::from(70_000)),
            ("one", bad()),
            (
                "many",
                Value::List(vec![Value::object([("port", Value::from(1))]), bad()]),
            ),
            ("any", Value::List(vec![bad()])),
        ]);
        assert_eq!(
            errors(true, &config),
            [
                "port: Invalid attribute value",
                "one.port: Invalid attribute value",
                "many[1].port: Invalid attribute value",
                "any: Invalid attribute value",
            ]
        );
    }

    fn details(block: &Block, config: &Value) -> Vec<String> {
        let cx = Context::new();
        check_block(&cx, block, config, &Path::root());
        let told = cx.diagnostics();
        told.iter()
            .map(|told| format!("{}: {}", told.path.clone().unwrap(), told.detail))
            .collect()
    }

    #[test]
    fn null_is_told_with_its_place() {
        let object = Type::Object(vec![
            ("masters", Type::list(Type::String)),
            ("name", Type::String),
        ]);
        let block = Block::new(
            "",
            vec![
                Attribute::required("host", Type::String),
                Attribute::optional("labels", Type::map(Type::String)),
                Attribute::optional("zones", Type::set(Type::String)),
                Attribute::optional("join", object),
            ],
        );
        let config = Value::object([
            ("host", Value::Null),
            (
                "labels",
                Value::object([("a", Value::Null), ("b", Value::unknown())]),
            ),
            ("zones", Value::List(vec!["x".into(), Value::Null])),
            (
                "join",
                Value::object([("masters", Value::List(vec![Value::Null])), ("name", Value::Null)]),
            ),
        ]);
        assert_eq!(
            details(&block, &config),
            [
                "host: host is required and must not be null.",
                r#"labels["a"]: labels["a"] is null. Give it a value, or leave it out."#,
                "zones: zones[1] is null. Give it a value, or leave it out.",
                "join.masters[0]: join.masters[0] is null. Give it a value, or leave it out.",
                "join.name: join.name is null. Give it a value, or leave it out.",
            ]
        );
    }

    #[test]
    fn what_the_provider_sets_cannot_be_written() {
        let block = Block::new("", vec![Attribute::computed("id", Type::String)]);
        for value in [Value::from("x"), Value::unknown()] {
            assert_eq!(
                details(&block, &Value::object([("id", value)])),
                ["id: id is set by the provider. Remove it from the configuration."]
            );
        }
        assert_eq!(details(&block, &Value::object([("id", Value::Null)])), [""; 0]);
    }

    #[test]
    fn a_private_key_is_refused_where_it_would_be_stored_and_never_shown() {
        let block = Block::new(
            "",
            vec![
                Attribute::optional("key", Type::String).sensitive(),
                Attribute::optional("key_file", Type::String).validate(|value| Err(format!("{value:?}"))),
                Attribute::optional("labels", Type::map(Type::String)),
            ],
        );
        let key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n-----END PRIVATE KEY-----";
        let config = Value::object([
            ("key", Value::from(key)),
            ("key_file", Value::from(key)),
            ("labels", Value::object([("a", Value::from(key))])),
        ]);
        let told = details(&block, &config);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(
            told[0].starts_with("key_file: ") && told[0].contains("belongs in key;"),
            "{told:?}"
        );
        assert!(told.iter().all(|told| !told.contains("MC4C")), "{told:?}");
    }

    #[test]
    fn unknown_is_no_error() {
        let config = Value::object([
            ("port", Value::unknown()),
            ("one", Value::unknown()),
            ("many", Value::unknown()),
        ]);
        assert_eq!(errors(true, &config), [""; 0]);
    }

    #[test]
    fn old_terraform_cannot_keep_a_write_only_value_out_of_state() {
        let config = Value::object([
            ("port", Value::from(1)),
            ("one", Value::object([("key", Value::from("secret"))])),
        ]);
        assert_eq!(errors(true, &config), [""; 0]);
        assert_eq!(
            errors(false, &config),
            ["one.key: Write-only attribute not supported"]
        );
    }
}
