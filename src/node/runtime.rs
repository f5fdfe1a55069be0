//! Container runtimes on a host: which sockets lie there, and on which of them somebody listens.
use std::collections::{BTreeMap, BTreeSet};

use super::{Answers, Query};

/// Sockets of container runtimes that are looked for, in kubeadm's order.
pub const CRI_SOCKETS: &[&str] = &[
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/cri-dockerd.sock",
];

const CONTAINERD: &str = "/run/containerd/containerd.sock";

/// CRI among containerd's plugins: of its own names, and as its first configuration had it.
const CRI_PLUGINS: [&str; 4] = [
    "\"cri\"",
    "'cri'",
    "io.containerd.grpc.v1.cri",
    "io.containerd.cri.v1",
];

/// What was seen of container runtimes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runtimes {
    /// Which of [`CRI_SOCKETS`] lie there, with or without somebody behind them.
    pub files: BTreeSet<String>,
    /// Paths on which something listens (`/proc/net/unix`); none where the kernel does not tell.
    pub listening: Option<BTreeSet<String>>,
    /// Links to sockets below `/run`, and where they lead.
    pub links: BTreeMap<String, String>,
    /// `disabled_plugins` of `/etc/containerd/config.toml` has CRI, as Docker's package of containerd has it.
    pub is_cri_disabled: bool,
}

/// What is known of one socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Socket {
    /// Somebody listens, or nothing speaks against it.
    Live,
    /// A file that nobody listens on.
    Dead,
    /// Nobody listens there.
    Missing,
}

/// Adds the questions that [`Runtimes::parse`] needs.
pub(super) fn sections(query: Query) -> Query {
    let sockets = CRI_SOCKETS.join(" ");
    query
        .section(
            "runtimes",
            format!(
                "for s in {sockets}; do [ -S $s ] && echo file $s; done\n\
                 for l in /run/*.sock /run/*/*.sock; do [ -L $l ] && echo link $l $(readlink -f $l); done\n\
                 {}; :",
                disabled_plugins_command("/etc/containerd/config.toml")
            ),
        )
        // Num, RefCount, Protocol, Flags (00010000: __SO_ACCEPTCON), Type, St, Inode, Path. containerd's shims have one each.
        .section(
            "unix",
            r"sed -n 's/^[^ ]* [^ ]* [^ ]* 00010000 [^ ]* [^ ]* *[0-9]* \//\//p' /proc/net/unix | grep -v '^/run/containerd/s/'; test -r /proc/net/unix",
        )
}

/// Prints the array `disabled_plugins` without comments. A range of sed's would look for its end from the next line on.
fn disabled_plugins_command(file: &str) -> String {
    format!("sed -n '/^[[:space:]]*disabled_plugins/{{\n:a\ns/#.*//\n/]/!{{\nN\nba\n}}\np\nq\n}}' {file}")
}

/// A socket's path: without `unix://`, and below `/run`, where `/var/run` leads.
pub fn socket_path(socket: &str) -> String {
    let path = socket.strip_prefix("unix://").unwrap_or(socket);
    path.strip_prefix("/var/run/")
        .map_or_else(|| path.to_owned(), |rest| format!("/run/{rest}"))
}

impl Runtimes {
    /// Reads the answers.
    pub(super) fn parse(answers: &Answers) -> Self {
        let text = answers.text("runtimes").unwrap_or_default();
        let listening = answers
            .text("unix")
            .map(|text| text.lines().map(socket_path).collect());
        let mut seen = Self {
            listening,
            ..Self::default()
        };
        for line in text.lines() {
            let mut words = line.splitn(3, ' ');
            match (words.next(), words.next(), words.next()) {
                (Some("file"), Some(path), None) => drop(seen.files.insert(socket_path(path))),
                (Some("link"), Some(link), Some(target)) => {
                    seen.links.insert(socket_path(link), socket_path(target));
                }
                _ => seen.is_cri_disabled |= CRI_PLUGINS.iter().any(|name| line.contains(name)),
            }
        }
        seen
    }

    /// What is known of a socket, given as kubeadm takes it: a path, with or without `unix://`.
    pub fn socket(&self, socket: &str) -> Socket {
        let path = socket_path(socket);
        let path = self.links.get(&path).unwrap_or(&path);
        let is_file = self.files.contains(path);
        let is_looked_for = CRI_SOCKETS.contains(&path.as_str());
        match &self.listening {
            Some(listening) if listening.contains(path) => Socket::Live,
            // An abstract address, or something that is no path.
            _ if !path.starts_with('/') => Socket::Live,
            Some(_) if is_file => Socket::Dead,
            None if is_file || !is_looked_for => Socket::Live,
            _ => Socket::Missing,
        }
    }

    /// Those of [`CRI_SOCKETS`] behind which somebody is, as `unix://` addresses.
    pub fn live(&self) -> Vec<String> {
        let live = CRI_SOCKETS
            .iter()
            .filter(|path| self.socket(path) == Socket::Live);
        live.map(|path| format!("unix://{path}")).collect()
    }

