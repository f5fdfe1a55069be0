//! The repository's Rust files.
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Text by path from the repository's root.
pub(super) type Sources = BTreeMap<String, String>;

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Sources written into a test.
pub(super) fn sources(files: &[(&str, &str)]) -> Sources {
    files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect()
}

/// Every Rust file of the repository.
pub(super) fn all_files() -> Sources {
    let mut files = ["src", "acceptance/src", "acceptance/tests"]
        .map(rust_files)
        .concat();
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
    files
}
