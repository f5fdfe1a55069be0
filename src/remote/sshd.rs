//! An sshd of our own on a loopback port, for tests.
use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use tempfile::TempDir;

use super::*;

const SSHD: &str = "/usr/sbin/sshd";

/// Whether these tests were asked for. Asked for but impossible is a failure.
pub(super) fn asked_for() -> bool {
    let asked = std::env::var_os("TF_ACC").is_some_and(|value| value == "1");
    if asked {
        assert!(Path::new(SSHD).exists(), "TF_ACC=1 needs {SSHD}");
    } else {
        println!("not run: TF_ACC=1 asks for it");
    }
    asked
}

/// An sshd that lets the current user in with the key `folder/key`.
pub(super) struct Sshd {
    pub(super) folder: TempDir,
    child: Child,
    pub(super) port: u16,
    log: Arc<Mutex<Vec<String>>>,
}

impl Sshd {
    pub(super) fn start() -> Self {
        Self::start_with("MaxStartups 100")
    }

    /// With these lines of `sshd_config(5)`, which may name the folder as `FOLDER`.
    pub(super) fn start_with(own: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["host", "other_host", "key", "other_key"] {
            keygen(&folder.path().join(name), "");
        }
        let path = folder.path().display();
        fs::copy(folder.path().join("key.pub"), folder.path().join("authorized")).unwrap();
        let port = unused_port();
        let settings = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {path}/host\nAuthorizedKeysFile {path}/authorized\n\
             StrictModes no\nUsePAM no\nPidFile none\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nLogLevel VERBOSE\n{}\n",
            own.replace("FOLDER", &path.to_string())
        );
        fs::write(folder.path().join("sshd_config"), settings).unwrap();
        // As root, sshd wants this folder, which a distribution's service makes.
        fs::create_dir_all("/run/sshd").ok();
        let mut child = Command::new(SSHD)
            .args(["-D", "-e", "-f"])
            .arg(folder.path().join("sshd_config"))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        assert!(first.contains("Server listening"), "{first}");
        let log = Arc::new(Mutex::new(Vec::new()));
        let reader_log = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                reader_log.lock().unwrap().push(line);
            }
        });
        Self {
            folder,
            child,
            port,
            log,
        }
    }

    /// Lets the key in only for this command, which stands for a login shell that sshd would give the command that it
    /// is asked for.
    pub(super) fn force(&self, command: &str) {
        let key = fs::read_to_string(self.path("key.pub")).unwrap();
        let command = command.replace('"', "\\\"");
        fs::write(self.path("authorized"), format!("command=\"{command}\" {key}")).unwrap();
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn target(&self) -> Target {
        target(self.folder.path(), self.port)
    }

    /// The target behind this same sshd as its own bastion.
    pub(super) fn target_behind(&self, change: impl FnOnce(&mut Bastion)) -> Target {
        let target = self.target();
        let mut bastion = Bastion {
            // Another name, so that the two hops can be told apart.
            address: "localhost".into(),
            port: self.port,
            user: target.user.clone(),
            key: target.key.clone(),
            host_key_policy: HostKeyPolicy::AcceptNew,
            known_hosts_file: target.known_hosts_file.clone(),
        };
        change(&mut bastion);
        Target {
            bastion: Some(Box::new(bastion)),
            ..target
        }
    }

    pub(super) fn logins(&self) -> usize {
        self.logged("Accepted publickey")
    }

    /// How many lines of its log have these words.
    pub(super) fn logged(&self, words: &str) -> usize {
        let log = self.log.lock().unwrap();
        log.iter().filter(|line| line.contains(words)).count()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

pub(super) fn target(folder: &Path, port: u16) -> Target {
    let user = Command::new("id").arg("-un").output().unwrap().stdout;
    Target {
        port,
        key: Key::File(folder.join("key")),
        known_hosts_file: Some(folder.join("known_hosts")),
        ..Target::new("127.0.0.1", String::from_utf8(user).unwrap().trim())
    }
}

pub(super) fn keygen(path: &Path, passphrase: &str) {
    let status = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", passphrase, "-f"])
        .arg(path)
        .status();
    assert!(status.unwrap().success());
}

pub(super) fn fingerprint(path: &Path) -> String {
    let output = Command::new("ssh-keygen")
        .arg("-lf")
        .arg(path)
        .output()
        .unwrap()
        .stdout;
    let text = String::from_utf8(output).unwrap();
    text.split(' ').nth(1).unwrap().to_owned()
}

pub(super) fn unused_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