    /// Whether this is containerd's socket, and its CRI is turned off.
    pub fn lacks_cri(&self, socket: &str) -> bool {
        self.is_cri_disabled && socket_path(socket) == CONTAINERD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtimes(unix: (i32, &str), files: &str, plugins: &str) -> Runtimes {
        let files: String = files
            .lines()
            .map(|file| format!("file {file}\n"))
            .collect::<Vec<_>>()
            .concat();
        let text = files + "link /run/link.sock /run/crio/crio.sock\n" + plugins;
        Runtimes::parse(&Answers::from_sections([
            ("runtimes", 0, text.as_str()),
            ("unix", unix.0, unix.1),
        ]))
    }

    #[test]
    fn a_socket_is_live_where_somebody_listens() {
        let files = "/run/containerd/containerd.sock\n/run/crio/crio.sock\n";
        let seen = runtimes((0, "/var/run/crio/crio.sock\n/run/other.sock\n"), files, "");
        for (socket, state) in [
            ("unix:///run/crio/crio.sock", Socket::Live),
            ("/var/run/crio/crio.sock", Socket::Live),
            ("unix:///var/run/crio/crio.sock", Socket::Live),
            ("unix:///run/link.sock", Socket::Live),
            ("/run/other.sock", Socket::Live),
            ("unix:///run/containerd/containerd.sock", Socket::Dead),
            ("/run/cri-dockerd.sock", Socket::Missing),
            ("/run/third.sock", Socket::Missing),
        ] {
            assert_eq!(seen.socket(socket), state, "{socket}");
        }
        assert_eq!(seen.live(), ["unix:///run/crio/crio.sock"]);
    }

    #[test]
    fn where_the_kernel_does_not_tell_the_file_counts() {
        let seen = runtimes((1, ""), "/run/crio/crio.sock\n", "");
        assert_eq!(seen.live(), ["unix:///run/crio/crio.sock"]);
        assert_eq!(seen.socket("/run/third.sock"), Socket::Live);
        assert_eq!(seen.socket("/run/cri-dockerd.sock"), Socket::Missing);
    }

    #[test]
    fn containerd_without_cri_is_known() {
        for (plugins, lacks) in [
            ("disabled_plugins = [\"cri\"]\n", true),
            ("disabled_plugins = [\n  'cri',\n]\n", true),
            ("disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n", true),
            (
                "disabled_plugins = [\"io.containerd.snapshotter.v1.zfs\"]\n",
                false,
            ),
            ("", false),
        ] {
            let seen = runtimes((0, ""), "", plugins);
            assert_eq!(
                seen.lacks_cri("unix:///run/containerd/containerd.sock"),
                lacks,
                "{plugins}"
            );
            assert!(!seen.lacks_cri("unix:///run/crio/crio.sock"));
        }
    }

    #[test]
    fn only_the_array_itself_is_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let lacks = |text: &str| {
            std::fs::write(file.path(), text).unwrap();
            let output = std::process::Command::new("sh")
                .args(["-c", &disabled_plugins_command(file.path().to_str().unwrap())])
                .output()
                .unwrap();
            assert!(output.status.success(), "{output:?}");
            let printed = String::from_utf8(output.stdout).unwrap();
            runtimes((0, ""), "", &printed).lacks_cri(CONTAINERD)
        };
        let rest = "\n\n[plugins.\"io.containerd.grpc.v1.cri\"]\n  sandbox = [\"cri\"]\n";
        for (array, expected) in [
            ("disabled_plugins = []", false),
            ("disabled_plugins = [] # was [\"cri\"]", false),
            ("disabled_plugins = [\n  # \"cri\",\n]", false),
            ("disabled_plugins = [\n  \"other\", # no ] yet\n]", false),
            ("#disabled_plugins = [\"cri\"]", false),
            ("version = 2", false),
            ("disabled_plugins = [\"cri\"]", true),
            (
                "version = 3\n\tdisabled_plugins=['io.containerd.cri.v1.runtime']",
                true,
            ),
            (
                "disabled_plugins = [ # no ] yet\n  \"other\",\n  \"cri\", # Docker\n]",
                true,
            ),
        ] {
            assert_eq!(lacks(&format!("{array}{rest}")), expected, "{array}");
        }
        assert!(lacks("disabled_plugins = [\"cri\"]"), "nothing follows");
    }

    #[test]
    fn reads_the_table_of_the_kernel_that_runs_here() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("with a blank.sock");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let body = sections(Query::new()).script("t").body.clone();
        let output = std::process::Command::new("sh")
            .args(["-c", &body])
            .output()
            .unwrap();
        let answers = Answers::parse(&String::from_utf8(output.stdout).unwrap()).unwrap();
        let seen = Runtimes::parse(&answers);
        assert_eq!(seen.socket(path.to_str().unwrap()), Socket::Live, "{seen:?}");
        assert_eq!(seen.socket("/nowhere.sock"), Socket::Missing);
    }
}
