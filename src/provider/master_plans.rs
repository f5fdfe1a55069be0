//! Tests: what a plan of an `ha_master` promises and whom it asks: with unknown values, with `join`, and where the master
//! is replaced.
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;

use super::Ha;
use crate::{
    command::{Output, Script},
    lifecycle::{CLUSTER_FILE, machines},
    remote::{Pool, Transport, TransportError},
    tf_provider::{Terraform, Value},
};

const MASTER: &str = "ha_master";

/// A host that counts how often it was asked.
#[derive(Debug)]
struct Counting(Arc<dyn Transport>, Arc<AtomicUsize>);

#[async_trait]
impl Transport for Counting {
    async fn run(&self, script: &Script) -> Result<Output, TransportError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.run(script).await
    }
}

struct Bench {
    terraform: Terraform,
    asked: Arc<AtomicUsize>,
}

impl Bench {
    async fn new() -> Self {
        let (lab, asked) = (machines().await, Arc::<AtomicUsize>::default());
        let pool = Pool::with_transport({
            let asked = Arc::clone(&asked);
            move |target| Arc::new(Counting(lab(target), Arc::clone(&asked)))
        });
        let terraform = Terraform::of(Arc::new(Ha::new(pool)));
        let bench = Self { terraform, asked };
        bench.new_run().await;
        bench
    }

    async fn new_run(&self) {
        let config = Value::object([("preflight", Value::from("plan"))]);
        assert_eq!(self.terraform.configure(&config).await, []);
    }

    /// The plan, what it told, and how many scripts it ran.
    async fn plan(
        &self,
        resource: &str,
        prior: Option<&Value>,
        config: &Value,
    ) -> (Value, Vec<String>, usize) {
        let before = self.asked.load(Ordering::Relaxed);
        let (planned, told) = self.terraform.plan(resource, prior, config).await;
        let told = told.iter().map(|told| format!("{}: {}", told.at, told.summary));
        (
            planned,
            told.collect(),
            self.asked.load(Ordering::Relaxed) - before,
        )
    }
}

fn cluster() -> Value {
    Value::object([
        ("name", Value::from("prod")),
        ("kubernetes_version", Value::from("1.37.2")),
        ("control_plane_endpoint", Value::from("10.0.0.100:8443")),
        ("pod_subnet", Value::from("10.244.0.0/16")),
    ])
}

/// The first of three masters, with a cluster block.
fn init_master() -> Value {
    Value::object([
        ("host", Value::from("10.0.0.11")),
        ("peers", Value::from(vec!["10.0.0.11", "10.0.0.12", "10.0.0.13"])),
        ("cluster", cluster()),
    ])
}

fn join() -> Value {
    Value::object([
        ("ca_cert_hash", Value::from(format!("sha256:{}", "0".repeat(64)))),
        ("cluster_name", Value::from("prod")),
        ("endpoint", Value::from("10.0.0.100:8443")),
        ("masters", Value::from(vec!["10.0.0.11"])),
    ])
}

fn node(host: &str) -> Value {
    Value::object([("host", Value::from(host)), ("join", join())])
}

/// The state of what was planned, once all of it is known.
fn state_of(planned: &Value) -> Value {
    let mut state = planned.clone();
    for (name, value) in [
        ("node_name", Value::from("m1")),
        ("advertise_address", state.get("host").clone()),
        ("machine_id", Value::from("abc")),
        ("ca_cert_hash", join().get("ca_cert_hash").clone()),
    ] {
        state.set(name, value);
    }
    if state.get("join").get("ca_cert_hash").is_unknown() {
        let mut join = state.get("join").clone();
        join.set("ca_cert_hash", state.get("ca_cert_hash").clone());
        state.set("join", join);
    }
    for at in state.unknown_paths() {
        *state.at_mut(&at).unwrap() = Value::from("seen");
    }
    state
}

#[tokio::test(start_paused = true)]
async fn a_cluster_to_be_is_known_but_for_its_ca() {
    let bench = Bench::new().await;
    let (planned, told, asked) = bench.plan(MASTER, None, &init_master()).await;
    assert_eq!(told, [""; 0]);
    assert!(asked > 0, "the host was not checked");
    let join = planned.get("join");
    assert!(join.get("ca_cert_hash").is_unknown());
    assert_eq!(join.get("cluster_name").as_str(), Some("prod"));
    assert_eq!(join.get("endpoint").as_str(), Some("10.0.0.100:8443"));
    assert_eq!(join.get("masters").as_list().len(), 3);
    let text = planned.get("rendered").get(CLUSTER_FILE).as_str().unwrap();
    assert!(text.contains("10.0.0.100:8443"), "{text}");
    for name in [
        "id",
        "machine_id",
        "node_name",
        "advertise_address",
        "ca_cert_hash",
    ] {
        assert!(planned.get(name).is_unknown(), "{name}");
    }
}

