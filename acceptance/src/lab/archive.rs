//! Writes images as one docker-archive: layers, configurations and a manifest in a tar, as `ctr images import` reads it.
use std::collections::HashMap;
use std::env::consts::ARCH;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::json;
use tar::{Builder, EntryType, Header};

use super::digest::{self, Summing};
use super::images::{Image, Layer};

/// Changes when the same images would be written differently.
pub const FORMAT: &str = "1";

/// Below the root file system: what nodes need and images do not.
const LEFT_OUT: [&str; 19] = [
    "boot",
    "dev",
    "proc",
    "root/.ssh",
    "run",
    "sys",
    "tmp",
    "usr/bin/containerd",
    "usr/bin/ctr",
    "usr/lib/cni",
    "usr/lib/systemd",
    "usr/lib/udev",
    "usr/sbin/runc",
    "usr/share/doc",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/man",
    "usr/share/zoneinfo",
    "var/cache",
];

/// Writes `archive`; `base` is the root file system that stands for [`Layer::Base`].
pub fn write(archive: &Path, base: &Path, images: &[Image]) -> Result<()> {
    let mut tar = Builder::new(BufWriter::new(File::create(archive)?));
    let mut known: HashMap<String, String> = HashMap::new();
    let mut manifest = Vec::new();
    for image in images {
        let (mut digests, mut names) = (Vec::new(), Vec::new());
        for layer in &image.layers {
            let key = format!("{layer:?}");
            let digest = if let Some(digest) = known.get(&key) {
                digest.clone()
            } else {
                let digest = add_layer(&mut tar, &archive.with_extension("layer"), base, layer)?;
                known.insert(key, digest.clone());
                digest
            };
            names.push(format!("{digest}.tar"));
            digests.push(format!("sha256:{digest}"));
        }
        let config = serde_json::to_vec(&configuration(image, &digests))?;
        let name = format!("{}.json", digest::of_bytes(&config));
        add_file(&mut tar, &name, &config)?;
        manifest.push(json!({"Config": name, "RepoTags": [image.reference], "Layers": names}));
    }
    add_file(&mut tar, "manifest.json", &serde_json::to_vec(&manifest)?)?;
    tar.into_inner()?
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_all()?;
    Ok(())
}

fn configuration(image: &Image, digests: &[String]) -> serde_json::Value {
    let architecture = match ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let history: Vec<_> = digests.iter().map(|_| json!({"created_by": "lab"})).collect();
    json!({
        "architecture": architecture,
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": digests},
        "history": history,
        "config": {
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "Entrypoint": image.entrypoint,
            "Cmd": image.cmd,
        },
    })
}

/// Adds a layer under its digest, which is known only when it is written: so it goes through a file of its own.
fn add_layer(tar: &mut Builder<impl Write>, scratch: &Path, base: &Path, layer: &Layer) -> Result<String> {
    let mut layer_tar = Builder::new(Summing::new(BufWriter::new(File::create(scratch)?)));
    layer_tar.follow_symlinks(false);
    match layer {
        Layer::Base => add_tree(&mut layer_tar, base, "")?,
        Layer::Files(files) => add_programs(&mut layer_tar, files)?,
    }
    let (digest, _) = layer_tar.into_inner()?.finish()?;
    tar.append_path_with_name(scratch, format!("{digest}.tar"))?;
    fs::remove_file(scratch)?;
    Ok(digest)
}

fn add_tree(tar: &mut Builder<impl Write>, root: &Path, folder: &str) -> Result<()> {
    let mut names: Vec<_> = fs::read_dir(root.join(folder))?.collect::<io::Result<_>>()?;
    names.sort_by_key(fs::DirEntry::file_name);
    for entry in names {
        let name = entry.file_name();
        let path = Path::new(folder).join(&name);
        let text = path
            .to_str()
            .with_context(|| format!("{} is not UTF-8", path.display()))?;
        let kind = entry.file_type()?;
        let left_out = LEFT_OUT.contains(&text);
        if !(kind.is_dir() || (kind.is_file() || kind.is_symlink()) && !left_out) {
            continue;
        }
        tar.append_path_with_name(entry.path(), &path)
            .with_context(|| format!("cannot add {text}"))?;
        // A folder that is left out stays as an empty one: it may be a mount point.
        if kind.is_dir() && !left_out {
            add_tree(tar, root, text)?;
        }
    }
    Ok(())
}

