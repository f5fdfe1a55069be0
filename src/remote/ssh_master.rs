//! The ssh process that holds a connection, and the private folder that all of them share.
//!
//! ssh is started here instead of by the crate because that hides what the bastion's ssh says, and because the
//! process gets a group of its own: Ctrl-C in the terminal does not reach it.
//!
//! More on that: decision 8.
use std::{
    hash::{BuildHasher as _, RandomState},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{process::Command, sync::RwLock, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    HostKeyPolicy, Target, TransportError, host_records,
    private_key::KeyFile,
    ssh_config::{self, Files, TARGET},
    ssh_errors::{Said, diagnose},
};

/// A master without work ends by itself after this time: nobody is left to end it if the provider was killed.
const IDLE: &str = "ControlPersist=90";

/// What login may take beyond the connection: sshd itself gives up after 120 s, see `LoginGraceTime`.
const LOGIN: Duration = Duration::from_secs(30);

/// A connection that is up, or was.
#[derive(Debug)]
pub(super) struct Master {
    /// Where the master takes commands.
    pub(super) control: PathBuf,
}

impl Master {
    /// Connects. A key text is on disk only until this is over.
    pub(super) async fn connect(target: &Target, workspace: &Workspace) -> Result<Self, TransportError> {
        let connect = async {
            let folder = workspace.folder.read().await;
            match &*folder {
                Folder::Closed => Err(closed()),
                Folder::Open(folder) => Self::connect_in(target, folder.path(), workspace.number()).await,
                Folder::None => {
                    drop(folder);
                    workspace.make().await?;
                    match &*workspace.folder.read().await {
                        Folder::Open(folder) => {
                            Self::connect_in(target, folder.path(), workspace.number()).await
                        }
                        Folder::None | Folder::Closed => Err(closed()),
                    }
                }
            }
        };
        let connected = workspace.closing.run_until_cancelled(connect).await;
        connected.unwrap_or_else(|| Err(closed()))
    }

    async fn connect_in(target: &Target, folder: &Path, number: u64) -> Result<Self, TransportError> {
        let file = |name: &str| folder.join(format!("{number}.{name}"));
        let (config, log, bastion_log) = (file("conf"), file("log"), file("hop"));
        let control = file(CONTROL);
        let key = KeyFile::new(&target.key, file("key"))?;
        let bastion_key = match &target.bastion {
            Some(bastion) => KeyFile::new(&bastion.key, file("hopkey"))?,
            None => KeyFile::None,
        };
        let pinned = (!target.host_keys.is_empty()).then(|| file("hosts"));
        if let Some(pinned) = &pinned {
            let records: String = target.host_keys.iter().map(|key| key.record("*")).collect();
            std::fs::write(pinned, records).map_err(|error| local(pinned, &error))?;
        }
        let text = ssh_config::render(
            target,
            &Files {
                config: &config,
                bastion_log: &bastion_log,
                pinned: pinned.as_deref(),
                key: key.path(),
                bastion_key: bastion_key.path(),
            },
        )?;
        std::fs::write(&config, text).map_err(|error| local(&config, &error))?;
        make_known_hosts_folders(target);
        // Not a pipe, as the master would hold it open; and before `-E` counts, ssh has things to say, too.
        let words = file("err");
        let stderr = std::fs::File::create(&words).map_err(|error| local(&words, &error))?;
        let mut ssh = ssh(&config);
        ssh.stderr(stderr).arg("-E").arg(&log).arg("-S").arg(&control);
        ssh.args(["-M", "-f", "-N", "-o", IDLE, TARGET]);
        let limit = ssh_config::connect_timeout(target) + LOGIN;
        let ended = timeout(limit, run(&mut ssh)).await;
        let read =
            |path: &Path| String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned();
        match ended {
            Ok(Ok(status)) if status.success() => {
                host_records::bring_in_step(target);
                Ok(Self { control })
            }
            Ok(Ok(_)) => Err(diagnose(
                target,
                &Said {
                    log: &read(&log),
                    bastion_log: &read(&bastion_log),
                    stderr: &read(&words),
                },
            )),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(TransportError::Unreachable {
                hop: target.address.clone(),
                port: target.port,
                reason: format!("the login did not end within {} s", limit.as_secs()),
            }),
        }
    }

    /// Ends it at once, and every session on it.
    pub(super) async fn end(self) {
        end(&self.control).await;
    }
}

/// An ssh that reads only the given settings, speaks English, and dies with the future that waits for it.
fn ssh(config: &Path) -> Command {
    let mut command = Command::new("ssh");
    command
        .arg("-F")
        .arg(config)
        .env("LC_ALL", "C")
        // Runs the way through a bastion; the user's own may be none, as accounts of services have it.
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    command
}

async fn run(ssh: &mut Command) -> Result<ExitStatus, TransportError> {
    ssh.status().await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => TransportError::SshNotInstalled,
        _ => TransportError::Other(format!("the program ssh could not be started: {error}")),
    })
}

