//! Tests: what is refused, and warned of, without any host and from what a look at one saw. Each row is a change of a good
//! configuration, in YAML and one line; the snapshots have what comes of it.
use std::fmt::Write as _;

use serde_json::Value as Json;

use super::Ha;
use crate::{
    node::{
        Facts,
        preflight::{LoadbalancerExpectations, check_loadbalancer},
    },
    remote::Pool,
    tf_provider::{
        Block, Context, Diagnostic, Nesting, Path, PlanRequest, Provider as _, Resource, Severity, Value,
    },
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

/// As the protocol layer does it: the validators of the schema, then the resource's own.
fn check(cx: &Context, block: &Block, config: &Value, at: &Path) {
    for attribute in &block.attributes {
        let value = config.get(attribute.name);
        if value.is_null() || !value.is_wholly_known() {
            continue;
        }
        for problem in attribute.validators.iter().filter_map(|check| check(value).err()) {
            cx.add(
                Diagnostic::error("Invalid attribute value", problem).at(at.clone().child(attribute.name)),
            );
        }
    }
    for nested in &block.blocks {
        let (value, at) = (config.get(nested.name), at.clone().child(nested.name));
        match nested.nesting {
            Nesting::Single if value.is_null() => {}
            Nesting::Single => check(cx, &nested.block, value, &at),
            _ => {
                for (index, element) in value.as_list().iter().enumerate() {
                    check(cx, &nested.block, element, &at.clone().index(index));
                }
            }
        }
    }
}

async fn validate(resource: &dyn Resource, config: &Value) -> Vec<Diagnostic> {
    let cx = Context::new();
    check(&cx, &resource.schema().block, config, &Path::root());
    resource.validate(&cx, config).await;
    cx.diagnostics()
}

async fn provider() -> Ha {
    let ha = Ha::new(Pool::with_transport(|_| unreachable!("no host is asked")));
    let cx = Context::new();
    ha.configure(&cx, &Value::object([("preflight", Value::from("apply"))]))
        .await;
    assert_eq!(cx.diagnostics(), []);
    ha
}

fn resource(ha: &Ha, name: &str) -> std::sync::Arc<dyn Resource> {
    let mut all = ha.resources().into_iter();
    all.find(|resource| resource.type_name() == name).unwrap()
}

fn write(table: &mut String, diagnostics: &[Diagnostic]) {
    if diagnostics.is_empty() {
        table.push_str("    nothing\n");
    }
    for Diagnostic {
        severity,
        summary,
        detail,
        path,
    } in diagnostics
    {
        let severity = if *severity == Severity::Error {
            "error"
        } else {
            "warning"
        };
        let path = path.clone().unwrap_or_default();
        let _ = writeln!(table, "    {severity} {path}\n        {summary}: {detail}");
    }
}

#[tokio::test]
async fn good_configurations_pass_in_silence() {
    let ha = provider().await;
    for name in [LB, MASTER, WORKER] {
        assert_eq!(
            validate(&*resource(&ha, name), &config(name, "{}")).await,
            [],
            "{name}"
        );
    }
}

#[tokio::test]
async fn what_validate_says() {
    let ha = provider().await;
    let mut table = String::new();
    for (name, change) in VALIDATE.lines().filter_map(row) {
        let _ = writeln!(table, "validate {name} {change}");
        write(
            &mut table,
            &validate(&*resource(&ha, name), &config(name, change)).await,
        );
    }
    insta::assert_snapshot!(table);
}

#[tokio::test]
async fn what_the_plan_says() {
    let mut table = String::new();
    for resources in PLAN.split("\n\n") {
        let ha = provider().await;
        for (name, change) in resources.lines().filter_map(row) {
            let _ = writeln!(table, "plan {name} {change}");
            let (config, cx) = (config(name, change), Context::new());
            let mut planned = config.clone();
            let request = PlanRequest {
                prior: None,
                config: &config,
                private: &[],
            };
            resource(&ha, name).plan(&cx, request, &mut planned).await;
            write(&mut table, &cx.diagnostics());
        }
        table.push('\n');
    }
    insta::assert_snapshot!(table);
}

/// Every leaf of the change, one by one and all at once, is not known yet.
#[tokio::test]
async fn what_is_not_known_is_never_refused() {
    let ha = provider().await;
    for (name, change) in VALIDATE.lines().filter_map(row) {
        let resource = resource(&ha, name);
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
                refuse_nothing(&*resource, &one, &format!("{change}: {leaf}")).await;
            } else {
                // Others may still be wrong; it must not be the unknown one.
                for found in validate(&*resource, &one).await {
                    assert_ne!(found.path.as_ref(), Some(leaf), "{change}: {found:?}");
                }
            }
        }
        // The name of a gate is known where its value is not.
        if !change.contains("feature_gates") {
            refuse_nothing(&*resource, &all, change).await;
        }
    }
}

async fn refuse_nothing(resource: &dyn Resource, config: &Value, what: &str) {
    for found in validate(resource, config).await {
        assert_eq!(found.severity, Severity::Warning, "{what}: {found:?}");
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
