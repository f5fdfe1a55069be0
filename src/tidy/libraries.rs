//! Which crates, standard modules and rights only some places may name, outside of tests.
use super::{
    layers::DOMAIN,
    modules::{Modules, OURS},
    sources::sources,
};

const ONLY_IN: [(&str, &[&str]); 12] = [
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
    // The right to change hosts (decision 45).
    ("Permit::grant", &["lifecycle/engine/act.rs", "lifecycle/lock/"]),
    (
        "Act::on",
        &[
            "lifecycle/stages/",
            "lifecycle/engine/journal.rs",
            "lifecycle/remove/turn.rs",
        ],
    ),
    ("std::process", &["main.rs", "tf_provider/", "remote/"]),
    ("std::fs", &["tf_provider/", "lifecycle/", "remote/", "provider/"]),
];

/// Those of them that are no libraries: they are known by the end of a path.
const RIGHTS: [&str; 2] = ["Permit::grant", "Act::on"];

fn wrong_crates(modules: &Modules) -> Vec<String> {
    let mut wrong = Vec::new();
    for (file, mention, for_tests) in modules.mentions() {
        let Some(path) = file.strip_prefix("src/").filter(|_| !for_tests) else {
            continue;
        };
        for (name, places) in ONLY_IN {
            let names: Vec<&str> = name.split("::").collect();
            let written: Vec<&str> = mention.path.iter().map(String::as_str).collect();
            let names_it = if RIGHTS.contains(&name) {
                written.ends_with(&names)
            } else {
                written.starts_with(&names)
            };
            if names_it && !places.iter().any(|place| path.starts_with(place)) {
                wrong.push(format!(
                    "{file}:{}: only {} may name {name}",
                    mention.line,
                    places.join(", ")
                ));
            }
        }
    }
    wrong
}

#[test]
fn libraries_are_named_only_where_they_belong() {
    let wrong = wrong_crates(&OURS);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_rights_to_change_hosts_are_met() {
    for right in RIGHTS {
        let met = OURS.mentions().into_iter().any(|(_, mention, for_tests)| {
            !for_tests && format!("::{}", mention.path.join("::")).ends_with(&format!("::{right}"))
        });
        assert!(met, "nobody names {right} any more: the rule is empty");
    }
}

#[test]
fn a_right_by_a_longer_path_is_found() {
    let files = sources(&[
        ("src/lib.rs", "mod lifecycle;"),
        (
            "src/lifecycle/mod.rs",
            "fn f() { crate::remote::Permit::grant(); super::engine::Act::on(run); }",
        ),
    ]);
    assert_eq!(wrong_crates(&Modules::of(&files)).len(), 2);
}

#[test]
fn a_library_in_the_wrong_place_is_found() {
    let text =
        "use tonic::Status;\nuse super::tonic::Own;\n#[cfg(test)]\nmod tests {\n    use prost::Message;\n}";
    let lib = ("src/lib.rs", "mod provider; mod tf_provider;");
    let wire = ("src/tf_provider/mod.rs", "mod wire;");
    let files = sources(&[
        lib,
        wire,
        ("src/provider.rs", text),
        ("src/tf_provider/wire/mod.rs", text),
    ]);
    assert_eq!(
        wrong_crates(&Modules::of(&files)),
        ["src/provider.rs:1: only tf_provider/wire/ may name tonic"]
    );
}

#[test]
fn the_domain_is_not_async() {
    let files = OURS.files_with_async();
    assert!(files.contains("src/remote/host.rs"));
    let wrong: Vec<&str> = files
        .into_iter()
        .filter(|file| {
            DOMAIN
                .iter()
                .any(|module| file.starts_with(&format!("src/{module}/")))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
