//! Planning: defaults and unknowns before the resource's own plan, what must be replaced after it.
use super::{
    Context, PlanRequest, Resource,
    compare::is_same,
    path::Path,
    schema::{Attribute, Block, Nesting},
    types::Type,
    validate::check_block,
    value::Value,
};

/// The answer to a plan.
#[derive(Debug, PartialEq)]
pub(super) struct Planned {
    pub(super) state: Value,
    pub(super) requires_replace: Vec<Path>,
}

/// Plans a create or an update. `proposed` is Terraform's merge of configuration and prior state.
pub(super) async fn plan(
    cx: &Context,
    resource: &dyn Resource,
    request: PlanRequest<'_>,
    proposed: Value,
) -> Planned {
    let block = resource.schema().block;
    // Again, as values that were unknown at validation may be known by now.
    check_block(cx, &block, request.config, &Path::root());
    let mut state = proposed;
    if cx.has_errors() {
        return Planned {
            state,
            requires_replace: Vec::new(),
        };
    }
    fill(&block, request.prior, request.config, &mut state);
    resource.plan(cx, request, &mut state).await;
    block.conform(&mut state, &|_| Value::Null);
    scrub_write_only(&block, &mut state);
    let mut requires_replace = Vec::new();
    if let Some(prior) = request.prior {
        find_replacements(&block, prior, &state, &Path::root(), &mut requires_replace);
    }
    Planned {
        state,
        requires_replace,
    }
}

/// Puts in defaults; what is new and computed becomes unknown, at all levels. `prior` is `None` for what is new.
pub(super) fn fill(block: &Block, prior: Option<&Value>, config: &Value, planned: &mut Value) {
    if planned.as_map().is_none() {
        return;
    }
    for attribute in block
        .attributes
        .iter()
        .filter(|attribute| config.get(attribute.name).is_null())
    {
        if let Some(default) = &attribute.default {
            planned.set(attribute.name, default.clone());
        } else if attribute.is_computed() && prior.is_none() {
            planned.set(attribute.name, Value::unknown());
        }
    }
    let Value::Map(items) = planned else { return };
    for nested in &block.blocks {
        let Some(planned) = items.get_mut(nested.name) else {
            continue;
        };
        let config = config.get(nested.name);
        let prior = prior
            .map(|prior| prior.get(nested.name))
            .filter(|prior| !prior.is_null());
        match (nested.nesting, planned) {
            (Nesting::Single, planned) => fill(&nested.block, prior, config, planned),
            (Nesting::List, Value::List(elements)) => {
                for (index, element) in elements.iter_mut().enumerate() {
                    let prior = prior.and_then(|prior| prior.as_list().get(index));
                    fill(&nested.block, prior, config.item(index), element);
                }
            }
            (Nesting::Set, Value::List(elements)) => {
                fill_set(
                    &nested.block,
                    prior.map_or(&[], Value::as_list),
                    config.as_list(),
                    elements,
                );
            }
            _ => {}
        }
    }
}

/// Elements of a set are recognised by what the configuration says of them.
fn fill_set(block: &Block, prior: &[Value], config: &[Value], planned: &mut [Value]) {
    let mut left: Vec<&Value> = config.iter().collect();
    for element in planned {
        let Some(at) = left.iter().position(|config| agrees(config, element)) else {
            continue;
        };
        let config = left.swap_remove(at);
        let prior = prior.iter().find(|prior| agrees(config, prior));
        fill(block, prior, config, element);
    }
}

/// Does `value` have everything that the configuration sets?
fn agrees(config: &Value, value: &Value) -> bool {
    match (config, value) {
        (Value::Null, _) => true,
        (Value::Map(items), Value::Map(_)) => items.iter().all(|(name, item)| agrees(item, value.get(name))),
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| agrees(a, b)),
        _ => config == value,
    }
}

/// Write-only values must be null in every plan and state.
pub(super) fn scrub_write_only(block: &Block, value: &mut Value) {
    let Value::Map(items) = value else { return };
    for attribute in block.attributes.iter().filter(|attribute| attribute.write_only) {
        items.insert(attribute.name.to_owned(), Value::Null);
    }
    for nested in &block.blocks {
        match items.get_mut(nested.name) {
            Some(Value::List(elements)) => {
                for element in elements {
                    scrub_write_only(&nested.block, element);
                }
            }
            Some(single) => scrub_write_only(&nested.block, single),
            None => {}
        }
    }
}

