//! Tests: every argument of every schema, at every depth, is once unknown, once null and once the text of a key.
//!
//! Long because: it has a test for each kind of value, and the values that make a good configuration of all of them.
mod cases;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;

use self::cases::{Case, cases};
use super::Ha;
use crate::{
    command::{Output, Script},
    remote::{Pool, Transport, TransportError},
    tf_provider::{Path, Presence, Refinements, Terraform, Told, Value},
};

/// Hosts that do not answer; how often they were asked.
#[derive(Debug, Default)]
struct Asked(AtomicUsize);

#[async_trait]
impl Transport for Asked {
    async fn run(&self, _script: &Script) -> Result<Output, TransportError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Err(TransportError::Unreachable {
            hop: "host".to_owned(),
            port: 22,
            reason: "Connection timed out".to_owned(),
        })
    }
}

impl Asked {
    fn take(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

fn terraform() -> (Terraform, Arc<Asked>) {
    let asked = Arc::<Asked>::default();
    let hosts = Arc::clone(&asked);
    let pool = Pool::with_transport(move |_| -> Arc<dyn Transport> { Arc::clone(&hosts) as _ });
    (Terraform::of(Arc::new(Ha::new(pool))), asked)
}

/// A provider block that says when hosts are checked.
fn preflight(when: &str) -> Value {
    Value::object([("preflight", Value::from(when))])
}

fn object(entries: &[(&str, &str)]) -> Value {
    Value::object(entries.iter().map(|(key, text)| (*key, Value::from(*text))))
}

/// A good configuration of each resource, where one made of samples is not: arguments must fit each other.
fn bases(terraform: &Terraform) -> Vec<(&'static str, Value)> {
    let members = || object(&[("m1", "10.0.0.11"), ("m2", "10.0.0.12")]);
    let peers = || Value::from(vec!["10.0.0.11", "10.0.0.12", "10.0.0.13"]);
    let mut join = object(&[
        (
            "ca_cert_hash",
            "sha256:0000000000000000000000000000000000000000000000000000000000000000",
        ),
        ("cluster_name", "prod"),
        ("endpoint", "10.0.0.100:8443"),
    ]);
    join.set("masters", peers());
    let cluster = object(&[
        ("kubernetes_version", "1.37.2"),
        ("control_plane_endpoint", "10.0.0.100:8443"),
    ]);
    let host = |more: [(&'static str, Value); 2]| {
        let mut value = object(&[("host", "10.0.0.11")]);
        for (name, more) in more {
            value.set(name, more);
        }
        value
    };
    let mut loadbalancer = host([("members", members()), ("backends", members())]);
    loadbalancer.set("vip", "10.0.0.100");
    let written = [
        ("ha_loadbalancer", loadbalancer),
        ("ha_master", host([("peers", peers()), ("cluster", cluster)])),
        (
            "ha_master",
            host([("join", join.clone()), ("labels", Value::Null)]),
        ),
        ("ha_worker", host([("join", join), ("labels", Value::Null)])),
    ];
    let complete = written.map(|(resource, base)| {
        let block = terraform.schema(resource).block;
        (resource, cases::with_required(&block, &base))
    });
    complete.to_vec()
}

/// Every configuration of a resource with this in it once.
fn resource_cases(terraform: &Terraform, odd: &Value) -> Vec<(&'static str, Value, Case)> {
    let mut all = Vec::new();
    for (resource, base) in bases(terraform) {
        let schema = terraform.schema(resource);
        let odd_ones = cases(&schema, &base, odd).into_iter();
        // `join` and `cluster` exclude each other.
        let other = if base.get("cluster").is_null() {
            "cluster"
        } else {
            "join"
        };
        let fits = |case: &Case| !case.at.to_string().starts_with(other) || resource != "ha_master";
        all.extend(odd_ones.filter(fits).map(|case| (resource, base.clone(), case)));
    }
    assert!(all.len() > 150, "the schemas were not looked through");
    all
}

/// Unknown as Terraform sends it: plain, and with a refinement (not null).
fn unknowns() -> [Value; 2] {
    [
        Value::unknown(),
        Value::Unknown(Refinements::from_wire(&[0x81, 0x01, 0xc2])),
    ]
}

fn assert_no_bug(told: &[Told], at: &str) {
    let bug = told.iter().find(|told| told.summary == "Provider bug");
    assert_eq!(bug, None, "{at}");
}

fn errors(told: &[Told]) -> Vec<&Told> {
    told.iter().filter(|told| told.is_error).collect()
}

fn assert_no_errors(told: &[Told], at: &str) {
    assert!(errors(told).is_empty(), "{at}: {told:?}");
}

/// A state that an apply of the plan may have come to.
fn applied(terraform: &Terraform, resource: &str, mut planned: Value) -> Value {
    for attribute in terraform.schema(resource).block.attributes {
        if planned.get(attribute.name).is_unknown() {
            planned.set(attribute.name, cases::sample(&attribute));
        }
    }
    for at in planned.unknown_paths() {
        *planned.at_mut(&at).unwrap() = "10.0.0.11".into();
    }
    assert!(planned.is_wholly_known(), "{planned:?}");
    planned
}

/// What Terraform puts in where the unknown was.
fn settled(case: &Case, good: &Value) -> Value {
    let mut config = case.config.clone();
    for at in config.unknown_paths() {
        let good = good.at(&at);
        if good.is_null() {
            return Value::Null;
        }
        *config.at_mut(&at).unwrap() = good.clone();
    }
    config
}

#[tokio::test]
async fn unknown_anywhere_is_planned_and_loses_nothing() {
    for unknown in unknowns() {
        let (terraform, _) = terraform();
        for (resource, base, case) in resource_cases(&terraform, &unknown) {
            let at = format!("{resource} {}", case.at);
            terraform.configure(&preflight("apply")).await;
            let told = terraform.validate(resource, &case.config).await;
            assert_no_bug(&told, &at);
            if case.presence == Presence::Computed {
                assert!(
                    errors(&told)[0].summary.contains("not the user's"),
                    "{at}: {told:?}"
                );
                continue;
            }
            assert_no_errors(&told, &at);
            let (good, told) = terraform.plan(resource, None, &base).await;
            assert_no_errors(&told, &at);
            let prior = applied(&terraform, resource, good.clone());
            for prior in [None, Some(&prior)] {
                terraform.configure(&preflight("apply")).await;
                let (first, told) = terraform.plan(resource, prior, &case.config).await;
                assert_no_bug(&told, &at);
                assert_no_errors(&told, &at);
                // Known at apply: what was promised stays.
                terraform.configure(&preflight("apply")).await;
                let known = settled(&case, &base);
                if !known.is_null() {
                    let (last, told) = terraform.plan(resource, prior, &known).await;
                    assert_no_errors(&told, &at);
                    let broken = terraform.broken_promises(resource, &first, &last);
                    assert_eq!(broken, [""; 0], "{at}");
                }
                // A look that finds the host silent changes nothing.
                terraform.configure(&preflight("plan")).await;
                let (looked, told) = terraform.plan(resource, prior, &case.config).await;
                assert_no_bug(&told, &at);
                assert_no_errors(&told, &at);
                assert_eq!(looked, first, "{at}");
            }
        }
    }
}

#[tokio::test]
async fn null_is_no_value_or_an_error_that_names_it() {
    let (terraform, _) = terraform();
    terraform.configure(&preflight("apply")).await;
    for (resource, base, case) in resource_cases(&terraform, &Value::Null) {
        let at = format!("{resource} {}", case.at);
        let told = terraform.validate(resource, &case.config).await;
        assert_no_bug(&told, &at);
        if case.presence == Presence::Computed && !case.is_whole {
            assert!(
                errors(&told)[0].summary.contains("not the user's"),
                "{at}: {told:?}"
            );
            continue;
        }
        let is_missing = !case.is_whole || case.presence == Presence::Required;
        let named = told.iter().find(|told| told.summary == "Missing value");
        assert_eq!(named.is_some(), is_missing, "{at}: {told:?}");
        if let Some(named) = named {
            assert!(named.detail.starts_with(&case.at.to_string()), "{at}: {named:?}");
            assert!(!named.at.is_empty());
        }
        let (prior, _) = terraform.plan(resource, None, &base).await;
        let prior = applied(&terraform, resource, prior);
        for prior in [None, Some(&prior)] {
            terraform.configure(&preflight("apply")).await;
            let (_, told) = terraform.plan(resource, prior, &case.config).await;
            assert_no_bug(&told, &at);
        }
    }
}

fn provider_cases(terraform: &Terraform, odd: &Value) -> Vec<Case> {
    cases(&terraform.provider_schema(), &preflight("plan"), odd)
}

#[tokio::test]
async fn no_host_is_asked_while_it_is_not_known_how_to_reach_it() {
    let (terraform, asked) = terraform();
    let state = async |resource: &str, config: &Value| {
        terraform.configure(&preflight("apply")).await;
        let (planned, _) = terraform.plan(resource, None, config).await;
        applied(&terraform, resource, planned)
    };
    for (resource, base, case) in resource_cases(&terraform, &Value::unknown()) {
        if case.at.to_string().starts_with("ssh") {
            terraform.configure(&preflight("plan")).await;
            let (_, told) = terraform.plan(resource, None, &case.config).await;
            assert_eq!(
                (asked.take(), errors(&told).len()),
                (0, 0),
                "{resource} {}",
                case.at
            );
            // Others are looked at all the same.
            terraform.plan(resource, None, &base).await;
            assert!(asked.take() > 0, "{resource} {}", case.at);
        }
    }
    for case in provider_cases(&terraform, &Value::unknown()) {
        let at = case.at.to_string();
        for (resource, base) in bases(&terraform) {
            let state = state(resource, &base).await;
            asked.take();
            assert_no_bug(&terraform.configure(&case.config).await, &at);
            let (_, told) = terraform.plan(resource, None, &base).await;
            assert_no_bug(&told, &at);
            let is_asked = asked.take() > 0;
            assert_eq!(is_asked, at == "progress_log", "{resource} {at}");
            if at.starts_with("ssh") {
                assert_eq!(errors(&told).len(), 0, "{resource} {at}: {told:?}");
                assert_eq!(
                    terraform.read(resource, &state).await,
                    (state.clone(), vec![]),
                    "{at}"
                );
                let (left, told) = terraform.destroy(resource, &state).await;
                assert_eq!(left, state, "{at}");
                let [error] = errors(&told)[..] else {
                    panic!("{at}: {told:?}")
                };
                assert_eq!(error.summary, "Provider configuration not known yet");
                assert!(error.detail.contains("10.0.0.11") && error.detail.contains("-target"));
                assert_eq!(asked.take(), 0, "{resource} {at}");
            }
        }
    }
}

#[tokio::test]
async fn what_a_resource_says_of_its_connection_stands_in_for_what_the_provider_does_not_know() {
    let (terraform, asked) = terraform();
    for (name, own) in [
        ("user", Value::from("ops")),
        ("port", Value::from(2222)),
        ("become", Value::from(true)),
        ("private_key_file", Value::from("/key")),
        ("bastion", object(&[("host", "bastion")])),
    ] {
        let block = |value: Value| Value::object([(name, value)]);
        let mut provider = preflight("plan");
        provider.set("ssh", block(Value::unknown()));
        assert_eq!(terraform.configure(&provider).await, []);
        for (resource, mut config) in bases(&terraform) {
            terraform.plan(resource, None, &config).await;
            assert_eq!(asked.take(), 0, "{name}");
            config.set("ssh", block(own.clone()));
            terraform.plan(resource, None, &config).await;
            assert!(asked.take() > 0, "{name}");
        }
    }
}

#[tokio::test]
async fn the_provider_block_takes_null_and_unknown_everywhere() {
    let (terraform, _) = terraform();
    for odd in [Value::Null, Value::unknown()] {
        for case in provider_cases(&terraform, &odd) {
            let at = case.at.to_string();
            let told = terraform.validate_provider(&case.config).await;
            assert_no_bug(&told, &at);
            let is_missing = odd.is_null() && case.presence == Presence::Required;
            let missing = errors(&told).iter().any(|told| told.summary == "Missing value");
            assert_eq!(missing, is_missing, "{at}: {told:?}");
            assert_no_bug(&terraform.configure(&case.config).await, &at);
        }
    }
}

/// A key of each form, whose last line is short.
fn keys() -> Vec<String> {
    let line = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW";
    let body = format!("{line}\n{line}\nQyNTUxOQAAACBxUq4d9s");
    let pem = |kind: &str| format!("-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\n");
    vec![
        pem("OPENSSH PRIVATE KEY"),
        pem("RSA PRIVATE KEY"),
        pem("PRIVATE KEY"),
        format!("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPrivate-Lines: 2\n{body}\n"),
        format!("users:\n- name: admin\n  user:\n    client-key-data: {line}{line}\n"),
        pem("CERTIFICATE"),
        "abcdef.0123456789abcdef".to_owned(),
        "0123456789abcdef".repeat(4),
    ]
}

const PRIVATE: usize = 5;

fn assert_secret(told: &[Told], key: &str, at: &str) {
    let secret = |line: &&str| !line.starts_with("---") && !line.contains(": ");
    for line in key.lines().filter(secret).chain(
        key.lines()
            .filter_map(|line| line.split_once("-data: "))
            .map(|(_, data)| data),
    ) {
        for told in told {
            let all = format!("{} {} {}", told.summary, told.detail, told.at);
            assert!(line.len() < 8 || !all.contains(line), "{at}: {all}");
        }
    }
}

#[tokio::test]
async fn a_key_in_any_argument_is_never_shown_and_never_stored() {
    for (number, key) in keys().iter().enumerate() {
        let (terraform, _) = terraform();
        let odd = Value::from(key.as_str());
        for (resource, base, case) in resource_cases(&terraform, &odd) {
            let at = format!("{resource} {}", case.at);
            terraform.configure(&preflight("plan")).await;
            let mut told = terraform.validate(resource, &case.config).await;
            if number < PRIVATE {
                assert!(told.iter().any(|told| told.is_error), "{at}");
            }
            let (planned, _) = terraform.plan(resource, None, &base).await;
            told.extend(terraform.plan(resource, None, &case.config).await.1);
            if !errors(&told).is_empty() {
                assert_secret(&told, key, &at);
                continue;
            }
            let state = applied(&terraform, resource, planned);
            told.extend(terraform.plan(resource, Some(&state), &case.config).await.1);
            assert_secret(&told, key, &at);
        }
        for case in provider_cases(&terraform, &odd) {
            let at = case.at.to_string();
            let mut told = terraform.validate_provider(&case.config).await;
            if number < PRIVATE {
                assert_eq!(told.iter().any(|told| told.is_error), !case.is_sensitive, "{at}");
            }
            if case.at == Path::attribute("progress_log") && number > PRIVATE {
                // It would be the name of a file.
                continue;
            }
            told.extend(terraform.configure(&case.config).await);
            for (resource, base) in bases(&terraform) {
                told.extend(terraform.plan(resource, None, &base).await.1);
            }
            assert_secret(&told, key, &at);
        }
    }
}
