//! Applying: create, update or delete, and whether the resource did what its plan promised.
use super::{
    Context, Diagnostic, Resource, compare::broken_promises, path::Path, plan::scrub_write_only,
    schema::Schema, value::Value,
};

/// What is to be applied: no prior state is a create, no planned state a delete.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) prior: Option<Value>,
    pub(super) planned: Option<Value>,
    pub(super) config: Value,
}

/// Applies a change and gives the new state; null if there is nothing (any more).
pub(super) async fn apply(
    cx: &Context,
    resource: &dyn Resource,
    change: Change,
    private: &mut Vec<u8>,
) -> Value {
    let Change {
        prior,
        planned,
        config,
    } = change;
    let schema = resource.schema();
    match (prior, planned) {
        (None, None) => Value::Null,
        (Some(prior), None) => {
            let left = resource.delete(cx, &prior, private).await;
            if left.is_some() && !cx.has_errors() {
                cx.add(Diagnostic::bug(
                    "Something was left after a removal, but no error says why.",
                ));
            }
            settle(cx, &schema, left.unwrap_or_default(), None)
        }
        (None, Some(planned)) => {
            let created = resource.create(cx, &config, planned.clone(), private).await;
            settle(cx, &schema, created.unwrap_or_default(), Some(&planned))
        }
        (Some(prior), Some(planned)) => {
            let updated = resource
                .update(cx, &prior, &config, planned.clone(), private)
                .await;
            settle(cx, &schema, updated, Some(&planned))
        }
    }
}

/// Brings a state from the resource into the form Terraform wants, and reports what may not be in it.
pub(super) fn settle(cx: &Context, schema: &Schema, state: Value, planned: Option<&Value>) -> Value {
    let mut state = schema.conform(state);
    scrub_write_only(&schema.block, &mut state);
    if !cx.has_errors() {
        for diagnostic in faults(schema, &state, planned) {
            cx.add(diagnostic);
        }
    }
    state.unknown_to_null();
    state
}

fn faults(schema: &Schema, state: &Value, planned: Option<&Value>) -> Vec<Diagnostic> {
    let Some(planned) = planned else {
        return unknowns(state);
    };
    if state.is_null() {
        return vec![Diagnostic::bug("The change gave neither a state nor an error.")];
    }
    let mut broken = Vec::new();
    broken_promises(planned, state, &schema.value_type(), &Path::root(), &mut broken);
    let broken = broken.into_iter().filter(|at| !state.at(at).is_unknown());
    // The values stay out of the message: they may be secret.
    let broken =
        broken.map(|at| Diagnostic::bug(format!("{at} is not what was planned after the change.")).at(at));
    unknowns(state).into_iter().chain(broken).collect()
}

fn unknowns(state: &Value) -> Vec<Diagnostic> {
    let unknown = state.unknown_paths().into_iter();
    unknown
        .map(|at| Diagnostic::bug(format!("{at} is still unknown after the change.")).at(at))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tf_provider::{Attribute, Block, Type, testing::Stub};

    fn stub() -> Stub {
        Stub::new(Block::new(
            "",
            vec![
                Attribute::required("host", Type::String),
                Attribute::computed("id", Type::String),
                Attribute::optional("token", Type::String).write_only(),
            ],
        ))
    }

    fn host(name: &str) -> Value {
        Value::object([
            ("host", Value::from(name)),
            ("id", Value::unknown()),
            ("token", Value::Null),
        ])
    }

    fn change(prior: Option<Value>, planned: Option<Value>) -> Change {
        Change {
            prior,
            planned,
            config: host("a"),
        }
    }

    async fn run(stub: Stub, change: Change) -> (Value, Vec<String>) {
        let cx = Context::new();
        let state = apply(&cx, &stub, change, &mut Vec::new()).await;
        (
            state,
            cx.diagnostics()
                .into_iter()
                .map(|diagnostic| diagnostic.detail)
                .collect(),
        )
    }

    #[tokio::test]
    async fn a_sparse_answer_is_filled_up() {
        let stub = stub().answers(Value::object([
            ("host", Value::from("a")),
            ("id", Value::from("1")),
        ]));
        let (state, errors) = run(stub, change(None, Some(host("a")))).await;
        assert_eq!(errors, [""; 0]);
        assert!(state.as_map().unwrap().contains_key("token"));
    }

    #[tokio::test]
    async fn unknown_after_apply_is_a_bug_that_names_the_attribute() {
        let (state, errors) = run(stub().answers(host("a")), change(None, Some(host("a")))).await;
        assert_eq!(errors.len(), 1);
        assert!(errors[0].starts_with("id is still unknown"), "{errors:?}");
        assert!(state.is_wholly_known());
    }

    #[tokio::test]
    async fn a_broken_promise_is_a_bug_that_names_the_attribute_and_no_value() {
        let answer = Value::object([("host", Value::from("other")), ("id", Value::from("1"))]);
        let (_, errors) = run(stub().answers(answer), change(Some(host("a")), Some(host("a")))).await;
        assert!(
            errors[0].starts_with("host is not what was planned"),
            "{errors:?}"
        );
        assert!(!errors[0].contains("other"));
    }

    #[tokio::test]
    async fn no_state_without_an_error_is_a_bug() {
        let (_, errors) = run(stub(), change(None, Some(host("a")))).await;
        assert!(errors[0].contains("neither a state nor an error"), "{errors:?}");
        let (_, errors) = run(
            stub().answers(Value::Null),
            change(Some(host("a")), Some(host("a"))),
        )
        .await;
        assert!(errors[0].contains("neither a state nor an error"), "{errors:?}");
    }

    #[tokio::test]
    async fn a_half_made_thing_is_stored_with_its_error() {
        let stub = stub().answers(host("a")).fails("no route to host");
        let (state, errors) = run(stub, change(None, Some(host("a")))).await;
        assert_eq!(errors, ["no route to host"]);
        assert_eq!(
            (state.get("host").as_str(), state.get("id")),
            (Some("a"), &Value::Null)
        );
    }

    #[tokio::test]
    async fn what_a_removal_leaves_needs_an_error() {
        let (state, errors) = run(stub(), change(Some(host("a")), None)).await;
        assert_eq!((state, errors), (Value::Null, vec![]));
        let (state, errors) = run(stub().answers(host("a")), change(Some(host("a")), None)).await;
        assert!(errors[0].contains("left after a removal"), "{errors:?}");
        assert_eq!(state.get("host").as_str(), Some("a"));
    }

    #[tokio::test]
    async fn write_only_values_never_come_back() {
        let answer = Value::object(
            [("host", "a"), ("id", "1"), ("token", "secret")].map(|(k, v)| (k, Value::from(v))),
        );
        let (state, _) = run(stub().answers(answer), change(None, Some(host("a")))).await;
        assert!(state.get("token").is_null());
    }
}
