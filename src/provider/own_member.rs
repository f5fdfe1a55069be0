//! Tests: a load balancer whose host is reached by a name, or by an address that is none of the members.
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;

use super::Ha;
use crate::{
    command::{Output, Script},
    lifecycle::machines,
    remote::{Pool, Transport, TransportError},
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
                assert_eq!(
                    planned.get("endpoint").is_unknown(),
                    host != "10.0.0.11",
                    "{host}"
                );
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

/// A host that answers until it boots.
#[derive(Debug)]
struct Booting(Arc<dyn Transport>, Arc<AtomicBool>);

#[async_trait]
impl Transport for Booting {
    async fn run(&self, script: &Script) -> Result<Output, TransportError> {
        if self.1.load(Ordering::Relaxed) {
            return Err(TransportError::Unreachable {
                hop: "host".to_owned(),
                port: 22,
                reason: "Connection timed out".to_owned(),
            });
        }
        self.0.run(script).await
    }
}

/// Terraform plans once more right before it applies, and the host may be silent then.
#[tokio::test(start_paused = true)]
async fn a_look_promises_nothing_that_a_silent_host_would_break() {
    for host in ["m11.example.net", "192.0.2.11", "10.0.0.11"] {
        let (lab, boots) = (machines().await, Arc::<AtomicBool>::default());
        let pool = Pool::with_transport({
            let boots = Arc::clone(&boots);
            move |target| Arc::new(Booting(lab(target), Arc::clone(&boots)))
        });
        let terraform = Terraform::of(Arc::new(Ha::new(pool)));
        let preflight = Value::object([("preflight", Value::from("plan"))]);
        let config = loadbalancer(host, "10.0.0.11");
        for is_silent_first in [false, true] {
            boots.store(is_silent_first, Ordering::Relaxed);
            terraform.configure(&preflight).await;
            let (first, told) = terraform.plan(LOADBALANCER, None, &config).await;
            assert_eq!(told.len(), usize::from(is_silent_first), "{host}: {told:?}");
            boots.store(!is_silent_first, Ordering::Relaxed);
            terraform.configure(&preflight).await;
            let (last, _) = terraform.plan(LOADBALANCER, None, &config).await;
            let broken = terraform.broken_promises(LOADBALANCER, &first, &last);
            assert_eq!(broken, [""; 0], "{host}");
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