fn find_replacements(block: &Block, prior: &Value, planned: &Value, at: &Path, found: &mut Vec<Path>) {
    let differs = |name: &str, ty: &Type| !is_same(prior.get(name), planned.get(name), ty);
    let replaces =
        |attribute: &&Attribute| attribute.requires_replace && differs(attribute.name, &attribute.ty);
    for attribute in block.attributes.iter().filter(replaces) {
        found.push(at.clone().child(attribute.name));
    }
    for nested in &block.blocks {
        let at = at.clone().child(nested.name);
        let (prior, planned) = (prior.get(nested.name), planned.get(nested.name));
        let differs = || !is_same(prior, planned, &nested.value_type());
        match nested.nesting {
            _ if nested.requires_replace => found.extend(differs().then_some(at)),
            Nesting::Single => find_replacements(&nested.block, prior, planned, &at, found),
            Nesting::List => {
                for index in 0..prior.as_list().len().max(planned.as_list().len()) {
                    let (prior, planned) = (prior.item(index), planned.item(index));
                    find_replacements(&nested.block, prior, planned, &at.clone().index(index), found);
                }
            }
            // No path leads into a set.
            Nesting::Set => found.extend((may_replace(&nested.block) && differs()).then_some(at)),
        }
    }
}

fn may_replace(block: &Block) -> bool {
    block
        .attributes
        .iter()
        .any(|attribute| attribute.requires_replace)
        || block
            .blocks
            .iter()
            .any(|nested| nested.requires_replace || may_replace(&nested.block))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tf_provider::{NestedBlock, testing::Stub};

    fn block() -> Block {
        let disk = || {
            Block::new(
                "",
                vec![
                    Attribute::required("name", Type::String),
                    Attribute::optional("size", Type::Number).default(10),
                    Attribute::computed("serial", Type::String),
                    Attribute::optional("kind", Type::String).requires_replace(),
                ],
            )
        };
        Block::new(
            "",
            vec![
                Attribute::required("host", Type::String).requires_replace(),
                Attribute::computed("id", Type::String),
                Attribute::optional("port", Type::Number).default(6443),
                Attribute::optional("token", Type::String).write_only(),
            ],
        )
        .nest(NestedBlock::single("boot", disk()))
        .nest(NestedBlock::list("disk", disk()))
        .nest(NestedBlock::set("share", disk()))
        .nest(
            NestedBlock::single(
                "net",
                Block::new("", vec![Attribute::optional("mtu", Type::Number)]),
            )
            .requires_replace(),
        )
    }

    fn disk(name: &str) -> Value {
        full(Value::object([("name", Value::from(name))]), "disk")
    }

    fn full(mut value: Value, of: &str) -> Value {
        let block = block();
        match block.blocks.iter().find(|nested| nested.name == of) {
            Some(nested) => nested.block.conform(&mut value, &|_| Value::Null),
            None => block.conform(&mut value, &|_| Value::Null),
        }
        value
    }

    fn config() -> Value {
        full(
            Value::object([
                ("host", Value::from("10.0.0.1")),
                ("token", Value::from("secret")),
                ("boot", disk("boot")),
                ("disk", Value::List(vec![disk("a")])),
                ("share", Value::List(vec![disk("s"), disk("t")])),
            ]),
            "",
        )
    }

    /// What is stored after the plan was applied.
    fn applied(planned: &Value) -> Value {
        let mut state = planned.clone();
        for at in planned.unknown_paths() {
            *state.at_mut(&at).unwrap() = Value::from("known");
        }
        state
    }

    async fn planned(prior: Option<&Value>, config: &Value, proposed: Value) -> Planned {
        let cx = Context::new();
        let request = PlanRequest {
            prior,
            config,
            private: &[],
        };
        let planned = plan(&cx, &Stub::new(block()), request, proposed).await;
        assert_eq!(cx.diagnostics(), []);
        planned
    }

    #[tokio::test]
    async fn new_things_get_defaults_and_unknowns_at_all_levels() {
        let planned = planned(None, &config(), config()).await;
        let unknown: Vec<_> = planned
            .state
            .unknown_paths()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            unknown,
            [
                "boot.serial",
                "disk[0].serial",
                "id",
                "share[0].serial",
                "share[1].serial"
            ]
        );
        assert_eq!(planned.state.get("port").as_i64(), Some(6443));
        for disk in ["boot", "disk", "share"].map(|name| planned.state.get(name)) {
            let disk = if disk.as_list().is_empty() {
                disk
            } else {
                disk.item(0)
            };
            assert_eq!(disk.get("size").as_i64(), Some(10));
        }
        assert!(planned.state.get("token").is_null());
        assert_eq!(planned.requires_replace, []);
    }

    #[tokio::test]
    async fn nothing_changed_means_no_difference() {
        let state = applied(&planned(None, &config(), config()).await.state);
        // Terraform's proposal: the configuration, computed values from the prior state.
        let again = planned(Some(&state), &config(), state.clone()).await;
        assert_eq!(
            again,
            Planned {
                state,
                requires_replace: vec![]
            }
        );
    }

    #[tokio::test]
    async fn only_new_elements_get_unknowns_on_update() {
        let state = applied(&planned(None, &config(), config()).await.state);
        let (mut config, mut proposed) = (config(), state.clone());
        for (value, first) in [
            (&mut config, disk("a")),
            (&mut proposed, state.get("disk").item(0).clone()),
        ] {
            value.set("disk", Value::List(vec![first, disk("b")]));
        }
        // A set may come back in any order.
        let shares = state.get("share").as_list();
        proposed.set(
            "share",
            Value::List(vec![disk("u"), shares[1].clone(), shares[0].clone()]),
        );
        config.set("share", Value::List(vec![disk("s"), disk("t"), disk("u")]));
        let planned = planned(Some(&state), &config, proposed).await.state;
        let unknown: Vec<_> = planned.unknown_paths().iter().map(ToString::to_string).collect();
        assert_eq!(unknown, ["disk[1].serial", "share[0].serial"]);
        assert_eq!(planned.get("share").item(0).get("size").as_i64(), Some(10));
    }

    #[tokio::test]
    async fn removing_a_value_from_the_configuration_brings_the_default_back() {
        let mut state = applied(&planned(None, &config(), config()).await.state);
        state.set("port", 7443);
        let planned = planned(Some(&state), &config(), state.clone()).await.state;
        assert_eq!(planned.get("port").as_i64(), Some(6443));
    }

    #[tokio::test]
    async fn replaces_for_what_the_schema_marks_and_nothing_else() {
        let state = applied(&planned(None, &config(), config()).await.state);
        let replaced = async |change: fn(&mut Value)| {
            let (mut config, mut proposed) = (config(), state.clone());
            change(&mut config);
            change(&mut proposed);
            let paths = planned(Some(&state), &config, proposed).await.requires_replace;
            paths.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(replaced(|v| v.set("port", 1)).await, [""; 0]);
        assert_eq!(replaced(|v| v.set("host", "10.0.0.2")).await, ["host"]);
        assert_eq!(replaced(|v| v.set("host", Value::unknown())).await, ["host"]);
        assert_eq!(
            replaced(|v| v.set("net", Value::object([("mtu", Value::from(1400))]))).await,
            ["net"]
        );
        assert_eq!(
            replaced(|v| *v.at_mut(&Path::attribute("boot").child("kind")).unwrap() = "ssd".into()).await,
            ["boot.kind"]
        );
        assert_eq!(
            replaced(|v| *v.at_mut(&Path::attribute("disk").index(0).child("kind")).unwrap() = "ssd".into())
                .await,
            ["disk[0].kind"]
        );
        assert_eq!(
            replaced(|v| *v
                .at_mut(&Path::attribute("share").index(0).child("kind"))
                .unwrap() = "ssd".into())
            .await,
            ["share"]
        );
        assert_eq!(replaced(|v| v.set("disk", Value::List(vec![]))).await, [""; 0]);
    }
}