/// What is not known yet is not taken for something else, and what comes of it keeps the promise.
#[tokio::test(start_paused = true)]
async fn what_depends_on_an_unknown_value_is_unknown() {
    let in_cluster = |name: &str| {
        let mut cluster = cluster();
        cluster.set(name, Value::unknown());
        cluster
    };
    for (name, value, is_rendered, is_checked) in [
        ("host", Value::unknown(), true, false),
        ("peers", Value::unknown(), true, true),
        ("node_name", Value::unknown(), true, false),
        ("cluster", in_cluster("control_plane_endpoint"), false, true),
        ("cluster", in_cluster("pod_subnet"), false, true),
        ("cluster", in_cluster("name"), false, true),
    ] {
        let bench = Bench::new().await;
        let mut config = init_master();
        config.set(name, value);
        let (planned, told, asked) = bench.plan(MASTER, None, &config).await;
        assert_eq!(told, [""; 0], "{config:?}");
        assert_eq!(!planned.get("rendered").is_unknown(), is_rendered, "{config:?}");
        assert_eq!(asked > 0, is_checked, "{config:?}");
        bench.new_run().await;
        let (known, told, _) = bench.plan(MASTER, None, &init_master()).await;
        assert_eq!(told, [""; 0], "{config:?}");
        let broken = bench.terraform.broken_promises(MASTER, &planned, &known);
        assert_eq!(broken, [""; 0], "{config:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_joins_keeps_join_as_it_is_and_renders_nothing() {
    let mut half = join();
    half.set("ca_cert_hash", Value::unknown());
    for (join, is_checked) in [(join(), true), (half, true), (Value::unknown(), true)] {
        let bench = Bench::new().await;
        let mut config = node("10.0.0.12");
        config.set("join", join.clone());
        let (planned, told, asked) = bench.plan(MASTER, None, &config).await;
        assert_eq!(told, [""; 0], "{join:?}");
        assert_eq!(planned.get("join"), &join);
        assert_eq!(planned.get("rendered"), &Value::object::<String>([]), "{join:?}");
        assert_eq!(asked > 0, is_checked, "{join:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_exists_plans_to_itself_and_asks_nobody() {
    for config in [init_master(), node("10.0.0.12")] {
        let bench = Bench::new().await;
        let (planned, ..) = bench.plan(MASTER, None, &config).await;
        let state = state_of(&planned);
        bench.new_run().await;
        let (again, told, asked) = bench.plan(MASTER, Some(&state), &config).await;
        assert_eq!((again, told, asked), (state, Vec::new(), 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_running_cluster_is_not_changed_by_its_block() {
    let bench = Bench::new().await;
    let (planned, ..) = bench.plan(MASTER, None, &init_master()).await;
    let state = state_of(&planned);
    let mut other = cluster();
    other.set("pod_subnet", "10.9.0.0/16");
    let mut config = init_master();
    config.set("cluster", other);
    let (_, told, asked) = bench.plan(MASTER, Some(&state), &config).await;
    assert_eq!(
        told,
        ["cluster.pod_subnet: Cluster settings cannot be changed in place"]
    );
    assert_eq!(asked, 0);
}

/// Terraform plans a replacement as an update first and as a create after that: only then is it known that the master that
/// the first plan saw is to go, and what that does to the others is looked at.
#[tokio::test(start_paused = true)]
async fn the_second_plan_of_a_replacement_foresees_the_removal_of_a_master() {
    for (resource, foresees) in [(MASTER, true), ("ha_worker", false)] {
        let bench = Bench::new().await;
        let config = node("10.0.0.12");
        let (planned, told, asked_for_new) = bench.plan(resource, None, &config).await;
        assert_eq!(told, [""; 0], "{resource}");
        assert!(asked_for_new > 0, "{resource}");
        let mut state = state_of(&planned);
        // A refresh found half of it: that replaces it.
        state.set("machine_id", Value::Null);
        bench.new_run().await;
        let (planned, told, asked) = bench.plan(resource, Some(&state), &config).await;
        assert!(planned.get("machine_id").is_unknown(), "{resource}");
        assert_eq!((told, asked), (Vec::new(), 0), "{resource}");
        let (_, told, asked) = bench.plan(resource, None, &config).await;
        assert_eq!(told, [""; 0], "{resource}");
        assert_eq!(
            asked > asked_for_new,
            foresees,
            "{resource}: {asked} {asked_for_new}"
        );
    }
}
