//! Which file imports which: the modules of all crates of the repository, and where a path in one of them leads.
//!
//! A name that a `mod.rs` hands on (`pub use step::Run`) leads to the file that has it. Handing on what lies in the
//! module's own folder is no import, or each facade would form a circle with its rooms.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use super::{
    paths::{self, Mention, Written},
    sources::{Sources, all_files, sources},
};

/// The repository's modules, read once for all tests.
pub(super) static OURS: LazyLock<Modules> = LazyLock::new(|| Modules::of(&all_files()));

/// The crates: the name that others know each by, and its first file.
const CRATES: [(&str, &str); 7] = [
    ("terraform_provider_ha", "src/lib.rs"),
    ("main", "src/main.rs"),
    ("acceptance", "acceptance/src/lib.rs"),
    ("lab", "acceptance/src/main.rs"),
    ("bench", "acceptance/src/bin/bench/main.rs"),
    ("chaos", "acceptance/src/bin/chaos/main.rs"),
    ("tests", "acceptance/tests/main.rs"),
];

/// One file's use of another.
#[derive(Clone, Debug)]
pub(super) struct Import {
    pub(super) from: String,
    pub(super) line: usize,
    pub(super) to: String,
    /// It stands under `#[cfg(test)]` in a file that is not all test.
    pub(super) in_tests_only: bool,
}

/// Where a file stands among layers and rooms: `lifecycle`, `steps`, `leave`; acceptance is a layer by itself.
pub(super) fn place(file: &str) -> Vec<String> {
    let inner = match file.strip_prefix("src/") {
        Some(inner) => inner.to_owned(),
        None => file.replacen("acceptance/src/", "acceptance/", 1),
    };
    inner
        .trim_end_matches(".rs")
        .split('/')
        .map(str::to_owned)
        .collect()
}

struct Module {
    file: String,
    for_tests: bool,
    written: Written,
}

/// All modules, by their path from their crate's name on.
pub(super) struct Modules(BTreeMap<Vec<String>, Module>);

impl Modules {
    pub(super) fn of(sources: &Sources) -> Self {
        let mut modules = Self(BTreeMap::new());
        for (name, file) in CRATES {
            if let Some(text) = sources.get(file) {
                let folder = file.rsplit_once('/').unwrap().0;
                let written = paths::read(text).unwrap_or_else(|error| panic!("{file}: {error}"));
                modules.add(sources, vec![name.to_owned()], folder, file, false, written);
            }
        }
        modules
    }

    fn add(
        &mut self,
        sources: &Sources,
        path: Vec<String>,
        folder: &str,
        file: &str,
        for_tests: bool,
        mut written: Written,
    ) {
        for child in &mut written.children {
            let inner = [path.clone(), vec![child.name.clone()]].concat();
            let for_tests = for_tests || child.for_tests;
            let folder_of_child = format!("{folder}/{}", child.name);
            if let Some(written) = child.inline.take() {
                self.add(sources, inner, &folder_of_child, file, for_tests, written);
                continue;
            }
            let file = [
                format!("{folder_of_child}.rs"),
                format!("{folder_of_child}/mod.rs"),
            ]
            .into_iter()
            .find(|file| sources.contains_key(file))
            .unwrap_or_else(|| panic!("{file}: no file for mod {}", child.name));
            let written = paths::read(&sources[&file]).unwrap_or_else(|error| panic!("{file}: {error}"));
            self.add(sources, inner, &folder_of_child, &file, for_tests, written);
        }
        self.0.insert(
            path,
            Module {
                file: file.to_owned(),
                for_tests,
                written,
            },
        );
    }

    /// Every path that a file names, with whether it is a test's.
    pub(super) fn mentions(&self) -> impl Iterator<Item = (&str, &Mention, bool)> {
        self.0.values().flat_map(|module| {
            let mentions = module.written.mentions.iter();
            mentions.map(|mention| {
                let for_tests = module.for_tests || mention.for_tests;
                (module.file.as_str(), mention, for_tests)
            })
        })
    }

    pub(super) fn files_with_async(&self) -> BTreeSet<&str> {
        let modules = self.0.values();
        modules
            .filter(|module| module.written.has_async)
            .map(|module| module.file.as_str())
            .collect()
    }

    /// Files that are compiled for tests only.
    pub(super) fn test_files(&self) -> BTreeSet<&str> {
        let files = |for_tests: bool| {
            let modules = self.0.values();
            modules
                .filter(move |module| module.for_tests == for_tests)
                .map(|module| module.file.as_str())
        };
        let others: BTreeSet<&str> = files(false).collect();
        files(true).filter(|file| !others.contains(file)).collect()
    }

