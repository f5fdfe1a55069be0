//! The repository's own rules as tests: which layer may import which, file headers, sizes and names.
use std::{
    fs,
    path::{Path, PathBuf},
};

const DOMAIN: [&str; 6] = ["kubeadm", "etcd", "kube", "haproxy", "keepalived", "node"];

/// What each top-level module may import of this crate, besides itself. `DOMAIN` stands for all of [`DOMAIN`].
const MAY_IMPORT: [(&str, &[&str]); 12] = [
    ("main", &["provider", "remote", "tf_provider"]),
    (
        "provider",
        &["tf_provider", "lifecycle", "DOMAIN", "remote", "command"],
    ),
    ("lifecycle", &["DOMAIN", "remote", "command"]),
    ("kubeadm", &["DOMAIN", "command"]),
    ("etcd", &["DOMAIN", "command"]),
    ("kube", &["DOMAIN", "command"]),
    ("haproxy", &["DOMAIN", "command"]),
    ("keepalived", &["DOMAIN", "command"]),
    ("node", &["DOMAIN", "command"]),
    ("remote", &["command"]),
    ("command", &[]),
    ("tf_provider", &[]),
];

/// Crates and standard modules that only these folders and files may name outside of tests.
const ONLY_IN: [(&str, &[&str]); 10] = [
    ("tonic", &["tf_provider/wire/"]),
    ("prost", &["tf_provider/wire/"]),
    ("prost_types", &["tf_provider/wire/"]),
    ("rustls", &["tf_provider/wire/"]),
    ("tokio_rustls", &["tf_provider/wire/"]),
    ("rcgen", &["tf_provider/wire/"]),
    ("openssh", &["remote/openssh.rs"]),
    (
        "tokio",
        &["main.rs", "tf_provider/", "lifecycle/", "remote/", "provider/"],
    ),
    ("std::process", &["main.rs", "tf_provider/", "remote/"]),
    ("std::fs", &["tf_provider/", "lifecycle/", "remote/", "provider/"]),
];

/// Longer files have more than one reason to exist. Tests count.
const MOST_LINES: usize = 600;

const NAMES_THAT_SAY_NOTHING: [&str; 7] = ["util", "utils", "common", "helper", "helpers", "misc", "core"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every `.rs` file below a folder of the repository.
pub(super) fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut folders = vec![root().join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn all_files() -> Vec<(String, String)> {
    let mut files = [rust_files("src"), rust_files("acceptance/src")].concat();
    files.push(root().join("build.rs"));
    assert!(files.len() > 100, "the files were not found");
    files
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

/// The text with whole-line comments made empty, so that the numbers of lines stay.
fn without_comments(text: &str) -> String {
    text.lines()
        .map(|line| {
            if line.trim_start().starts_with("//") {
                ""
            } else {
                line
            }
        })
        .collect::<Vec<_>>()
        .join("\n")
}

fn is_ident(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Where `path` stands as the beginning of a path, with what follows it.
fn uses<'a>(code: &'a str, path: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    code.match_indices(path).filter_map(move |(at, _)| {
        let (before, after) = code.split_at(at);
        let is_begin =
            !before.ends_with("::") && !before.ends_with(|letter| is_ident(letter) || letter == '$');
        let rest = after.strip_prefix(path)?;
        is_begin.then(|| (before.lines().count().max(1), rest))
    })
}

/// The first names behind `crate::`: of `crate::{a::b, c}` a and c.
fn heads(rest: &str) -> Vec<&str> {
    let ident = |text: &'_ str| text.find(|letter| !is_ident(letter)).unwrap_or(text.len());
    let Some(group) = rest.strip_prefix('{') else {
        return vec![&rest[..ident(rest)]];
    };
    let (mut depth, mut begins, mut heads) = (0, true, Vec::new());
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            letter if begins && is_ident(letter) => {
                heads.push(&group[at..at + ident(&group[at..])]);
                begins = false;
            }
            _ => {}
        }
    }
    heads
}

/// Imports of other layers by `crate::`, by the crate's own name (in `main.rs`), or by `super` up to the root.
fn imports(path: &str, code: &str) -> Vec<(usize, String)> {
    let mut depth = path.split('/').count();
    if path.ends_with("/mod.rs") {
        depth -= 1;
    }
    let by_super = "super::".repeat(depth);
    let by_name = ["crate::", "terraform_provider_ha::"]
        .into_iter()
        .flat_map(|root| uses(code, root));
    let by_super = uses(code, &by_super).filter(|(_, rest)| {
        heads(rest)
            .iter()
            .any(|head| MAY_IMPORT.iter().any(|(module, _)| module == head))
    });
    by_name
        .chain(by_super)
        .flat_map(|(line, rest)| heads(rest).into_iter().map(move |head| (line, head.to_owned())))
        .collect()
}

/// Imports against [`MAY_IMPORT`] in a file of `src/`; `path` is relative to it.
fn wrong_imports(path: &str, text: &str) -> Vec<String> {
    let module = path.split(['/', '.']).next().unwrap();
    let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == module) else {
        return vec![format!(
            "src/{path}: the module {module} is not in the table of layers in src/tidy.rs"
        )];
    };
    let is_allowed = |head: &str| {
        head == module || allowed.contains(&head) || (allowed.contains(&"DOMAIN") && DOMAIN.contains(&head))
    };
    imports(path, &without_comments(text))
        .into_iter()
        .filter(|(_, head)| !is_allowed(head))
        .map(|(line, head)| format!("src/{path}:{line}: {module} must not import {head}"))
        .collect()
}

