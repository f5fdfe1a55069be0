//! Every call that is not about a managed resource.
use tonic::Code;

use super::{
    super::{dynamic_value, tfplugin5 as pb},
    client::{Session, told},
};
use crate::tf_provider::{Type, Value};

#[expect(clippy::unnecessary_wraps, reason = "requests take an option")]
fn encode(attributes: &[(&str, Value)], ty: &Type) -> Option<pb::DynamicValue> {
    Some(dynamic_value::encode(
        &Value::object(attributes.iter().cloned()),
        ty,
    ))
}

/// A schema as a person reads it.
fn render(schema: &pb::Schema) -> String {
    fn block(source: &pb::schema::Block, indent: &str, lines: &mut Vec<String>) {
        for attribute in &source.attributes {
            let flags = [
                (attribute.required, "required"),
                (attribute.optional, "optional"),
                (attribute.computed, "computed"),
                (attribute.sensitive, "sensitive"),
                (attribute.write_only, "write-only"),
                (attribute.deprecated, "deprecated"),
            ];
            let flags: Vec<_> = flags
                .into_iter()
                .filter(|(set, _)| *set)
                .map(|(_, flag)| flag)
                .collect();
            let ty = String::from_utf8_lossy(&attribute.r#type);
            let pb::schema::Attribute {
                name,
                description,
                deprecation_message,
                ..
            } = attribute;
            lines.push(format!(
                "{indent}{name} {ty} {}: {description} {deprecation_message}",
                flags.join(" ")
            ));
        }
        for nested in &source.block_types {
            let pb::schema::NestedBlock {
                type_name,
                min_items,
                max_items,
                ..
            } = nested;
            lines.push(format!(
                "{indent}{type_name} {:?} {min_items}..{max_items}",
                nested.nesting()
            ));
            block(nested.block.as_ref().unwrap(), &format!("{indent}  "), lines);
        }
    }
    let mut lines = vec![format!("version {}", schema.version)];
    block(schema.block.as_ref().unwrap(), "", &mut lines);
    lines.join("\n")
}

#[tokio::test]
async fn schema_is_what_terraform_expects() {
    let mut session = Session::start().await;
    let answer = session
        .client
        .get_schema(pb::get_provider_schema::Request {})
        .await
        .unwrap()
        .into_inner();
    let thing = &answer.resource_schemas["test_thing"];
    insta::assert_snapshot!("provider_schema", render(answer.provider.as_ref().unwrap()));
    insta::assert_snapshot!("resource_schema", render(thing));
    let double = &answer.functions["double"];
    assert_eq!(double.parameters[0].r#type, b"\"number\"");
    assert_eq!(double.r#return.as_ref().unwrap().r#type, b"\"number\"");
    assert!(answer.data_source_schemas.contains_key("test_fact"));
    assert!(answer.ephemeral_resource_schemas.contains_key("test_lease"));
    let capabilities = answer.server_capabilities.unwrap();
    assert!(capabilities.plan_destroy && capabilities.get_provider_schema_optional);

    let names = session
        .client
        .get_metadata(pb::get_metadata::Request {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(names.resources[0].type_name, "test_thing");
    assert_eq!(names.data_sources[0].type_name, "test_fact");
    assert_eq!(names.ephemeral_resources[0].type_name, "test_lease");
    assert_eq!(names.functions[0].name, "double");
}

#[tokio::test]
async fn provider_is_validated_and_configured_with_defaults() {
    let mut session = Session::start().await;
    let ty = Type::Object(vec![("region", Type::String)]);
    let config = encode(&[("region", "a b".into())], &ty);
    let request = pb::prepare_provider_config::Request {
        config: config.clone(),
    };
    let answer = session
        .client
        .prepare_provider_config(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        told(&answer.diagnostics),
        [r#"Error AttributeName("region"): Invalid attribute value"#]
    );
    assert_eq!(answer.prepared_config, config);

    let request = pb::configure::Request {
        terraform_version: "1.11.4".into(),
        config: encode(&[("region", Value::Null)], &ty),
        ..Default::default()
    };
    let answer = session.client.configure(request).await.unwrap().into_inner();
    assert_eq!(told(&answer.diagnostics), ["Warning : Configured"]);
}

#[tokio::test]
async fn data_source_is_read() {
    let mut session = Session::start().await;
    let ty = Type::Object(vec![("about", Type::String), ("answer", Type::Dynamic)]);
    let config = encode(&[("about", Value::Null), ("answer", Value::Null)], &ty);
    let request = pb::validate_data_source_config::Request {
        type_name: "test_fact".into(),
        config: config.clone(),
    };
    let answer = session
        .client
        .validate_data_source_config(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(told(&answer.diagnostics), [""; 0]);

    let request = pb::read_data_source::Request {
        type_name: "test_fact".into(),
        config,
        ..Default::default()
    };
    let answer = session
        .client
        .read_data_source(request)
        .await
        .unwrap()
        .into_inner();
    let state = dynamic_value::decode(answer.state.as_ref(), &ty).unwrap();
    assert_eq!(state.get("about").as_str(), Some("everything"));
    assert_eq!(state.get("answer").item(0).as_i64(), Some(42));
    assert_eq!(
        state.get("answer").item(1),
        &Value::Number("0.1".parse().unwrap())
    );
}

#[tokio::test]
async fn ephemeral_resource_is_opened_renewed_and_closed() {
    let mut session = Session::start().await;
    let type_name = "test_lease".to_owned();
    let ty = Type::Object(vec![("name", Type::String), ("token", Type::String)]);
    let config = encode(&[("name", "a b".into()), ("token", Value::Null)], &ty);
    let request = pb::validate_ephemeral_resource_config::Request {
        type_name: type_name.clone(),
        config,
    };
    let answer = session
        .client
        .validate_ephemeral_resource_config(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.diagnostics.len(), 1);

    let config = encode(&[("name", "a".into()), ("token", Value::Null)], &ty);
    let request = pb::open_ephemeral_resource::Request {
        type_name: type_name.clone(),
        config,
        ..Default::default()
    };
    let opened = session
        .client
        .open_ephemeral_resource(request)
        .await
        .unwrap()
        .into_inner();
    let result = dynamic_value::decode(opened.result.as_ref(), &ty).unwrap();
    assert_eq!(result.get("token").as_str(), Some("t"));
    assert_eq!(opened.renew_at.unwrap().seconds, 0);

    let request = pb::renew_ephemeral_resource::Request {
        type_name: type_name.clone(),
        private: opened.private,
    };
    let renewed = session
        .client
        .renew_ephemeral_resource(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (&renewed.private, &renewed.renew_at),
        (&Some(b"12".to_vec()), &None)
    );

    let request = pb::close_ephemeral_resource::Request {
        type_name,
        private: renewed.private,
    };
    let closed = session
        .client
        .close_ephemeral_resource(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(closed.diagnostics[0].detail, "12");
}

#[tokio::test]
async fn functions_are_called() {
    let mut session = Session::start().await;
    let functions = session
        .client
        .get_functions(pb::get_functions::Request {})
        .await
        .unwrap()
        .into_inner()
        .functions;
    assert_eq!(functions["double"].summary, "Twice a number.");
    let mut call = async |name: &str, argument: Value| {
        let arguments = vec![dynamic_value::encode(&argument, &Type::Number)];
        let request = pb::call_function::Request {
            name: name.into(),
            arguments,
        };
        session.client.call_function(request).await.unwrap().into_inner()
    };
    let result =
        dynamic_value::decode(call("double", 21.into()).await.result.as_ref(), &Type::Number).unwrap();
    assert_eq!(result.as_i64(), Some(42));
    let error = call("double", Value::Number("0.1".parse().unwrap()))
        .await
        .error
        .unwrap();
    assert_eq!(
        (error.text.as_str(), error.function_argument),
        ("Not a whole number.", Some(0))
    );
    assert!(
        call("double", 13.into())
            .await
            .error
            .unwrap()
            .text
            .contains("unlucky")
    );
    assert!(
        call("triple", 1.into())
            .await
            .error
            .unwrap()
            .text
            .contains("triple")
    );
}

#[tokio::test]
async fn what_is_not_served_says_so() {
    let mut session = Session::start().await;
    let client = &mut session.client;
    let identities = client
        .get_resource_identity_schemas(pb::get_resource_identity_schemas::Request {})
        .await;
    assert_eq!(identities.unwrap().into_inner().identity_schemas.len(), 0);
    let codes = [
        client
            .upgrade_resource_identity(pb::upgrade_resource_identity::Request::default())
            .await
            .err(),
        client
            .move_resource_state(pb::move_resource_state::Request::default())
            .await
            .err(),
        client
            .generate_resource_config(pb::generate_resource_config::Request::default())
            .await
            .err(),
        client
            .list_resource(pb::list_resource::Request::default())
            .await
            .err(),
        client
            .validate_list_resource_config(pb::validate_list_resource_config::Request::default())
            .await
            .err(),
        client
            .plan_action(pb::plan_action::Request::default())
            .await
            .err(),
        client
            .invoke_action(pb::invoke_action::Request::default())
            .await
            .err(),
        client
            .validate_action_config(pb::validate_action_config::Request::default())
            .await
            .err(),
    ];
    assert_eq!(
        codes.map(|status| status.unwrap().code()),
        [Code::Unimplemented; 8]
    );
}

#[tokio::test]
async fn big_messages_pass() {
    let mut session = Session::start().await;
    let big = "x".repeat(20 << 20);
    let request = pb::read_resource::Request {
        type_name: "test_thing".into(),
        current_state: session.thing(&[("name", big.as_str().into())]),
        ..Default::default()
    };
    let mut client = session.client.clone().max_decoding_message_size(64 << 20);
    let answer = client.read_resource(request).await.unwrap().into_inner();
    assert_eq!(
        session
            .decode(answer.new_state.as_ref())
            .get("name")
            .as_str()
            .unwrap()
            .len(),
        big.len()
    );
    session
        .client
        .get_metadata(pb::get_metadata::Request {})
        .await
        .unwrap();
}