/// ssh makes `~/.ssh` when it records a key, but no other folder.
fn make_known_hosts_folders(target: &Target) {
    let bastion = target.bastion.as_deref();
    let hops = [
        Some((target.host_key_policy, target.known_hosts_file.as_deref())),
        bastion.map(|bastion| (bastion.host_key_policy, bastion.known_hosts_file.as_deref())),
    ];
    for (policy, file) in hops.into_iter().flatten() {
        let file = ssh_config::known_hosts_file(policy, file);
        if policy == HostKeyPolicy::AcceptNew
            && let Some(folder) = file.parent()
            && !folder.exists()
            && let Err(error) = std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
        {
            tracing::warn!(folder = %folder.display(), %error, "no folder to record host keys in");
        }
    }
}

/// Extension of the sockets that masters listen on.
const CONTROL: &str = "s";

/// ssh adds 17 bytes to a socket's path while it makes it, and 104 is the least that systems allow.
const LONGEST_FOLDER: usize = 60;

/// The private folder of one run: sockets, settings and logs of its connections.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    folder: RwLock<Folder>,
    closing: CancellationToken,
    connections: AtomicU64,
}

#[derive(Debug, Default)]
enum Folder {
    #[default]
    None,
    Open(TempDir),
    Closed,
}

impl Workspace {
    fn number(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed)
    }

    /// Waits this long, and as long again by chance; not once the pool closes.
    pub(super) async fn pause(&self, pause: Duration) {
        let random = RandomState::new().hash_one(0) % 1024;
        let pause = pause + pause * u32::try_from(random).unwrap_or_default() / 1024;
        timeout(pause, self.closing.cancelled()).await.ok();
    }

    async fn make(&self) -> Result<(), TransportError> {
        let mut folder = self.folder.write().await;
        if let Folder::None = *folder {
            let parent = std::env::temp_dir();
            let short = parent.as_os_str().len() <= LONGEST_FOLDER;
            let parent = if short {
                parent.as_path()
            } else {
                Path::new("/tmp")
            };
            let made = tempfile::Builder::new()
                .prefix("ha-")
                .tempdir_in(parent)
                .map_err(|error| local(parent, &error))?;
            *folder = Folder::Open(made);
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) async fn controls(&self) -> Vec<PathBuf> {
        match &*self.folder.read().await {
            Folder::Open(folder) => controls(folder.path()),
            Folder::None | Folder::Closed => Vec::new(),
        }
    }

    /// Ends all masters at once and removes the folder; later connections fail.
    pub(super) async fn close(&self) {
        self.closing.cancel();
        let mut folder = self.folder.write().await;
        let Folder::Open(dir) = std::mem::replace(&mut *folder, Folder::Closed) else {
            return;
        };
        futures::future::join_all(controls(dir.path()).iter().map(|control| end(control))).await;
        if let Err(error) = dir.close() {
            tracing::warn!(%error, "the folder of the ssh connections could not be removed");
        }
    }
}

fn controls(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths
        .filter(|path| path.extension().is_some_and(|it| it == CONTROL))
        .collect()
}

async fn end(control: &Path) {
    let mut ssh = ssh(&control.with_extension("conf"));
    ssh.arg("-S").arg(control).args(["-O", "exit", TARGET]);
    match timeout(Duration::from_secs(5), run(&mut ssh)).await {
        Ok(Ok(status)) if status.success() => {}
        // It may have ended by itself just now; if not, it will when idle.
        ended => tracing::debug!(?ended, "an ssh master did not take the request to end"),
    }
}

fn closed() -> TransportError {
    TransportError::Other("the connections are closed".to_owned())
}

fn local(path: &Path, error: &io::Error) -> TransportError {
    TransportError::Other(format!("{}: {error}", path.display()))
}
