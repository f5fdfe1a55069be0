//! Tests: every attribute that the sources name exists in the schema of a resource that can say so. A name that is spelled
//! wrong would be no error anywhere else: Terraform shows the message without its place.
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::Arc,
};

use regex::Regex;

use super::{Ha, settings};
use crate::{
    remote::{Pool, fake::FakeHost},
    tf_provider::{Block, Provider as _, Schema, Type},
};

/// Words that these layers have in a `Some("…")` and that are no attributes.
const OTHER_WORDS: [&str; 6] = ["fail", "failed", "file", "forget", "link", "true"];

/// Failures of the way to a host, and problems of any host: each resource gives them.
const OF_ALL: [&str; 2] = ["lifecycle/transport_advice.rs", "preflight/mod.rs"];

/// In these files too it is of nodes alone.
const OF_NODES: &str = "ignore_preflight_errors";

/// Where a schema has attributes and blocks, by dots: `ssh`, `ssh.bastion.host`, `join.endpoint`.
fn paths(schema: &Schema) -> BTreeSet<String> {
    fn of_type(at: &str, ty: &Type, all: &mut BTreeSet<String>) {
        all.insert(at.to_owned());
        if let Type::Object(fields) = ty {
            for (name, ty) in fields {
                of_type(&format!("{at}.{name}"), ty, all);
            }
        }
    }
    fn of_block(prefix: &str, block: &Block, all: &mut BTreeSet<String>) {
        for attribute in &block.attributes {
            of_type(&format!("{prefix}{}", attribute.name), &attribute.ty, all);
        }
        for nested in &block.blocks {
            all.insert(format!("{prefix}{}", nested.name));
            of_block(&format!("{prefix}{}.", nested.name), &nested.block, all);
        }
    }
    let mut all = BTreeSet::new();
    of_block("", &schema.block, &mut all);
    all
}

/// How the files that count end.
const RUST: &str = ".rs";

/// The code of a layer without its tests: path below `src/` and text.
fn sources(layer: &str) -> Vec<(String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut files) = (vec![src.join(layer)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&src).unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if !name.contains("/drill/") && !name.ends_with("tests.rs") && name.ends_with(RUST) {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                files.push((name, code.to_owned()));
            }
        }
    }
    files
}

