//! Tests: what a refresh and a plan make of a node whose removal was begun and has not ended.
use std::sync::Arc;

use async_trait::async_trait;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use rcgen::{CertificateParams, KeyPair};

use super::Ha;
use crate::{
    command::{Output, Script},
    kubeadm::ca_cert_hash,
    node::Answers,
    remote::{Pool, Transport, TransportError},
    tf_provider::{Context, Provider as _, Resource, Value},
};

/// A node's host.
#[derive(Debug)]
struct NodeHost {
    ca_cert_pem: String,
    marker: String,
}

#[async_trait]
impl Transport for NodeHost {
    async fn run(&self, script: &Script) -> Result<Output, TransportError> {
        let sections = [
            ("machine_id", 0, "abc"),
            ("kubelet", 0, ""),
            ("marker", 0, self.marker.as_str()),
            ("ca", 0, &self.ca_cert_pem),
            ("members", 0, r#"{"members":[{"ID":"1","name":"m1"}]}"#),
        ];
        let stdout = match script.title {
            "read node" => Answers::from_sections(sections).render(),
            _ => String::new(),
        };
        Ok(Output {
            stdout,
            ..Output::default()
        })
    }
}

fn new_ca() -> String {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::default().self_signed(&key).unwrap();
    let text = BASE64_STANDARD.encode(certificate.der());
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

/// What a refresh makes of this resource's state where the note has this in it too; what was told with it.
async fn read(resource: &str, ca_cert_pem: &str, known: &str, also: &str) -> (Value, Vec<String>) {
    let marker = format!(r#"{{"endpoint":"10.0.0.100:8443","node_name":"n1","phase":"member"{also}}}"#);
    let (ca_cert_pem, known) = (ca_cert_pem.to_owned(), Value::from(known));
    let ha = Ha::new(Pool::with_transport(move |_| {
        Arc::new(NodeHost {
            ca_cert_pem: ca_cert_pem.clone(),
            marker: marker.clone(),
        })
    }));
    ha.configure(
        &Context::new(),
        &Value::object([("preflight", Value::from("plan"))]),
    )
    .await;
    let join = Value::object([
        ("ca_cert_hash", known.clone()),
        ("cluster_name", Value::from("prod")),
        ("endpoint", Value::from("10.0.0.100:8443")),
        ("masters", Value::List(vec![Value::from("10.0.0.11")])),
    ]);
    let state = Value::object([
        ("host", Value::from("10.0.0.11")),
        ("node_name", Value::from("n1")),
        ("machine_id", Value::from("abc")),
        ("join", join),
        ("ca_cert_hash", known),
    ]);
    let cx = Context::new();
    let all = ha.resources();
    let found: &Arc<dyn Resource> = all.iter().find(|it| it.type_name() == resource).unwrap();
    let state = found.read(&cx, state, &mut Vec::new()).await.unwrap();
    let told = cx.diagnostics().iter().map(|told| told.summary.clone()).collect();
    (state, told)
}

#[tokio::test]
async fn a_node_whose_removal_was_begun_is_planned_anew() {
    let ca = new_ca();
    let own = ca_cert_hash(&ca).unwrap();
    for resource in ["ha_master", "ha_worker"] {
        let (state, told) = read(resource, &ca, &own, "").await;
        assert_eq!(state.get("machine_id").as_str(), Some("abc"), "{resource}");
        assert_eq!(told, Vec::<String>::new());

        // A plan makes a node without it anew: see `node_model`.
        let (state, told) = read(resource, &ca, &own, r#","leaving":"schedulable""#).await;
        assert!(state.get("machine_id").is_null(), "{resource}");
        assert_eq!(told, ["Node is being removed"]);

        // What another cluster's removal left is none of ours.
        let (state, told) = read(resource, &ca, "sha256:0", r#","leaving":"schedulable""#).await;
        assert_eq!(state.get("machine_id").as_str(), Some("abc"), "{resource}");
        assert_eq!(told, ["Host belongs to another cluster"]);
    }
}
