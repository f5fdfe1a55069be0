//! Every call about a managed resource.
use super::{
    super::tfplugin5 as pb,
    client::{Session, null, told},
};
use crate::tf_provider::Value;

const THING: &str = "test_thing";

#[tokio::test]
async fn validate_reports_schema_and_resource_errors_with_their_paths() {
    let mut session = Session::start().await;
    let mut told_for = async |attributes: &[(&str, Value)], write_only_attributes_allowed| {
        let request = pb::validate_resource_type_config::Request {
            type_name: THING.into(),
            config: session.thing(attributes),
            client_capabilities: Some(pb::ClientCapabilities {
                write_only_attributes_allowed,
                ..Default::default()
            }),
        };
        let answer = session
            .client
            .validate_resource_type_config(request)
            .await
            .unwrap();
        told(&answer.into_inner().diagnostics)
    };
    let secret = ("secret", Value::from("s"));
    assert_eq!(
        told_for(&[("name", "good".into()), secret.clone()], true).await,
        [""; 0]
    );
    assert_eq!(told_for(&[("name", Value::unknown())], true).await, [""; 0]);
    assert_eq!(
        told_for(&[("name", "invalid".into()), secret], false).await,
        [
            r#"Error AttributeName("secret"): Write-only attribute not supported"#,
            r#"Error AttributeName("name"): Invalid name"#
        ]
    );
    let spaced = told_for(&[("name", "a b".into())], true).await;
    assert_eq!(
        spaced,
        [r#"Error AttributeName("name"): Invalid attribute value"#]
    );
}

#[tokio::test]
async fn create_plans_and_applies_without_storing_the_secret() {
    let mut session = Session::start().await;
    let config = session.thing(&[("name", "a".into()), ("secret", "s3cret".into())]);
    let plan = pb::plan_resource_change::Request {
        type_name: THING.into(),
        prior_state: null(),
        proposed_new_state: config.clone(),
        config: config.clone(),
        prior_private: b"warn".to_vec(),
        ..Default::default()
    };
    let planned = session
        .client
        .plan_resource_change(plan)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(told(&planned.diagnostics), ["Warning : Private"]);
    let state = session.decode(planned.planned_state.as_ref());
    assert!(state.get("id").is_unknown() && state.get("secret").is_null());
    assert_eq!(state.get("size").as_i64(), Some(3));

    let apply = pb::apply_resource_change::Request {
        type_name: THING.into(),
        prior_state: null(),
        planned_state: planned.planned_state,
        config,
        planned_private: planned.planned_private,
        ..Default::default()
    };
    let applied = session
        .client
        .apply_resource_change(apply)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(told(&applied.diagnostics), [""; 0]);
    let state = session.decode(applied.new_state.as_ref());
    assert_eq!(state.get("id").as_str(), Some("knows s3cret"));
    assert!(state.get("secret").is_null());
    assert_eq!(applied.private, b"created");
}

#[tokio::test]
async fn a_failed_create_is_stored_with_nulls() {
    let mut session = Session::start().await;
    let request = pb::apply_resource_change::Request {
        type_name: THING.into(),
        prior_state: null(),
        planned_state: session.thing(&[("name", "half".into()), ("id", Value::unknown())]),
        config: session.thing(&[("name", "half".into())]),
        ..Default::default()
    };
    let answer = session
        .client
        .apply_resource_change(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(told(&answer.diagnostics), ["Error : Half made"]);
    let state = session.decode(answer.new_state.as_ref());
    assert_eq!(
        (state.get("name").as_str(), state.get("id")),
        (Some("half"), &Value::Null)
    );
}

#[tokio::test]
async fn update_replaces_only_for_marked_attributes() {
    let mut session = Session::start().await;
    let prior = |name: &str, size: i64| {
        session.thing(&[("name", name.into()), ("size", size.into()), ("id", "1".into())])
    };
    let mut client = session.client.clone();
    let mut plan = async |name: &str, size: i64| {
        let request = pb::plan_resource_change::Request {
            type_name: THING.into(),
            prior_state: prior("a", 3),
            proposed_new_state: prior(name, size),
            config: session.thing(&[("name", name.into()), ("size", size.into())]),
            ..Default::default()
        };
        client.plan_resource_change(request).await.unwrap().into_inner()
    };
    let unchanged = plan("a", 3).await;
    assert_eq!(
        session.decode(unchanged.planned_state.as_ref()),
        session.decode(prior("a", 3).as_ref())
    );
    assert_eq!(unchanged.requires_replace, []);
    assert_eq!(plan("a", 5).await.requires_replace, []);
    assert_eq!(plan("b", 3).await.requires_replace.len(), 1);

    let request = pb::apply_resource_change::Request {
        type_name: THING.into(),
        prior_state: prior("a", 3),
        planned_state: prior("a", 5),
        config: session.thing(&[("name", "a".into()), ("size", 5.into())]),
        ..Default::default()
    };
    let answer = session
        .client
        .apply_resource_change(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (told(&answer.diagnostics), &answer.private[..]),
        (vec![], &b"updated"[..])
    );
    assert_eq!(
        session.decode(answer.new_state.as_ref()).get("size").as_i64(),
        Some(5)
    );
}

#[tokio::test]
async fn plan_may_know_more_and_its_panic_is_an_error() {
    let mut session = Session::start().await;
    let mut plan = async |name: Value| {
        let config = session.thing(&[("name", name)]);
        let request = pb::plan_resource_change::Request {
            type_name: THING.into(),
            prior_state: null(),
            proposed_new_state: config.clone(),
            config,
            ..Default::default()
        };
        let answer = session
            .client
            .plan_resource_change(request)
            .await
            .unwrap()
            .into_inner();
        (
            session.decode(answer.planned_state.as_ref()),
            told(&answer.diagnostics),
        )
    };
    let (state, errors) = plan("known-id".into()).await;
    assert_eq!(
        (state.get("id").as_str(), errors),
        (Some("known at plan"), vec![])
    );
    assert_eq!(plan(Value::unknown()).await.1, [""; 0]);
    assert_eq!(plan("panic-at-plan".into()).await.1, ["Error : Provider bug"]);
}

#[tokio::test]
async fn removal_may_be_refused_at_plan_and_may_fail_at_apply() {
    let mut session = Session::start().await;
    let mut plan = async |name: &str| {
        let request = pb::plan_resource_change::Request {
            type_name: THING.into(),
            prior_state: session.thing(&[("name", name.into())]),
            proposed_new_state: null(),
            ..Default::default()
        };
        told(
            &session
                .client
                .plan_resource_change(request)
                .await
                .unwrap()
                .into_inner()
                .diagnostics,
        )
    };
    assert_eq!(plan("a").await, [""; 0]);
    assert_eq!(plan("last").await, ["Error : Last thing"]);

    for (name, errors) in [("a", 0), ("sticky", 1)] {
        let prior_state = session.thing(&[("name", name.into())]);
        let request = pb::apply_resource_change::Request {
            type_name: THING.into(),
            prior_state: prior_state.clone(),
            planned_state: null(),
            ..Default::default()
        };
        let answer = session
            .client
            .apply_resource_change(request)
            .await
            .unwrap()
            .into_inner();
        assert_eq!(answer.diagnostics.len(), errors);
        let expected = if errors == 0 { null() } else { prior_state };
        assert_eq!(
            session.decode(answer.new_state.as_ref()),
            session.decode(expected.as_ref())
        );
    }
}

#[tokio::test]
async fn read_tells_drift_and_absence() {
    let mut session = Session::start().await;
    let mut read = async |name: &str| {
        let request = pb::read_resource::Request {
            type_name: THING.into(),
            current_state: session.thing(&[("name", name.into()), ("size", 3.into())]),
            ..Default::default()
        };
        session.client.read_resource(request).await.unwrap().into_inner()
    };
    let (drifted, gone, unreachable) = (read("a").await, read("gone").await, read("unreachable").await);
    assert_eq!(
        session.decode(drifted.new_state.as_ref()).get("size").as_i64(),
        Some(4)
    );
    assert_eq!(drifted.private, b"read");
    assert!(session.decode(gone.new_state.as_ref()).is_null());
    assert_eq!(told(&gone.diagnostics), [""; 0]);
    assert_eq!(told(&unreachable.diagnostics), ["Error : Unreachable"]);
}

#[tokio::test]
async fn states_of_all_versions_are_upgraded_or_refused() {
    let mut session = Session::start().await;
    let mut upgrade = async |version, json: &str| {
        let raw_state = Some(pb::RawState {
            json: json.into(),
            ..Default::default()
        });
        let request = pb::upgrade_resource_state::Request {
            type_name: THING.into(),
            version,
            raw_state,
        };
        let answer = session
            .client
            .upgrade_resource_state(request)
            .await
            .unwrap()
            .into_inner();
        (
            session.decode(answer.upgraded_state.as_ref()),
            told(&answer.diagnostics),
        )
    };
    // Today's version, with an attribute that is no more and without one that has a default.
    let (state, errors) = upgrade(2, r#"{"name":"a","id":"1","was":[{}],"ssh":[{}]}"#).await;
    assert_eq!(errors, [""; 0]);
    assert_eq!(
        (state.get("size").as_i64(), state.get("was")),
        (Some(3), &Value::Null)
    );
    assert_eq!(state.get("ssh").item(0).get("port").as_i64(), Some(22));
    let (state, errors) = upgrade(1, r#"{"title":"a","size":12345678901234567890123}"#).await;
    assert_eq!(errors, [""; 0]);
    assert_eq!(state.get("name").as_str(), Some("a"));
    assert_eq!(
        state.get("size"),
        &Value::Number("12345678901234567890123".parse().unwrap())
    );
    assert_eq!(upgrade(0, r#"{"title":"a"}"#).await.1, ["Error : Too old"]);
    assert_eq!(
        upgrade(3, r#"{"name":"a"}"#).await.1,
        ["Error : State of a newer provider"]
    );
    assert_eq!(upgrade(2, r#"{"name":"#).await.1, ["Error : Unreadable value"]);
    assert_eq!(upgrade(2, "").await.1, ["Error : Unreadable state"]);
}

#[tokio::test]
async fn imports_by_id() {
    let mut session = Session::start().await;
    let mut import = async |id: &str| {
        let request = pb::import_resource_state::Request {
            type_name: THING.into(),
            id: id.into(),
            ..Default::default()
        };
        session
            .client
            .import_resource_state(request)
            .await
            .unwrap()
            .into_inner()
    };
    let (imported, refused) = (import("a").await, import("").await);
    assert_eq!(
        session
            .decode(imported.imported_resources[0].state.as_ref())
            .get("name")
            .as_str(),
        Some("a")
    );
    assert_eq!(told(&refused.diagnostics), ["Error : Invalid id"]);
    assert_eq!(refused.imported_resources, []);
}

#[tokio::test]
async fn unknown_types_and_unreadable_values_are_diagnostics() {
    let mut session = Session::start().await;
    let request = pb::read_resource::Request {
        type_name: "test_other".into(),
        ..Default::default()
    };
    let answer = session.client.read_resource(request).await.unwrap().into_inner();
    assert_eq!(told(&answer.diagnostics), ["Error : Unknown type"]);
    let request = pb::read_resource::Request {
        type_name: THING.into(),
        current_state: Some(pb::DynamicValue {
            msgpack: vec![0x92, 1],
            json: vec![],
        }),
        ..Default::default()
    };
    let answer = session.client.read_resource(request).await.unwrap().into_inner();
    assert_eq!(told(&answer.diagnostics), ["Error : Unreadable value"]);
}
