//! Which layer may import which, and which room of a layer which other room.
use std::collections::BTreeSet;

use super::{
    modules::{Import, Modules, OURS, place},
    sources::{Sources, all_files, root, sources},
};

pub(super) const DOMAIN: [&str; 7] = [
    "kubeadm",
    "etcd",
    "kube",
    "haproxy",
    "keepalived",
    "node",
    "preflight",
];

/// What each member of a folder may import of the same folder, besides itself: a layer other layers, a room
/// (`"lifecycle/engine"`) other rooms of its layer. Words in capitals are [`GROUPS`].
///
/// If the table has one room of a folder, it must have all of its rooms and files. Free are a `mod.rs`, which hands on
/// what all of them have, and within a layer the code of tests.
const MAY_IMPORT: [(&str, &[&str]); 47] = [
    ("main", &["provider", "remote", "tf_provider"]),
    (
        "provider",
        &["tf_provider", "lifecycle", "DOMAIN", "remote", "command"],
    ),
    ("lifecycle", &["DOMAIN", "remote", "command"]),
    ("lifecycle/transport_advice", &[]),
    ("lifecycle/failure", &["lifecycle/transport_advice"]),
    ("lifecycle/notice", &[]),
    ("lifecycle/spec", &[]),
    ("lifecycle/engine", &["lifecycle/failure"]),
    ("lifecycle/lock", &["lifecycle/failure", "lifecycle/engine"]),
    (
        "lifecycle/host",
        &[
            "lifecycle/failure",
            "lifecycle/notice",
            "lifecycle/spec",
            "lifecycle/engine",
        ],
    ),
    (
        "lifecycle/cluster",
        &[
            "lifecycle/failure",
            "lifecycle/notice",
            "lifecycle/spec",
            "lifecycle/engine",
            "lifecycle/host",
        ],
    ),
    (
        "lifecycle/network",
        &[
            "lifecycle/failure",
            "lifecycle/notice",
            "lifecycle/spec",
            "lifecycle/engine",
            "lifecycle/host",
        ],
    ),
    (
        "lifecycle/stages",
        &["lifecycle/failure", "lifecycle/engine", "lifecycle/lock"],
    ),
    (
        "lifecycle/steps",
        &[
            "lifecycle/failure",
            "lifecycle/spec",
            "lifecycle/engine",
            "lifecycle/host",
            "lifecycle/cluster",
            "lifecycle/network",
        ],
    ),
    ("lifecycle/adopt", &["lifecycle/failure", "lifecycle/host"]),
    ("lifecycle/create", &["ROOMS"]),
    ("lifecycle/remove", &["ROOMS"]),
    ("lifecycle/update", &["ROOMS"]),
    ("lifecycle/loadbalancer", &["ROOMS"]),
    (
        "lifecycle/read",
        &["lifecycle/failure", "lifecycle/engine", "lifecycle/host"],
    ),
    ("lifecycle/drill", &[]),
    ("kubeadm", &["DOMAIN", "command"]),
    ("etcd", &["DOMAIN", "command"]),
    ("kube", &["DOMAIN", "command"]),
    ("haproxy", &["DOMAIN", "command"]),
    ("keepalived", &["DOMAIN", "command"]),
    ("node", &["DOMAIN", "command"]),
    ("preflight", &["kubeadm", "node"]),
    ("remote", &["command"]),
    ("command", &[]),
    ("tf_provider", &[]),
    ("acceptance", &[]),
    ("acceptance/lab", &[]),
    ("acceptance/outages", &[]),
    ("acceptance/table", &[]),
    ("acceptance/terraform", &["acceptance/lab"]),
    ("acceptance/hosts", &["acceptance/lab"]),
    ("acceptance/recorder", &["acceptance/hosts", "acceptance/lab"]),
    ("acceptance/residue", &["acceptance/hosts", "acceptance/lab"]),
    ("acceptance/running_cluster", &["acceptance/hosts"]),
    (
        "acceptance/clean",
        &["acceptance/hosts", "acceptance/lab", "acceptance/residue"],
    ),
    (
        "acceptance/workspace",
        &["acceptance/hosts", "acceptance/lab", "acceptance/terraform"],
    ),
    (
        "acceptance/api_probe",
        &[
            "acceptance/lab",
            "acceptance/outages",
            "acceptance/running_cluster",
        ],
    ),
    (
        "acceptance/secrets",
        &[
            "acceptance/hosts",
            "acceptance/lab",
            "acceptance/recorder",
            "acceptance/workspace",
        ],
    ),
    ("acceptance/main", &["acceptance/lab"]),
    ("acceptance/bin", &["ACCEPTANCE"]),
    ("acceptance/tests", &["ACCEPTANCE"]),
];