    pub(super) fn imports(&self) -> Vec<Import> {
        let test_files = self.test_files();
        let mut found = Vec::new();
        for (path, module) in &self.0 {
            for mention in &module.written.mentions {
                let Some(target) = self.absolute(path, &mention.path) else {
                    continue;
                };
                let Some(to) = self.file_of(&target, 0) else {
                    continue;
                };
                if to == module.file || (mention.handed_on && is_below(to, &module.file)) {
                    continue;
                }
                let in_tests = module.for_tests || mention.for_tests;
                found.push(Import {
                    from: module.file.clone(),
                    line: mention.line,
                    to: to.to_owned(),
                    in_tests_only: in_tests && !test_files.contains(module.file.as_str()),
                });
            }
        }
        found
    }

    /// A path as written in a module, from its crate's name on; none if it leads out of the repository.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        let mut base = match first.as_str() {
            "crate" => module[..1].to_vec(),
            "self" => module.to_vec(),
            "super" => module[..module.len() - 1].to_vec(),
            name => {
                let inner = [module.to_vec(), vec![name.to_owned()]].concat();
                let is_here = self.0.contains_key(&inner)
                    || self
                        .0
                        .get(module)
                        .is_some_and(|module| module.written.names.get(name).is_some_and(|to| to != path));
                if is_here {
                    inner
                } else if self.0.contains_key(&path[..1]) && name != module[0] {
                    vec![name.to_owned()]
                } else {
                    return None;
                }
            }
        };
        for word in rest {
            if word == "super" {
                base.pop();
            } else {
                base.push(word.clone());
            }
        }
        Some(base)
    }

    /// The file that has what stands at the end of a path; names that are handed on are followed.
    fn file_of(&self, path: &[String], followed: usize) -> Option<&str> {
        let depth = (1..=path.len())
            .take_while(|depth| self.0.contains_key(&path[..*depth]))
            .last()?;
        let (inside, rest) = path.split_at(depth);
        let module = &self.0[inside];
        let Some((name, rest)) = rest.split_first() else {
            return Some(&module.file);
        };
        if followed > 8 || module.written.items.contains(name) {
            return Some(&module.file);
        }
        if let Some(meant) = module.written.names.get(name) {
            let target = self.absolute(inside, meant)?;
            return self.file_of(&[target, rest.to_vec()].concat(), followed + 1);
        }
        let glob = module.written.globs.iter().find_map(|glob| {
            let target = self.absolute(inside, glob)?;
            let written = &self.0.get(&target)?.written;
            let has = written.items.contains(name) || written.names.contains_key(name);
            has.then(|| [target, vec![name.clone()], rest.to_vec()].concat())
        });
        match glob {
            Some(target) => self.file_of(&target, followed + 1),
            None => Some(&module.file),
        }
    }
}

/// Whether a file lies in the folder that another is the facade of.
fn is_below(file: &str, facade: &str) -> bool {
    ["mod.rs", "lib.rs", "main.rs"]
        .iter()
        .filter_map(|name| facade.strip_suffix(name))
        .any(|folder| file.starts_with(folder))
}

#[test]
fn a_path_leads_to_the_file_that_has_the_name() {
    let files = sources(&[
        ("src/lib.rs", "mod a; mod b; mod c;"),
        ("src/main.rs", "use terraform_provider_ha::a::Inner;"),
        (
            "src/a/mod.rs",
            "mod inner; mod other; pub use inner::*; pub use other::Other; pub struct Own;",
        ),
        ("src/a/inner.rs", "pub struct Inner;"),
        (
            "src/a/other.rs",
            "use super::Inner;\n#[cfg(test)]\nmod tests { use super::super::Own; }\npub struct Other;",
        ),
        ("src/b.rs", "use crate::a::{Inner, Other, Own, inner};"),
        ("src/c.rs", "use crate::a; fn f() { a::Other::new() }"),
    ]);
    let imports = Modules::of(&files).imports();
    let shown: BTreeSet<String> = imports
        .iter()
        .map(|import| {
            let note = if import.in_tests_only { " in tests" } else { "" };
            format!("{} {}{note}", import.from, import.to)
        })
        .collect();
    assert_eq!(
        shown.into_iter().collect::<Vec<_>>(),
        [
            "src/a/other.rs src/a/inner.rs",
            "src/a/other.rs src/a/mod.rs in tests",
            "src/b.rs src/a/inner.rs",
            "src/b.rs src/a/mod.rs",
            "src/b.rs src/a/other.rs",
            "src/c.rs src/a/mod.rs",
            "src/c.rs src/a/other.rs",
            "src/main.rs src/a/inner.rs",
        ]
    );
}
