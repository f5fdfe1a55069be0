//! Checking a configuration against the validators of its schema.
use super::{
    context::Context,
    diagnostic::Diagnostic,
    path::Path,
    schema::{Attribute, Block, Nesting},
    value::Value,
};

/// Runs every validator on the known values of a block and reports all errors.
pub(super) fn check_block(cx: &Context, block: &Block, config: &Value, at: &Path) {
    for attribute in &block.attributes {
        check_attribute(
            cx,
            attribute,
            config.get(attribute.name),
            at.clone().child(attribute.name),
        );
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
        return;
    }
    if attribute.write_only && !cx.write_only_allowed {
        let detail = format!("{at} is never stored, which needs Terraform 1.11 or later.");
        cx.add(Diagnostic::error("Write-only attribute not supported", detail).at(at));
        return;
    }
    if !value.is_wholly_known() {
        return;
    }
    for problem in attribute.validators.iter().filter_map(|check| check(value).err()) {
        cx.add(Diagnostic::error("Invalid attribute value", problem).at(at.clone()));
    }
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

    #[test]
    fn unknown_and_null_are_no_errors() {
        let config = Value::object([("port", Value::unknown()), ("many", Value::unknown())]);
        assert_eq!(errors(true, &config), [""; 0]);
    }

    #[test]
    fn old_terraform_cannot_keep_a_write_only_value_out_of_state() {
        let config = Value::object([("one", Value::object([("key", Value::from("secret"))]))]);
        assert_eq!(errors(true, &config), [""; 0]);
        assert_eq!(
            errors(false, &config),
            ["one.key: Write-only attribute not supported"]
        );
    }
}
