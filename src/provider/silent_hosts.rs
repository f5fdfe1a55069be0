//! Tests: what resources do where a host does not answer, and where they must not ask it.
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;

use super::Ha;
use crate::{
    command::{Output, Script},
    remote::{Pool, Transport, TransportError},
    tf_provider::{Context, Provider as _, Resource, Value},
};

const HOST: &str = "10.0.0.11";

/// A host that does not answer, and counts how often it was asked.
#[derive(Debug)]
struct Silent(Arc<AtomicUsize>);

#[async_trait]
impl Transport for Silent {
    async fn run(&self, _script: &Script) -> Result<Output, TransportError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Err(TransportError::Unreachable {
            hop: HOST.to_owned(),
            port: 22,
            reason: "Connection timed out".to_owned(),
        })
    }
}

async fn provider() -> (Ha, Arc<AtomicUsize>) {
    let asked = Arc::<AtomicUsize>::default();
    let ha = Ha::new(Pool::with_transport({
        let asked = Arc::clone(&asked);
        move |_| Arc::new(Silent(Arc::clone(&asked)))
    }));
    configure(&ha).await;
    (ha, asked)
}

async fn configure(ha: &Ha) {
    let cx = Context::new();
    ha.configure(&cx, &Value::object([("preflight", Value::from("plan"))]))
        .await;
    assert_eq!(cx.diagnostics(), []);
}

fn resource(ha: &Ha, name: &str) -> Arc<dyn Resource> {
    let mut all = ha.resources().into_iter();
    all.find(|resource| resource.type_name() == name).unwrap()
}

fn join() -> Value {
    Value::object([
        ("ca_cert_hash", Value::from("sha256:0")),
        ("cluster_name", Value::from("prod")),
        ("endpoint", Value::from("10.0.0.100:8443")),
        ("masters", Value::List(vec![Value::from(HOST)])),
    ])
}

/// A state of each kind of resource, all on one host.
fn states() -> [(&'static str, Value); 3] {
    let addresses = || Value::object([("m1", Value::from(HOST))]);
    let loadbalancer = Value::object([
        ("host", Value::from(HOST)),
        ("vip", Value::from("10.0.0.100")),
        ("members", addresses()),
        ("backends", addresses()),
        (
            "keepalived",
            Value::object([("image", Value::from("keepalived:1"))]),
        ),
    ]);
    let node = |name: &str| {
        Value::object([
            ("host", Value::from(HOST)),
            ("node_name", Value::from(name)),
            ("join", join()),
            ("labels", Value::object([("tier", Value::from("gold"))])),
            ("advertise_address", Value::from(HOST)),
            ("ca_cert_hash", Value::from("sha256:0")),
        ])
    };
    [
        ("ha_loadbalancer", loadbalancer),
        ("ha_master", node("m1")),
        ("ha_worker", node("w1")),
    ]
}

#[tokio::test]
async fn a_refresh_asks_and_tells_once_for_each_host_and_keeps_the_state() {
    let (ha, asked) = provider().await;
    for run in 1..=2 {
        let cx = Context::new();
        for (name, state) in states() {
            let kept = resource(&ha, name)
                .read(&cx, state.clone(), &mut Vec::new())
                .await;
            assert_eq!(kept, Some(state), "{name}");
        }
        let told: Vec<String> = cx.diagnostics().iter().map(|told| told.summary.clone()).collect();
        assert_eq!(told, ["Host not reached, state kept"]);
        assert!(!cx.has_errors());
        assert_eq!(asked.load(Ordering::Relaxed), run);
        // The next run of Terraform asks again, also in the same process.
        configure(&ha).await;
    }
}

#[tokio::test]
async fn if_unreachable_changes_in_place_and_touches_no_host() {
    let (ha, asked) = provider().await;
    for (name, prior) in states() {
        let schema = resource(&ha, name).schema();
        let attribute = schema
            .block
            .attributes
            .iter()
            .find(|it| it.name == "if_unreachable")
            .unwrap();
        assert!(!attribute.requires_replace);
        let mut planned = prior.clone();
        planned.set("if_unreachable", "forget");
        let cx = Context::new();
        let updated = resource(&ha, name)
            .update(&cx, &prior, &planned, planned.clone(), &mut Vec::new())
            .await;
        assert_eq!(updated, planned, "{name}");
        assert_eq!(cx.diagnostics(), []);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_forgotten_is_gone_with_a_warning() {
    let (ha, _) = provider().await;
    for (name, mut prior) in states() {
        prior.set("if_unreachable", "forget");
        let cx = Context::new();
        let left = resource(&ha, name).delete(&cx, &prior, &mut Vec::new()).await;
        assert_eq!(left, None, "{name}: {:?}", cx.diagnostics());
        assert_eq!(cx.diagnostics().len(), 1, "{name}");
        assert!(!cx.has_errors());
    }
}

#[tokio::test(start_paused = true)]
async fn fail_keeps_the_state_with_an_error() {
    let (ha, _) = provider().await;
    for (name, mut prior) in states() {
        prior.set("if_unreachable", "fail");
        let cx = Context::new();
        let left = resource(&ha, name).delete(&cx, &prior, &mut Vec::new()).await;
        assert_eq!(left, Some(prior), "{name}");
        let told = cx.diagnostics();
        assert_eq!(told[0].summary, "Cannot reach host over SSH", "{name}");
        assert!(
            told[0].detail.contains("if_unreachable"),
            "{name}: {}",
            told[0].detail
        );
    }
}
