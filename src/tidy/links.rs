//! Links in the documents.
use std::fs;

use super::sources::root;

/// Links between the files of the repository, and to headings of the same page.
#[test]
fn links_lead_somewhere() {
    let mut files = vec![
        "README.md".to_owned(),
        "ARCHITECTURE.md".into(),
        "CONTRIBUTING.md".into(),
        "CHANGELOG.md".into(),
    ];
    for folder in ["docs", "docs/resources", "docs/guides"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                files.push(path.strip_prefix(root()).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    let mut broken = Vec::new();
    for file in files {
        let text = fs::read_to_string(root().join(&file)).unwrap();
        let folder = root().join(&file).parent().unwrap().to_owned();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let is_good = match target.strip_prefix('#') {
                Some(anchor) => {
                    text.contains(&format!("<a id=\"{anchor}\">"))
                        || headings(&text).any(|have| have == anchor)
                }
                None => {
                    target.starts_with("https://") || folder.join(target.split('#').next().unwrap()).exists()
                }
            };
            if !is_good {
                broken.push(format!("{file}: {target}"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Anchors as GitHub and the Registry make them of headings.
fn headings(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter(|line| line.starts_with('#')).map(|line| {
        line.trim_start_matches('#')
            .trim()
            .to_lowercase()
            .chars()
            .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter))
            .map(|letter| if letter == ' ' { '-' } else { letter })
            .collect()
    })
}