/// Names against [`ONLY_IN`] in a file of `src/`; its tests may name what they like.
fn wrong_crates(path: &str, text: &str) -> Vec<String> {
    let code = without_comments(text);
    let code = code.split("#[cfg(test)]\nmod ").next().unwrap();
    let mut wrong = Vec::new();
    for (name, places) in ONLY_IN {
        if places.iter().any(|place| path.starts_with(place)) {
            continue;
        }
        let path_of = format!("{name}::");
        for (line, rest) in uses(code, &path_of) {
            let before = code.strip_suffix(rest).unwrap_or_default();
            let statement = before.rsplit(';').next().unwrap().trim_start();
            // In a group behind `super` it is a module of ours that has the library's name.
            if !["use super", "use crate"]
                .iter()
                .any(|own| statement.starts_with(own))
            {
                wrong.push(format!(
                    "src/{path}:{line}: only {} may name {name}",
                    places.join(", ")
                ));
            }
        }
    }
    wrong
}

/// Files of `src/` that are code of a layer, relative to it; whole files of tests are left out.
fn layer_files() -> Vec<(String, String)> {
    all_files()
        .into_iter()
        .filter_map(|(path, text)| Some((path.strip_prefix("src/")?.to_owned(), text)))
        .filter(|(path, _)| path != "lib.rs" && !path.starts_with("tidy"))
        .collect()
}

fn is_all_test(path: &str, files: &[(String, String)]) -> bool {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let module = if file == "mod.rs" {
        return folder.rsplit_once('/').is_some_and(|(parent, _)| {
            is_declared_for_tests(
                &format!("{parent}/mod.rs"),
                folder.rsplit('/').next().unwrap(),
                files,
            )
        });
    } else {
        file.trim_end_matches(".rs")
    };
    let own_mod = format!("{folder}/mod.rs");
    is_declared_for_tests(&own_mod, module, files) || (file != "mod.rs" && is_all_test(&own_mod, files))
}

fn is_declared_for_tests(parent: &str, module: &str, files: &[(String, String)]) -> bool {
    files
        .iter()
        .any(|(path, text)| path == parent && text.contains(&format!("#[cfg(test)]\nmod {module};")))
}

