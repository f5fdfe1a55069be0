//! Tests: what is refused, and warned of, without any host and from what a look at one saw. Each row is a change of a good
//! configuration, in YAML and one line; the snapshots have what comes of it.
use std::{fmt::Write as _, sync::Arc};

use serde_json::Value as Json;

use super::Ha;
use crate::{
    node::Facts,
    preflight::{LoadbalancerExpectations, check_loadbalancer},
    remote::Pool,
    tf_provider::{Path, Terraform, Told, Value},
};

const LB: &str = "ha_loadbalancer";
const MASTER: &str = "ha_master";
const WORKER: &str = "ha_worker";

fn good(resource: &str) -> &'static str {
    match resource {
        LB => {
            "host: 10.0.0.11
vip: 10.0.0.100
members: {m1: 10.0.0.11, m2: 10.0.0.12, m3: 10.0.0.13}
backends: {m1: 10.0.0.11, m2: 10.0.0.12, m3: 10.0.0.13}
keepalived: {image: 'registry.example.net/keepalived:2.3.4'}"
        }
        MASTER => {
            "host: 10.0.0.11
peers: [10.0.0.11, 10.0.0.12, 10.0.0.13]
cluster: {kubernetes_version: 1.37.2, control_plane_endpoint: '10.0.0.100:8443', pod_subnet: 10.244.0.0/16}"
        }
        _ => {
            "host: 10.0.0.21
join:
  endpoint: 10.0.0.100:8443
  ca_cert_hash: sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
  cluster_name: kubernetes
  masters: [10.0.0.11]"
        }
    }
}

const VALIDATE: &str = include_str!("validate.txt");
const PLAN: &str = include_str!("plan.txt");

/// The resource and the change of a line; comments and empty lines are none.
fn row(line: &'static str) -> Option<(&'static str, &'static str)> {
    line.split_once(' ').filter(|(name, _)| *name != "#")
}

