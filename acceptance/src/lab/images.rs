//! Which images a lab has, and what each is made of.
use std::path::PathBuf;

use anyhow::{Context as _, Result};

/// Kubernetes' programs that become images.
pub const IMAGE_PROGRAMS: [&str; 4] = [
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
];

/// The programs that become images.
#[derive(Debug)]
pub struct ImageFiles {
    /// Kubernetes' own.
    pub kubernetes: PathBuf,
    /// The server's program.
    pub etcd: PathBuf,
    /// Its client.
    pub etcdctl: PathBuf,
    /// The DNS server.
    pub coredns: PathBuf,
    /// The pod sandbox's process.
    pub pause: PathBuf,
}

/// Tags of the images whose version is not Kubernetes' own, as kubeadm spells them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageTags {
    /// E.g. `3.7.0-0`.
    pub etcd: String,
    /// E.g. `v1.14.6`.
    pub coredns: String,
    /// E.g. `3.10.2`.
    pub pause: String,
}

/// An image: layers, lowest first, and what it runs.
#[derive(Debug)]
pub struct Image {
    /// Name with registry and tag.
    pub reference: String,
    /// Lowest first.
    pub layers: Vec<Layer>,
    /// The command that arguments are added to.
    pub entrypoint: Vec<String>,
    /// What runs without arguments; arguments take its place.
    pub cmd: Vec<String>,
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The nodes' root file system without what only nodes need.
    Base,
    /// Single files: where from, and the path in the image, without leading slash.
    Files(Vec<(PathBuf, String)>),
}

impl ImageTags {
    /// Reads the output of `kubeadm config images list`.
    pub fn parse(list: &str) -> Result<Self> {
        let tag = |name: &str| {
            let mut tags = list.lines().filter_map(|line| line.trim().rsplit_once(':'));
            let found = tags.find(|(image, _)| image.rsplit('/').next() == Some(name));
            found
                .map(|(_, tag)| tag.to_owned())
                .with_context(|| format!("kubeadm's image list names no {name}:\n{list}"))
        };
        Ok(Self {
            etcd: tag("etcd")?,
            coredns: tag("coredns")?,
            pause: tag("pause")?,
        })
    }

    /// The tag without the build number.
    pub fn etcd_version(&self) -> &str {
        self.etcd.split('-').next().unwrap_or_default()
    }

    /// The tag without `v`.
    pub fn coredns_version(&self) -> &str {
        self.coredns.trim_start_matches('v')
    }

    /// The image of the pods' sandbox, which containerd has to know.
    pub fn pause_reference(&self) -> String {
        format!("registry.k8s.io/pause:{}", self.pause)
    }
}

/// All images: kubeadm's for this release, the load balancers' and `lab-tools` for tests.
pub fn all(version: &str, tags: &ImageTags, files: &ImageFiles) -> Vec<Image> {
    let program = |source: PathBuf, target: &str| (source, target.to_owned());
    let image = |reference: String, layers: Vec<Layer>| Image {
        reference,
        layers,
        entrypoint: vec![],
        cmd: vec![],
    };
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let mut images: Vec<Image> = IMAGE_PROGRAMS
        .iter()
        .map(|name| {
            let layer = Layer::Files(vec![program(
                files.kubernetes.join(name),
                &format!("usr/local/bin/{name}"),
            )]);
            // kube-proxy calls iptables, ipset and conntrack.
            let layers = if *name == "kube-proxy" {
                vec![Layer::Base, layer]
            } else {
                vec![layer]
            };
            image(format!("registry.k8s.io/{name}:v{version}"), layers)
        })
        .collect();
    let etcd = vec![
        program(files.etcd.clone(), "usr/local/bin/etcd"),
        program(files.etcdctl.clone(), "usr/local/bin/etcdctl"),
    ];
    images.push(image(
        format!("registry.k8s.io/etcd:{}", tags.etcd),
        vec![Layer::Base, Layer::Files(etcd)],
    ));
    let coredns = Layer::Files(vec![program(files.coredns.clone(), "coredns")]);
    let reference = format!("registry.k8s.io/coredns/coredns:{}", tags.coredns);
    images.push(Image {
        entrypoint: words("/coredns"),
        ..image(reference, vec![Layer::Base, coredns])
    });
    let pause = Layer::Files(vec![program(files.pause.clone(), "pause")]);
    images.push(Image {
        entrypoint: words("/pause"),
        ..image(tags.pause_reference(), vec![pause])
    });
    for (name, cmd) in [
        ("haproxy", "haproxy -f /usr/local/etc/haproxy/haproxy.cfg"),
        ("keepalived", "keepalived --dont-fork --log-console"),
        ("lab-tools", "sleep infinity"),
    ] {
        let reference = format!("docker.io/library/{name}:lab");
        images.push(Image {
            cmd: words(cmd),
            ..image(reference, vec![Layer::Base])
        });
    }
    images
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "registry.k8s.io/kube-apiserver:v1.37.2\nregistry.k8s.io/coredns/coredns:v1.14.6\n\
        registry.k8s.io/pause:3.10.2\nregistry.k8s.io/etcd:3.7.0-0\n";

    #[test]
    fn tags_come_from_kubeadms_list() {
        let tags = ImageTags::parse(LIST).unwrap();
        assert_eq!(
            tags,
            ImageTags {
                etcd: "3.7.0-0".into(),
                coredns: "v1.14.6".into(),
                pause: "3.10.2".into()
            }
        );
        assert_eq!((tags.etcd_version(), tags.coredns_version()), ("3.7.0", "1.14.6"));
    }

    #[test]
    fn a_list_without_etcd_is_an_error() {
        let text = ImageTags::parse(&LIST.replace("etcd", "etc"))
            .unwrap_err()
            .to_string();
        assert!(text.contains("names no etcd"), "{text}");
    }

    #[test]
    fn every_image_that_kubeadm_lists_is_made() {
        let files = ImageFiles {
            kubernetes: "k".into(),
            etcd: "e".into(),
            etcdctl: "c".into(),
            coredns: "d".into(),
            pause: "p".into(),
        };
        let images = all("1.37.2", &ImageTags::parse(LIST).unwrap(), &files);
        let references: Vec<&str> = images.iter().map(|image| image.reference.as_str()).collect();
        for line in LIST.lines() {
            assert!(references.contains(&line), "{line}");
        }
        assert_eq!(references.len(), 10);
        let pause = images
            .iter()
            .find(|image| image.reference.contains("pause"))
            .unwrap();
        assert_eq!(pause.layers, [Layer::Files(vec![("p".into(), "pause".into())])]);
    }
}
