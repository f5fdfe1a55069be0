//! Tests: a load balancer whose host is reached by a name, or by an address that is none of the members.
use std::sync::Arc;

use super::Ha;
use crate::{
    lifecycle::machines,
    remote::Pool,
    tf_provider::{Terraform, Value},
};

const LOADBALANCER: &str = "ha_loadbalancer";

async fn terraform(preflight: &str) -> Terraform {
    let terraform = Terraform::of(Arc::new(Ha::new(Pool::with_transport(machines().await))));
    let config = Value::object([("preflight", Value::from(preflight))]);
    assert_eq!(terraform.configure(&config).await, []);
    terraform
}

fn loadbalancer(host: &str, backend: &str) -> Value {
    let map = |entries: &[(&str, &str)]| {
        Value::object(
            entries
                .iter()
                .map(|(name, address)| (*name, Value::from(*address))),
        )
    };
    Value::object([
        ("host", Value::from(host)),
        ("vip", Value::from("10.0.0.100")),
        ("members", map(&[("m1", "10.0.0.11"), ("m2", "10.0.0.12")])),
        ("backends", map(&[("m1", backend)])),
        (
            "keepalived",
            map(&[("image", "registry.example.net/keepalived:1")]),
        ),
    ])
}

#[tokio::test(start_paused = true)]
async fn the_member_address_that_a_host_has_decides_wherever_it_is_reached() {
    for host in ["m11.example.net", "192.0.2.11", "10.0.0.11"] {
        for (backend, port) in [("10.0.0.11", 8443), ("10.0.0.13", 6443)] {
            for preflight in ["plan", "apply"] {
                let terraform = terraform(preflight).await;
                let config = loadbalancer(host, backend);
                assert_eq!(terraform.validate(LOADBALANCER, &config).await, []);
                let (planned, told) = terraform.plan(LOADBALANCER, None, &config).await;
                assert_eq!(told, [], "{host}");
                if preflight == "plan" {
                    assert_eq!(planned.get("port").as_i64(), Some(port), "{host}");
                    assert!(planned.get("rendered").is_wholly_known(), "{host}");
                } else if host != "10.0.0.11" {
                    assert!(planned.get("endpoint").is_unknown(), "{host}");
                }
                let (state, told) = terraform.create(LOADBALANCER, &config, &planned).await;
                assert_eq!(told, [], "{host}");
                let expected = [
                    ("address", "10.0.0.11".to_owned()),
                    ("endpoint", format!("10.0.0.100:{port}")),
                    ("id", format!("10.0.0.100:{port}/{host}")),
                    ("interface", "eth0".to_owned()),
                ];
                for (name, value) in expected {
                    assert_eq!(state.get(name).as_str(), Some(value.as_str()), "{host}");
                }
                // Nothing to do after that.
                let (again, _) = terraform.plan(LOADBALANCER, Some(&state), &config).await;
                assert_eq!(again, state, "{host}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_has_no_member_address_is_told_at_plan() {
    for host in ["m13.example.net", "192.0.2.13", "10.0.0.13"] {
        let terraform = terraform("plan").await;
        let (_, told) = terraform
            .plan(LOADBALANCER, None, &loadbalancer(host, "10.0.0.11"))
            .await;
        let [told] = &told[..] else { panic!("{told:?}") };
        assert_eq!(told.summary, "Host is none of the members");
        assert_eq!(told.at, "members");
        assert!(told.detail.contains(host), "{}", told.detail);
    }
}
