//! Programs built from published Go modules, each by a small module of our own around it: a published module's own
//! `replace` lines do not count for others, and Kubernetes' point at folders that its module does not contain.
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::cache::{self, Cache};
use super::{program, progress, requirements};

/// What to build.
#[derive(Debug)]
pub struct GoBuild {
    /// Module path with version; its `go` line becomes ours.
    pub module: (String, String),
    /// Further modules that packages come from.
    pub further_modules: Vec<(String, String)>,
    /// Package paths of the programs.
    pub packages: Vec<String>,
    /// Version of the modules that the module expects in its own `staging` folder, if it has such.
    pub staging_version: Option<String>,
    /// For the linker, besides `-s -w`.
    pub linker_flags: String,
    /// A toolchain other than the installed one, e.g. `go1.22.12`.
    pub toolchain: Option<&'static str>,
}

#[derive(Deserialize)]
struct Download {
    #[serde(rename = "GoMod")]
    go_mod: String,
}

impl GoBuild {
    /// Builds into `folder`; `title` is for people and names the log.
    pub fn run(&self, cache: &Cache, title: &str, folder: &Path) -> Result<()> {
        requirements::go()?;
        let log = cache.log(&title.replace(' ', "-"))?;
        let work = folder.join("work");
        fs::create_dir(&work)?;
        progress::step(&format!("building {title} from its Go module"), || {
            let (module, version) = &self.module;
            let download = format!("{module}@{version}");
            let answer = program::run(self.go(&work).args(["mod", "download", "-json", &download]))?;
            let answer: Download =
                serde_json::from_str(&answer).context("go mod download answers no JSON")?;
            fs::write(
                work.join("go.mod"),
                self.go_mod(&fs::read_to_string(answer.go_mod)?)?,
            )?;
            fs::write(work.join("programs.go"), self.imports())?;
            // -e: test dependencies of dependencies may be unreachable and are not needed.
            program::run_long(
                &format!("{title}, modules"),
                &log,
                self.go(&work).args(["mod", "tidy", "-e"]),
            )?;
            let flags = format!("-s -w {}", self.linker_flags);
            let mut build = self.go(&work);
            build
                .args([
                    "build",
                    "-v",
                    "-mod=mod",
                    "-trimpath",
                    "-ldflags",
                    flags.trim(),
                    "-o",
                ])
                .arg(folder);
            program::run_long(&format!("{title}, compiling"), &log, build.args(&self.packages))
        })?;
        cache::remove(&work)
    }

    fn go(&self, work: &Path) -> Command {
        let mut go = program::contained("go");
        go.current_dir(work)
            .env("CGO_ENABLED", "0")
            .env("GOWORK", "off")
            .env("GOFLAGS", "-buildvcs=false");
        if let Some(toolchain) = self.toolchain {
            go.env("GOTOOLCHAIN", toolchain);
        }
        go
    }

    fn go_mod(&self, upstream: &str) -> Result<String> {
        let Some(go) = upstream.lines().find(|line| line.starts_with("go ")) else {
            bail!("the go.mod of {} has no go line", self.module.0);
        };
        let mut text = format!("module lab/programs\n\n{go}\n\n");
        for (module, version) in std::iter::once(&self.module).chain(&self.further_modules) {
            writeln!(text, "require {module} {version}")?;
        }
        if let Some(version) = &self.staging_version {
            for module in staging_modules(upstream) {
                writeln!(text, "replace {module} => {module} {version}")?;
            }
        }
        Ok(text)
    }

    fn imports(&self) -> String {
        let imports: Vec<String> = self
            .packages
            .iter()
            .map(|package| format!("\t_ {package:?}"))
            .collect();
        format!(
            "//go:build programs\n\npackage programs\n\nimport (\n{}\n)\n",
            imports.join("\n")
        )
    }
}

/// The modules for which a go.mod names a folder below `./staging` or the placeholder version of such modules.
fn staging_modules(go_mod: &str) -> Vec<&str> {
    let mut modules: Vec<&str> = go_mod
        .lines()
        .filter_map(|line| {
            let mut words = line
                .split_whitespace()
                .skip_while(|word| matches!(*word, "require" | "replace"));
            let (module, next) = (words.next()?, words.next()?);
            let staged = next == "v0.0.0" || (next == "=>" && words.next()?.starts_with("./staging/"));
            staged.then_some(module)
        })
        .collect();
    modules.sort_unstable();
    modules.dedup();
    modules
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPSTREAM: &str = "module k8s.io/kubernetes\n\ngo 1.26.0\n\ngodebug default=go1.26\n\nrequire (\n\
        \tgithub.com/x/y v0.0.0-20200101\n\tk8s.io/api v0.0.0\n\tk8s.io/utils v0.1.0 // indirect\n)\n\n\
        replace (\n\tk8s.io/api => ./staging/src/k8s.io/api\n\tk8s.io/kubelet => ./staging/src/k8s.io/kubelet\n)\n";

    fn build() -> GoBuild {
        GoBuild {
            module: ("k8s.io/kubernetes".into(), "v1.37.2".into()),
            further_modules: vec![],
            packages: vec!["k8s.io/kubernetes/cmd/kubeadm".into()],
            staging_version: Some("v0.37.2".into()),
            linker_flags: String::new(),
            toolchain: None,
        }
    }

    #[test]
    fn staging_modules_get_published_versions() {
        assert_eq!(staging_modules(UPSTREAM), ["k8s.io/api", "k8s.io/kubelet"]);
        assert_eq!(
            build().go_mod(UPSTREAM).unwrap(),
            "module lab/programs\n\ngo 1.26.0\n\nrequire k8s.io/kubernetes v1.37.2\n\
             replace k8s.io/api => k8s.io/api v0.37.2\nreplace k8s.io/kubelet => k8s.io/kubelet v0.37.2\n"
        );
    }

    #[test]
    fn packages_are_imported_for_tidy_only() {
        let imports = build().imports();
        assert!(
            imports.starts_with("//go:build programs\n")
                && imports.contains("\t_ \"k8s.io/kubernetes/cmd/kubeadm\"\n")
        );
    }

    #[test]
    fn a_go_mod_without_go_line_is_an_error() {
        assert!(build().go_mod("module x\n").is_err());
    }
}