#[test]
fn layers_import_only_what_stands_below_them() {
    let wrong: Vec<String> = layer_files()
        .iter()
        .flat_map(|(path, text)| wrong_imports(path, text))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn libraries_are_named_only_where_they_belong() {
    let files = layer_files();
    let wrong: Vec<String> = files
        .iter()
        .filter(|(path, _)| !is_all_test(path, &files))
        .flat_map(|(path, text)| wrong_crates(path, text))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_domain_is_not_async() {
    let wrong: Vec<String> = layer_files()
        .into_iter()
        .filter(|(path, _)| {
            DOMAIN
                .iter()
                .any(|module| path.starts_with(&format!("{module}/")))
        })
        .filter(|(_, text)| without_comments(text).contains("async fn"))
        .map(|(path, _)| path)
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_import_upwards_is_found_in_every_form() {
    let upwards = [
        "use crate::lifecycle::Run;",
        "use crate::{command::Script, lifecycle::{Run, Step}};",
        "use crate::{\n    command::{Script, quote},\n    lifecycle::Run,\n};",
        "fn of(run: &crate::lifecycle::Run) {}",
        "use super::super::lifecycle::Run;",
    ];
    for text in upwards {
        assert_eq!(wrong_imports("etcd/member.rs", text).len(), 1, "{text}");
        assert!(wrong_imports("provider/diagnose.rs", text).is_empty(), "{text}");
    }
    let fine = [
        "use crate::{command::{Script, lifecycle}, kube::Node};",
        "/// See [`crate::lifecycle::Run`].",
        "macro_rules! x { () => { $crate::lifecycle::Run } }",
        "use super::lifecycle::Run;",
    ];
    for text in fine {
        assert!(wrong_imports("etcd/member.rs", text).is_empty(), "{text}");
    }
    assert_eq!(
        wrong_imports("etcd/member.rs", "\n\nuse crate::remote::Host;"),
        ["src/etcd/member.rs:3: etcd must not import remote"]
    );
    assert_eq!(wrong_imports("helm/chart.rs", "").len(), 1);
}

#[test]
fn a_library_in_the_wrong_place_is_found() {
    let text = "use tonic::Status;\n#[cfg(test)]\nmod tests {\n    use prost::Message;\n}";
    assert_eq!(
        wrong_crates("provider/mod.rs", text),
        ["src/provider/mod.rs:1: only tf_provider/wire/ may name tonic"]
    );
    assert!(wrong_crates("tf_provider/wire/server.rs", text).is_empty());
    for text in [
        "use super::openssh::OpenSsh;",
        "use super::{Host, openssh::OpenSsh};",
    ] {
        assert!(wrong_crates("remote/pool.rs", text).is_empty(), "{text}");
    }
}

#[test]
fn every_file_begins_with_its_reason() {
    let wrong: Vec<String> = all_files()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(path, _)| path)
        .collect();
    assert!(
        wrong.is_empty(),
        "no //! in the first line of {}",
        wrong.join(", ")
    );
}

#[test]
fn no_file_is_too_long() {
    let wrong: Vec<String> = all_files()
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(path, lines)| format!("{path} has {lines} lines, {MOST_LINES} is the most"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_has_a_name_that_says_something() {
    let wrong: Vec<String> = all_files()
        .into_iter()
        .map(|(path, _)| path)
        .filter(|path| {
            path.split(['/', '.', '_'])
                .any(|word| NAMES_THAT_SAY_NOTHING.contains(&word))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_architecture_names_every_folder() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let missing: Vec<&str> = MAY_IMPORT
        .iter()
        .map(|(module, _)| *module)
        .filter(|module| *module != "main" && *module != "command")
        .filter(|module| !text.contains(&format!("### `src/{module}/`")))
        .collect();
    assert!(
        missing.is_empty(),
        "ARCHITECTURE.md has no heading for {missing:?}"
    );
    let lines = text.lines().count();
    assert!(lines <= 200, "ARCHITECTURE.md has {lines} lines; 200 is the most");
}
