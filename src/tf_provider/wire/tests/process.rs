//! Connection and end of the process.
use std::sync::atomic::Ordering;

use super::{
    super::tfplugin5::{self as pb, plugin::Empty},
    client::{Session, stranger, thief},
};

#[tokio::test]
async fn only_terraform_gets_in() {
    let session = Session::start().await;
    for key in [None, Some(stranger()), Some(thief())] {
        // TLS 1.3 tells the client of a refusal only with the first answer.
        let answer = match session.other_client(key).await {
            Ok(mut client) => client.get_metadata(pb::get_metadata::Request {}).await.err(),
            Err(_) => continue,
        };
        assert!(answer.is_some(), "somebody else was served");
    }
    let mut client = session.client.clone();
    assert!(client.get_metadata(pb::get_metadata::Request {}).await.is_ok());
}

#[tokio::test]
async fn shutdown_ends_it_and_leaves_nothing() {
    let mut session = Session::start().await;
    let mut output = session.stdio.stream_stdio(()).await.unwrap().into_inner();
    session.controller.shutdown(Empty {}).await.unwrap();
    assert!(
        output.message().await.unwrap().is_none(),
        "the output stream ends with the process"
    );
    session.server.await.unwrap().unwrap();
    assert_eq!(session.signals.shutdowns.load(Ordering::Relaxed), 1);
    assert!(!session.socket.exists());
}

#[tokio::test]
async fn the_end_does_not_wait_for_work_that_does_not_stop() {
    let session = Session::start().await;
    let mut client = session.client.clone();
    let request = pb::apply_resource_change::Request {
        type_name: "test_thing".into(),
        planned_state: session.thing(&[("name", "gated".into())]),
        config: session.thing(&[("name", "gated".into())]),
        ..Default::default()
    };
    let call = tokio::spawn(async move { client.apply_resource_change(request).await });
    session.signals.started.notified().await;
    session.end.cancel();
    session.server.await.unwrap().unwrap();
    assert!(!session.socket.exists());
    call.abort();
}

#[tokio::test]
async fn a_provider_being_debugged_outlives_shutdown_and_stop() {
    let mut session = Session::start_with(true).await;
    session.controller.shutdown(Empty {}).await.unwrap();
    session.client.stop(pb::stop::Request {}).await.unwrap();
    session
        .client
        .configure(pb::configure::Request::default())
        .await
        .unwrap();
    let request = pb::apply_resource_change::Request {
        type_name: "test_thing".into(),
        planned_state: session.thing(&[("name", "until-stopped".into())]),
        ..Default::default()
    };
    let mut client = session.client.clone();
    let call = tokio::spawn(async move { client.apply_resource_change(request).await });
    session.signals.started.notified().await;
    assert!(!call.is_finished());
    session.client.stop(pb::stop::Request {}).await.unwrap();
    assert!(call.await.unwrap().is_ok());
}