/// Names in the table that stand for several members.
const GROUPS: [(&str, &[&str]); 3] = [
    ("DOMAIN", &DOMAIN),
    (
        "ROOMS",
        &[
            "lifecycle/failure",
            "lifecycle/notice",
            "lifecycle/spec",
            "lifecycle/engine",
            "lifecycle/lock",
            "lifecycle/host",
            "lifecycle/cluster",
            "lifecycle/network",
            "lifecycle/stages",
            "lifecycle/steps",
        ],
    ),
    (
        "ACCEPTANCE",
        &[
            "acceptance/lab",
            "acceptance/outages",
            "acceptance/table",
            "acceptance/terraform",
            "acceptance/hosts",
            "acceptance/recorder",
            "acceptance/residue",
            "acceptance/running_cluster",
            "acceptance/workspace",
            "acceptance/api_probe",
            "acceptance/secrets",
        ],
    ),
];

fn meant<'a>(name: &&'a str) -> Vec<&'a str> {
    let group = GROUPS.iter().find(|(group, _)| group == name);
    group.map_or_else(|| vec![*name], |(_, members)| members.to_vec())
}

type Table<'a> = &'a [(&'a str, &'a [&'a str])];

/// Imports against a table, and what is missing in the table.
fn wrong_imports(
    files: &BTreeSet<String>,
    imports: &[Import],
    tests: &BTreeSet<&str>,
    table: Table<'_>,
) -> Vec<String> {
    let folder_of = |member: &str| {
        member
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder)
            .to_owned()
    };
    let folders: BTreeSet<String> = table.iter().map(|(member, _)| folder_of(member)).collect();
    let row = |member: &str| {
        table
            .iter()
            .find(|(name, _)| *name == member)
            .map(|(_, allowed)| *allowed)
    };
    let mut wrong = Vec::new();

    let members: BTreeSet<String> = files
        .iter()
        .map(|file| place(file))
        .flat_map(|place| (1..=place.len()).map(move |depth| place[..depth].join("/")))
        .collect();
    let is_free = |member: &str| {
        ["lib", "tidy", "build", "acceptance/lib"].contains(&member) || member.ends_with("/mod")
    };
    let is_test = |member: &str| {
        let is_inside = |file: &&String| {
            let parts = place(file);
            parts
                .iter()
                .map(String::as_str)
                .zip(member.split('/'))
                .all(|(one, other)| one == other)
                && parts.len() >= member.split('/').count()
        };
        !files
            .iter()
            .filter(is_inside)
            .any(|file| !tests.contains(file.as_str()))
    };
    for member in &members {
        let folder = folder_of(member);
        if folders.contains(&folder) && row(member).is_none() && !is_free(member) && !is_test(member) {
            wrong.push(format!(
                "{member} is not in the table of layers in src/tidy/layers.rs"
            ));
        }
    }
    let named = table
        .iter()
        .flat_map(|(member, allowed)| allowed.iter().chain([member]))
        .flat_map(meant);
    for name in named.filter(|name| !members.contains(*name)) {
        wrong.push(format!("the table of layers names {name}, which is not there"));
    }

    for import in imports {
        let (from, to) = (place(&import.from), place(&import.to));
        let shared = from
            .iter()
            .zip(&to)
            .take_while(|(one, other)| one == other)
            .count();
        let member = |place: &[String]| place[..place.len().min(shared + 1)].join("/");
        let (from, to) = (member(&from), member(&to));
        let is_test = import.in_tests_only || tests.contains(import.from.as_str());
        let is_judged = folders.contains(&folder_of(&from)) && !is_free(&from) && (shared == 0 || !is_test);
        let is_allowed = row(&from)
            .into_iter()
            .flatten()
            .flat_map(meant)
            .any(|name| name == to);
        if is_judged && !is_allowed {
            let Import { from: file, line, .. } = import;
            wrong.push(format!("{file}:{line}: {from} must not import {to}"));
        }
    }
    wrong
}

fn wrong_in(files: &Sources, modules: &Modules, table: Table<'_>) -> Vec<String> {
    let names = files.keys().cloned().collect();
    wrong_imports(&names, &modules.imports(), &modules.test_files(), table)
}

#[test]
fn layers_import_only_what_stands_below_them() {
    let wrong = wrong_in(&all_files(), &OURS, &MAY_IMPORT);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_architecture_names_every_layer() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let missing: Vec<&str> = MAY_IMPORT
        .iter()
        .map(|(module, _)| *module)
        .filter(|module| !["main", "command", "acceptance"].contains(module) && !module.contains('/'))
        .filter(|module| !text.contains(&format!("### `src/{module}/`")))
        .collect();
    assert!(
        missing.is_empty(),
        "ARCHITECTURE.md has no heading for {missing:?}"
    );
}

#[test]
fn an_import_upwards_is_found_in_every_form() {
    let table: Table<'_> = &[
        ("provider", &["lifecycle", "etcd"]),
        ("lifecycle", &["etcd"]),
        ("etcd", &[]),
    ];
    let wrong = |etcd: &str| {
        let files = [
            ("src/lib.rs", "mod etcd; mod lifecycle; mod provider;"),
            ("src/etcd/mod.rs", "mod member; mod lifecycle;"),
            ("src/etcd/lifecycle.rs", ""),
            ("src/etcd/member.rs", etcd),
            ("src/lifecycle.rs", "pub struct Run;"),
            ("src/provider.rs", "use crate::lifecycle::Run;"),
        ];
        let files = sources(&files);
        wrong_in(&files, &Modules::of(&files), table)
    };
    for text in [
        "use crate::lifecycle::Run;",
        "use crate::{etcd::Member, lifecycle::{Run, Step}};",
        "use crate::{\n    lifecycle::*,\n};",
        "fn of(run: &crate::lifecycle::Run) {}",
        "fn of() { vec![crate::lifecycle::Run] }",
        "use super::super::lifecycle::Run;",
        "#[cfg(test)] mod tests { use crate::lifecycle::Run; }",
    ] {
        assert!(!wrong(text).is_empty(), "{text}");
    }
    for text in [
        "use crate::{etcd::lifecycle};",
        "/// See [`crate::lifecycle::Run`].\nstruct S;",
        "macro_rules! x { () => { $crate::lifecycle::Run } }",
        "use super::lifecycle::Run;",
    ] {
        assert_eq!(wrong(text), [""; 0], "{text}");
    }
    assert_eq!(
        wrong("\n\nuse crate::lifecycle::Run;"),
        ["src/etcd/member.rs:3: etcd must not import lifecycle"]
    );
}

#[test]
fn rooms_have_an_order_too() {
    let wrong = |engine: &str, table: Table<'_>| {
        let files = [
            ("src/lib.rs", "mod lifecycle;"),
            (
                "src/lifecycle/mod.rs",
                "mod engine; mod steps; mod failure; pub use steps::Init;",
            ),
            ("src/lifecycle/failure.rs", ""),
            ("src/lifecycle/engine/mod.rs", "mod run;"),
            ("src/lifecycle/engine/run.rs", engine),
            ("src/lifecycle/steps/mod.rs", "mod init; pub use init::Init;"),
            (
                "src/lifecycle/steps/init.rs",
                "use super::super::{engine, failure}; pub struct Init;",
            ),
        ];
        let files = sources(&files);
        wrong_in(&files, &Modules::of(&files), table)
    };
    let table: Table<'_> = &[
        ("lifecycle", &[]),
        ("lifecycle/failure", &[]),
        ("lifecycle/engine", &["lifecycle/failure"]),
        ("lifecycle/steps", &["lifecycle/engine", "lifecycle/failure"]),
    ];
    assert_eq!(wrong("use crate::lifecycle::failure;", table), [""; 0]);
    assert_eq!(
        wrong("use crate::lifecycle::Init;", table),
        ["src/lifecycle/engine/run.rs:1: lifecycle/engine must not import lifecycle/steps"]
    );
    assert_eq!(
        wrong("#[cfg(test)] mod tests { use crate::lifecycle::Init; }", table),
        [""; 0]
    );
    let (_, without_steps) = table.split_last().unwrap();
    assert_eq!(
        wrong("", without_steps)[0],
        "lifecycle/steps is not in the table of layers in src/tidy/layers.rs"
    );
    let with_more = [table, &[("lifecycle/lock", &[][..])]].concat();
    assert_eq!(
        wrong("", &with_more),
        ["the table of layers names lifecycle/lock, which is not there"]
    );
}