/// The attributes that a text names: `.at("…")`, and any `Some("…")` with what could be one.
fn named(text: &str) -> Vec<String> {
    let name = Regex::new(r#"(?:\.at\(|\bSome\(|\bnamed\()\s*"([a-z_]+(?:\.[a-z_]+)*)""#).unwrap();
    name.captures_iter(text)
        .map(|found| found[1].to_owned())
        .collect()
}

/// What problems of a host call otherwise than the resource does: `kubernetes_version` → `cluster.kubernetes_version`.
fn renamed(name: &str, preflight: &str) -> String {
    let rule = Regex::new(&format!(r#""{}" => "([a-z_.]+)""#, regex::escape(name))).unwrap();
    rule.captures(preflight)
        .map_or(name, |found| found.get(1).unwrap().as_str())
        .to_owned()
}

/// The resources that give what this file says: all of these must know the attribute, or one of several.
fn givers(file: &str, name: &str) -> (bool, Vec<&'static str>) {
    let file_name = file.rsplit('/').next().unwrap();
    if file.contains("loadbalancer") || file_name.contains("floating_ip") {
        (true, vec!["ha_loadbalancer"])
    } else if OF_ALL.contains(&file) && name != OF_NODES {
        (true, vec!["ha_loadbalancer", "ha_master", "ha_worker"])
    } else if file_name.contains("worker") {
        (true, vec!["ha_worker"])
    } else if file_name.contains("master") {
        (true, vec!["ha_master"])
    } else {
        (false, vec!["ha_master", "ha_worker"])
    }
}

/// What each resource has, by its name.
type Known = BTreeMap<&'static str, BTreeSet<String>>;

fn known() -> Known {
    let ha = Ha::new(Pool::with_transport(|target| {
        Arc::new(FakeHost::new(target.address.as_str()))
    }));
    let resources = ha.resources();
    resources
        .iter()
        .map(|it| (it.type_name(), paths(&it.schema())))
        .collect()
}

fn is_known(known: &Known, file: &str, name: &str) -> bool {
    let (needs_all, givers) = givers(file, name);
    let mut answers = givers.into_iter().map(|giver| known[giver].contains(name));
    if needs_all {
        answers.all(|it| it)
    } else {
        answers.any(|it| it)
    }
}

#[test]
fn every_attribute_that_an_error_names_exists() {
    let files: Vec<_> = [
        "lifecycle",
        "node",
        "preflight",
        "kubeadm",
        "kube",
        "etcd",
        "haproxy",
        "keepalived",
    ]
    .into_iter()
    .flat_map(sources)
    .collect();
    let preflight = files
        .iter()
        .filter(|(file, _)| file.starts_with("lifecycle/") && file.ends_with("/preflight.rs"))
        .map(|(_, text)| text.as_str())
        .collect::<String>();
    let (known, mut count, mut wrong) = (known(), 0, Vec::new());
    for (file, text) in &files {
        for name in named(text) {
            if OTHER_WORDS.contains(&name.as_str()) {
                continue;
            }
            count += 1;
            let name = renamed(&name, &preflight);
            if !is_known(&known, file, &name) {
                wrong.push(format!("src/{file}: {name}"));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
    for end in OF_ALL {
        assert!(files.iter().any(|(file, _)| file == end), "{end} is no more");
    }
    // A scan that finds nothing any more would find nothing wrong.
    assert!(count > 80, "{count}");
    for (name, least) in [("pod_subnet", 1), ("kubelet_config", 2), ("etcd.data_dir", 1)] {
        let uses = files
            .iter()
            .flat_map(|(_, text)| named(text))
            .filter(|it| it == name);
        assert!(uses.count() >= least, "{name}");
        assert_eq!(renamed(name, &preflight), format!("cluster.{name}"));
    }
}

/// What the provider itself points at: `Path::attribute("…")` with what follows.
#[test]
fn every_attribute_that_a_check_of_the_configuration_names_exists() {
    let path = Regex::new(r#"Path::attribute\("([a-z_]+)"\)((?:\s*\.child\("[a-z_]+"\))*)"#).unwrap();
    let child = Regex::new(r#""([a-z_]+)""#).unwrap();
    let (known, own, mut count, mut wrong) = (known(), paths(&settings::schema()), 0, Vec::new());
    for (file, text) in sources("provider") {
        let place = file.split('/').nth(1).unwrap();
        let schemas: Vec<_> = match known.get(place) {
            Some(resource) => vec![resource],
            None if place == "settings.rs" => vec![&own],
            None => known.values().chain([&own]).collect(),
        };
        for found in path.captures_iter(&text) {
            count += 1;
            let names = child
                .captures_iter(&found[2])
                .map(|child| format!(".{}", &child[1]));
            let name = found[1].to_owned() + &names.collect::<String>();
            if !schemas.iter().any(|schema| schema.contains(&name)) {
                wrong.push(format!("src/{file}: {name}"));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
    assert!(count > 30, "{count}");
}

#[test]
fn a_wrong_name_is_found() {
    let known = known();
    let text = r#"Failure::new("x", "y").at("hots") … checks.error(
        Some("ssh.bekome"), "z") … Some("Not one") … named("pod_subnet", x)"#;
    assert_eq!(named(text), ["hots", "ssh.bekome", "pod_subnet"]);
    for (file, name, is_right) in [
        ("lifecycle/create/bootstrap.rs", "peers", true),
        ("lifecycle/create/bootstrap.rs", "cluster.image_repository", true),
        ("lifecycle/create/bootstrap.rs", "image_repository", false),
        ("lifecycle/create/bootstrap.rs", "vip", false),
        ("lifecycle/create/worker.rs", "cluster", false),
        ("lifecycle/create/master.rs", "cluster", true),
        ("preflight/loadbalancer.rs", "vip", true),
        ("preflight/loadbalancer.rs", "node_name", false),
        ("lifecycle/transport_advice.rs", "ssh.host_key", true),
        ("lifecycle/transport_advice.rs", "ssh.private_key", false),
        ("preflight/mod.rs", "ignore_preflight_errors", true),
    ] {
        assert_eq!(is_known(&known, file, name), is_right, "{file} {name}");
    }
}