fn yaml(text: &str) -> Json {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Maps of users are replaced as a whole, blocks are merged.
fn merge(base: &mut Json, change: &Json) {
    let (Json::Object(base), Json::Object(change)) = (base, change) else {
        return;
    };
    for (name, new) in change {
        let is_block = ["cluster", "keepalived"].contains(&name.as_str()) && new.is_object();
        match base.get_mut(name) {
            Some(old) if is_block => merge(old, new),
            _ => drop(base.insert(name.clone(), new.clone())),
        }
    }
}

fn config(resource: &str, change: &str) -> Value {
    let mut json = yaml(good(resource));
    merge(&mut json, &yaml(change));
    with_unknowns(Value::from_json(json))
}

fn with_unknowns(value: Value) -> Value {
    match value {
        Value::String(text) if text == "UNKNOWN" => Value::unknown(),
        Value::List(items) => Value::List(items.into_iter().map(with_unknowns).collect()),
        Value::Map(items) => Value::object(items.into_iter().map(|(key, value)| (key, with_unknowns(value)))),
        other => other,
    }
}

/// A provider that asks no host.
async fn terraform() -> Terraform {
    let pool = Pool::with_transport(|_| unreachable!("no host is asked"));
    let terraform = Terraform::of(Arc::new(Ha::new(pool)));
    forget(&terraform).await;
    terraform
}

/// Begins another run.
async fn forget(terraform: &Terraform) {
    let config = Value::object([("preflight", Value::from("apply"))]);
    assert_eq!(terraform.configure(&config).await, []);
}

/// What is said of a resource that is made anew: at validate, and where that lets it pass, at plan.
async fn all_told(terraform: &Terraform, name: &str, config: &Value) -> Vec<Told> {
    let mut told = terraform.validate(name, config).await;
    if told.iter().all(|told| !told.is_error) {
        forget(terraform).await;
        told.extend(terraform.plan(name, None, config).await.1);
    }
    told
}

fn write(table: &mut String, told: &[Told]) {
    if told.is_empty() {
        table.push_str("    nothing\n");
    }
    for told in told {
        let severity = if told.is_error { "error" } else { "warning" };
        let _ = writeln!(
            table,
            "    {severity} {}\n        {}: {}",
            told.at, told.summary, told.detail
        );
    }
}

#[tokio::test]
async fn good_configurations_pass_in_silence() {
    let terraform = terraform().await;
    for name in [LB, MASTER, WORKER] {
        assert_eq!(
            all_told(&terraform, name, &config(name, "{}")).await,
            [],
            "{name}"
        );
    }
}

#[tokio::test]
async fn what_validate_says() {
    let terraform = terraform().await;
    let mut table = String::new();
    for (name, change) in VALIDATE.lines().filter_map(row) {
        let _ = writeln!(table, "validate {name} {change}");
        write(
            &mut table,
            &all_told(&terraform, name, &config(name, change)).await,
        );
    }
    insta::assert_snapshot!(table);
}

/// A cluster block cannot be changed: whoever lives with what is refused today must be able to plan.
#[tokio::test]
async fn what_kubeadm_takes_does_not_stop_the_plan_of_what_exists() {
    let terraform = terraform().await;
    let mut count = 0;
    for (name, change) in VALIDATE.lines().filter_map(row) {
        let config = config(name, change);
        let told = terraform.validate(name, &config).await;
        if told.iter().any(|told| told.is_error) {
            continue;
        }
        forget(&terraform).await;
        let (mut state, told) = terraform.plan(name, None, &config).await;
        count += usize::from(told.iter().any(|told| told.is_error));
        for at in state.unknown_paths() {
            *state.at_mut(&at).unwrap() = Value::Null;
        }
        forget(&terraform).await;
        let (_, told) = terraform.plan(name, Some(&state), &config).await;
        assert_eq!(told, [], "{name} {change}");
    }
    assert!(count > 20, "{count} are refused for new ones only");
}

#[tokio::test]
async fn what_the_plan_says() {
    let mut table = String::new();
    for resources in PLAN.split("\n\n") {
        let terraform = terraform().await;
        for (number, (name, change)) in resources.lines().filter_map(row).enumerate() {
            let _ = writeln!(table, "plan {name} {change}");
            let mut instance = number.to_string().into_bytes();
            let config = config(name, change);
            let (_, told) = terraform.plan_instance(name, None, &config, &mut instance).await;
            write(&mut table, &told);
        }
        table.push('\n');
    }
    insta::assert_snapshot!(table);
}

/// Every leaf of the change, one by one and all at once, is not known yet.
#[tokio::test]
async fn what_is_not_known_is_never_refused() {
    let terraform = terraform().await;
    for (name, change) in VALIDATE.lines().filter_map(row) {
        let mut leaves = Vec::new();
        collect_leaves(&Value::from_json(yaml(change)), &Path::root(), &mut leaves);
        let mut all = config(name, change);
        for leaf in &leaves {
            let mut one = config(name, change);
            for value in [&mut all, &mut one] {
                *value.at_mut(leaf).unwrap() = Value::unknown();
            }
            if let [leaf] = leaves.as_slice()
                && !change.contains("feature_gates")
            {
                refuse_nothing(&terraform, name, &one, &format!("{change}: {leaf}")).await;
            } else if !change.contains("feature_gates") {
                // Others may still be wrong; it must not be the unknown one.
                for found in all_told(&terraform, name, &one).await {
                    assert_ne!(found.at, leaf.to_string(), "{change}: {found:?}");
                }
            }
        }
        // The name of a gate is known where its value is not.
        if !change.contains("feature_gates") {
            refuse_nothing(&terraform, name, &all, change).await;
        }
    }
}

async fn refuse_nothing(terraform: &Terraform, name: &str, config: &Value, what: &str) {
    for found in all_told(terraform, name, config).await {
        assert!(!found.is_error, "{what}: {found:?}");
    }
}

fn collect_leaves(value: &Value, at: &Path, leaves: &mut Vec<Path>) {
    match value {
        Value::Map(items) if !items.is_empty() => {
            for (key, value) in items {
                collect_leaves(value, &at.clone().child(key.as_str()), leaves);
            }
        }
        Value::List(items) if !items.is_empty() => {
            for (index, value) in items.iter().enumerate() {
                collect_leaves(value, &at.clone().index(index), leaves);
            }
        }
        _ => leaves.push(at.clone()),
    }
}

/// What only a look at the host tells.
#[test]
fn what_a_look_at_the_host_says() {
    type Row = (&'static str, fn(&mut Facts, &mut LoadbalancerExpectations<'_>));
    let rows: [Row; 4] = [
        ("the host's own address is a backend, port 6443", |_, expected| {
            (expected.port, expected.has_api_server) = (6443, true);
        }),
        ("an API server is there already, port 6443", |facts, expected| {
            expected.port = 6443;
            facts.kubernetes.api_server_manifest = true;
        }),
        ("vip = 10.0.0.255", |_, expected| {
            expected.vip = "10.0.0.255".parse().unwrap();
        }),
        ("vip = 10.0.0.0", |_, expected| {
            expected.vip = "10.0.0.0".parse().unwrap();
        }),
    ];
    let mut table = String::new();
    for (what, change) in rows {
        let mut facts = Facts::example();
        let mut expected = LoadbalancerExpectations {
            vip: "10.0.0.100".parse().unwrap(),
            port: 8443,
            health_port: 8404,
            interface: None,
            address: "10.0.0.11".parse().unwrap(),
            has_api_server: false,
            is_installed: false,
            local_clock: facts.clock,
        };
        change(&mut facts, &mut expected);
        let _ = writeln!(table, "plan {LB} {what}");
        for problem in check_loadbalancer(&facts, &expected) {
            let _ = writeln!(
                table,
                "    {:?} {}\n        {}: {}",
                problem.severity,
                problem.attribute.unwrap_or_default(),
                problem.summary,
                problem.detail
            );
        }
    }
    insta::assert_snapshot!(table);
}
