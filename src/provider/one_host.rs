//! Tests: two resources for one host, and one resource that is planned twice.
use std::sync::Arc;

use super::Ha;
use crate::{
    lifecycle::machines,
    remote::Pool,
    tf_provider::{Terraform, Value},
};

async fn terraform() -> Terraform {
    let terraform = Terraform::of(Arc::new(Ha::new(Pool::with_transport(machines().await))));
    configure(&terraform).await;
    terraform
}

async fn configure(terraform: &Terraform) {
    let config = Value::object([("preflight", Value::from("apply"))]);
    assert_eq!(terraform.configure(&config).await, []);
}

/// A node with this in its ssh block.
fn node(host: &str, ssh: Option<(&'static str, Value)>) -> Value {
    let join = Value::object([
        ("ca_cert_hash", Value::from("sha256:0")),
        ("cluster_name", Value::from("prod")),
        ("endpoint", Value::from("10.0.0.100:8443")),
        ("masters", Value::from(vec!["10.0.0.11"])),
    ]);
    let mut node = Value::object([("host", Value::from(host)), ("join", join)]);
    if let Some(argument) = ssh {
        node.set("ssh", Value::object([argument]));
    }
    node
}

/// What the plan of a new resource tells.
async fn told(terraform: &Terraform, resource: &str, config: &Value) -> Vec<String> {
    let (_, told) = terraform
        .plan_instance(resource, None, config, &mut Vec::new())
        .await;
    told.iter()
        .map(|told| format!("{} {}", told.summary, told.detail))
        .collect()
}

#[tokio::test]
async fn two_resources_for_one_host_are_told_with_both_types() {
    for (first, second) in [
        ("ha_master", "ha_master"),
        ("ha_master", "ha_worker"),
        ("ha_worker", "ha_worker"),
    ] {
        let terraform = terraform().await;
        assert_eq!(told(&terraform, first, &node("fd00::11", None)).await, [""; 0]);
        let [told] = &told(&terraform, second, &node("FD00:0::11", None)).await[..] else {
            panic!("{first} {second}")
        };
        assert!(told.starts_with("Two resources for one host"), "{told}");
        assert!(
            [first, second, "FD00:0::11"]
                .iter()
                .all(|word| told.contains(word)),
            "{told}"
        );
    }
}

#[tokio::test]
async fn hosts_behind_one_address_are_machines_of_their_own() {
    let terraform = terraform().await;
    let bastion = |host: &str| Value::object([("host", Value::from(host))]);
    for ssh in [
        None,
        Some(("port", Value::from(2211))),
        Some(("port", Value::from(2212))),
        Some(("bastion", bastion("one"))),
        Some(("bastion", bastion("two"))),
        // Nobody can tell yet.
        Some(("port", Value::unknown())),
        Some(("port", Value::unknown())),
    ] {
        assert_eq!(
            told(&terraform, "ha_worker", &node("192.0.2.11", ssh)).await,
            [""; 0]
        );
    }
    assert_eq!(
        told(&terraform, "ha_worker", &node("192.0.2.11", None))
            .await
            .len(),
        1
    );
    // The next run knows nothing of this one.
    configure(&terraform).await;
    assert_eq!(
        told(&terraform, "ha_master", &node("192.0.2.11", None)).await,
        [""; 0]
    );
}

#[tokio::test]
async fn a_replacement_is_one_resource_however_often_it_is_planned() {
    let terraform = terraform().await;
    let config = node("10.0.0.11", None);
    let (state, _) = terraform.plan("ha_worker", None, &config).await;
    configure(&terraform).await;
    // The first plan of an old state has nothing beside it; Terraform gives the second what came of the first.
    let mut private = Vec::new();
    for prior in [Some(&state), None] {
        let (_, told) = terraform
            .plan_instance("ha_worker", prior, &config, &mut private)
            .await;
        assert_eq!(told, []);
        assert!(!private.is_empty());
    }
    assert_eq!(told(&terraform, "ha_worker", &config).await.len(), 1);
}

/// Removing the first of three in `count` moves each host to another resource, whose names are the hosts' own.
#[tokio::test]
async fn a_name_that_a_replaced_host_had_is_free() {
    for resource in ["ha_worker", "ha_master"] {
        let terraform = terraform().await;
        let mut states = Vec::new();
        for (host, name) in [("10.0.0.21", "w1"), ("10.0.0.22", "w2"), ("10.0.0.23", "w3")] {
            let (mut state, _) = terraform.plan(resource, None, &node(host, None)).await;
            state.set("node_name", name);
            for at in state.unknown_paths() {
                *state.at_mut(&at).unwrap() = Value::Null;
            }
            states.push(state);
        }
        configure(&terraform).await;
        for (state, host) in states.iter().zip(["10.0.0.22", "10.0.0.23"]) {
            let mut private = Vec::new();
            for prior in [Some(state), None] {
                let (_, told) = terraform
                    .plan_instance(resource, prior, &node(host, None), &mut private)
                    .await;
                assert_eq!(told, [], "{resource} {host}");
            }
        }
        let named = |host: &str, name: &str| {
            let mut node = node(host, None);
            node.set("node_name", name);
            node
        };
        let (_, told) = terraform.plan(resource, None, &named("10.0.0.28", "w1")).await;
        assert_eq!(told, [], "{resource}");
        // What stays, and what is written, is claimed.
        configure(&terraform).await;
        let (_, told) = terraform
            .plan(resource, Some(&states[2]), &node("10.0.0.23", None))
            .await;
        assert_eq!(told, []);
        let (_, told) = terraform.plan(resource, None, &named("10.0.0.29", "w3")).await;
        assert_eq!(told[0].summary, "Duplicate node name", "{resource}");
    }
}

/// A name is of one host in each run: by the next one it may have moved.
#[tokio::test]
async fn a_name_that_moved_to_another_host_by_the_next_run_is_no_second_node() {
    for resource in ["ha_worker", "ha_master"] {
        let terraform = terraform().await;
        for host in ["10.0.0.21", "10.0.0.22"] {
            configure(&terraform).await;
            let mut config = node(host, None);
            config.set("node_name", "n1");
            assert_eq!(told(&terraform, resource, &config).await, [""; 0], "{host}");
        }
    }
}
