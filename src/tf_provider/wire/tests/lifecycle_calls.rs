//! What happens to calls that panic, are dropped or are stopped.
use super::{
    super::tfplugin5 as pb,
    client::{Session, null, told},
};
use crate::tf_provider::Value;

fn create(session: &Session, name: &str) -> pb::apply_resource_change::Request {
    let attributes = [
        ("name", Value::from(name)),
        ("size", 3.into()),
        ("id", Value::unknown()),
    ];
    pb::apply_resource_change::Request {
        type_name: "test_thing".into(),
        prior_state: null(),
        planned_state: session.thing(&attributes),
        config: session.thing(&[("name", name.into())]),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_panic_is_a_diagnostic_and_the_prior_state_stays() {
    let mut session = Session::start().await;
    let answer = session
        .client
        .apply_resource_change(create(&session, "panic"))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(told(&answer.diagnostics), ["Error : Provider bug"]);
    assert!(
        answer.diagnostics[0].detail.contains("while creating it"),
        "{:?}",
        answer.diagnostics
    );
    assert!(session.decode(answer.new_state.as_ref()).is_null());

    let state = session.thing(&[("name", "panic".into())]);
    let request = pb::read_resource::Request {
        type_name: "test_thing".into(),
        current_state: state.clone(),
        private: b"kept".to_vec(),
        ..Default::default()
    };
    let answer = session.client.read_resource(request).await.unwrap().into_inner();
    assert_eq!(told(&answer.diagnostics), ["Error : Provider bug"]);
    assert_eq!((answer.new_state, &answer.private[..]), (state, &b"kept"[..]));
}

#[tokio::test]
async fn a_dropped_call_goes_on() {
    let session = Session::start().await;
    let (mut client, request) = (session.client.clone(), create(&session, "gated"));
    let call = tokio::spawn(async move { client.apply_resource_change(request).await });
    session.signals.started.notified().await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    // The server has seen the cancelled stream when a later call on the same connection is answered.
    session
        .client
        .clone()
        .get_metadata(pb::get_metadata::Request {})
        .await
        .unwrap();
    session.signals.gate.notify_one();
    session.signals.ended.notified().await;
}

#[tokio::test]
async fn stop_cancels_running_calls_which_keep_what_they_reached() {
    let session = Session::start().await;
    let (mut client, request) = (session.client.clone(), create(&session, "until-stopped"));
    let call = tokio::spawn(async move { client.apply_resource_change(request).await });
    session.signals.started.notified().await;
    session.client.clone().stop(pb::stop::Request {}).await.unwrap();
    let answer = call.await.unwrap().unwrap().into_inner();
    assert_eq!(told(&answer.diagnostics), ["Error : Stopped"]);
    assert_eq!(
        session.decode(answer.new_state.as_ref()).get("id").as_str(),
        Some("knows nothing")
    );
}