fn add_programs(tar: &mut Builder<impl Write>, files: &[(std::path::PathBuf, String)]) -> Result<()> {
    let mut folders: Vec<&Path> = files
        .iter()
        .flat_map(|(_, target)| Path::new(target).ancestors().skip(1))
        .collect();
    folders.sort_unstable();
    folders.dedup();
    for folder in folders
        .into_iter()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Directory);
        header.set_mode(0o755);
        header.set_size(0);
        tar.append_data(&mut header, folder, io::empty())?;
    }
    for (source, target) in files {
        let mut file = File::open(source).with_context(|| format!("cannot read {}", source.display()))?;
        let mut header = Header::new_gnu();
        header.set_mode(0o755);
        header.set_size(file.metadata()?.len());
        tar.append_data(&mut header, target, &mut file)?;
    }
    Ok(())
}

fn add_file(tar: &mut Builder<impl Write>, name: &str, data: &[u8]) -> Result<()> {
    let mut header = Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(data.len() as u64);
    Ok(tar.append_data(&mut header, name, data)?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read as _;

    use super::*;

    fn contents(tar: impl io::Read) -> BTreeMap<String, Vec<u8>> {
        let mut archive = tar::Archive::new(tar);
        let mut files = BTreeMap::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().to_str().unwrap().to_owned();
            let mut data = Vec::new();
            entry.read_to_end(&mut data).unwrap();
            files.insert(name, data);
        }
        files
    }

    #[test]
    fn archives_hold_each_layer_once_under_its_digest() {
        let place = tempfile::tempdir().unwrap();
        let base = place.path().join("base");
        for folder in ["dev", "usr/bin", "usr/share/doc/x"] {
            fs::create_dir_all(base.join(folder)).unwrap();
        }
        fs::write(base.join("usr/bin/sh"), "shell").unwrap();
        fs::write(base.join("usr/bin/containerd"), "large").unwrap();
        std::os::unix::fs::symlink("usr/bin", base.join("bin")).unwrap();
        fs::write(place.path().join("etcd"), "program").unwrap();
        let files = Layer::Files(vec![(place.path().join("etcd"), "usr/local/bin/etcd".into())]);
        let image = |name: &str, layers| Image {
            reference: name.into(),
            layers,
            entrypoint: vec!["/etcd".into()],
            cmd: vec![],
        };
        let archive = place.path().join("images.tar");
        write(
            &archive,
            &base,
            &[
                image("a:1", vec![Layer::Base]),
                image("b:1", vec![Layer::Base, files]),
            ],
        )
        .unwrap();

        let all = contents(File::open(&archive).unwrap());
        assert_eq!(
            all.len(),
            5,
            "two layers, two configurations, one manifest: {:?}",
            all.keys()
        );
        let manifest: serde_json::Value = serde_json::from_slice(&all["manifest.json"]).unwrap();
        assert_eq!(manifest[1]["RepoTags"][0], "b:1");
        assert_eq!(manifest[0]["Layers"][0], manifest[1]["Layers"][0]);
        let config: serde_json::Value =
            serde_json::from_slice(&all[manifest[1]["Config"].as_str().unwrap()]).unwrap();
        for (name, diff_id) in [0, 1].map(|n| (&manifest[1]["Layers"][n], &config["rootfs"]["diff_ids"][n])) {
            let digest = digest::of_bytes(&all[name.as_str().unwrap()]);
            assert_eq!(diff_id.as_str().unwrap(), format!("sha256:{digest}"));
        }
        let layer = contents(&all[manifest[0]["Layers"][0].as_str().unwrap()][..]);
        let names: Vec<&str> = layer.keys().map(|name| name.trim_end_matches('/')).collect();
        assert_eq!(
            names,
            [
                "bin",
                "dev",
                "usr",
                "usr/bin",
                "usr/bin/sh",
                "usr/share",
                "usr/share/doc"
            ]
        );
        let programs = contents(&all[manifest[1]["Layers"][1].as_str().unwrap()][..]);
        assert_eq!(programs["usr/local/bin/etcd"], b"program");
        assert!(programs.contains_key("usr/local"), "{:?}", programs.keys());
    }
}
