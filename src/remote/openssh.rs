//! Scripts on a host through ssh: one connection, at most eight scripts at once on it.
//!
//! **Invariant:** a script that may have started is never sent again.
use std::{io, sync::Arc, time::Duration};

use ::openssh::{Child, Error, Session, Stdio};
use async_trait::async_trait;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    sync::{Mutex, Semaphore},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Target, Transport, TransportError,
    ssh_master::{Master, Workspace},
    wrapper::{self, Ending, Envelope, KILL_AFTER},
};
use crate::command::{Output, Script};

/// sshd allows ten sessions on a connection unless told otherwise, see `MaxSessions`.
const SCRIPTS_AT_ONCE: usize = 8;

/// How long output is awaited that the script's own end did not close, as a process left behind may hold it.
const STRAGGLERS: Duration = Duration::from_secs(2);

/// How much longer than the host itself this side waits for a script whose limit is over.
const SLACK: Duration = Duration::from_secs(20);

/// The way to one host; connects when the first script runs.
#[derive(Debug)]
pub(super) struct OpenSsh {
    connection: Arc<Connection>,
    permits: Arc<Semaphore>,
}

#[derive(Debug)]
struct Connection {
    target: Target,
    workspace: Arc<Workspace>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    master: Option<Arc<Master>>,
    /// The last failure and its time, shared by all scripts that waited for that try.
    failure: Option<(Instant, TransportError)>,
}

impl OpenSsh {
    pub(super) fn new(target: Target, workspace: Arc<Workspace>) -> Self {
        let connection = Connection {
            target,
            workspace,
            state: Mutex::default(),
        };
        Self {
            connection: Arc::new(connection),
            permits: Arc::new(Semaphore::new(SCRIPTS_AT_ONCE)),
        }
    }
}

#[async_trait]
impl Transport for OpenSsh {
    async fn run(&self, script: &Script) -> Result<Output, TransportError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let connection = Arc::clone(&self.connection);
        let script = script.clone();
        // A task of its own: a caller that goes away does not cut the script off.
        let task = tokio::spawn(async move {
            let _permit = permit;
            connection.run(&script).await
        });
        task.await
            .unwrap_or_else(|error| Err(TransportError::Other(format!("the script's task ended: {error}"))))
    }
}

impl Connection {
    async fn run(&self, script: &Script) -> Result<Output, TransportError> {
        let sudo = self.target.r#become && self.target.user != "root";
        let command = wrapper::remote_command(script.limit, sudo);
        let master = self.master(None).await?;
        let session = session(&master);
        let (session, child) = match spawn(&session, &command).await {
            Ok(child) => (Arc::clone(&session), child),
            // The body is not sent yet: nothing of it can have run.
            Err(_) if session.check().await.is_err() => {
                let session = self::session(&*self.master(Some(&master)).await?);
                let child = spawn(&session, &command).await.map_err(|error| refused(&error))?;
                (session, child)
            }
            Err(error) => return Err(refused(&error)),
        };
        let envelope = Envelope::new(script);
        let begin = Instant::now();
        let limit = script.limit + KILL_AFTER + SLACK;
        let Ok(seen) = timeout(limit, exchange(child, &envelope)).await else {
            return Err(TransportError::TimedOut {
                title: script.title,
                seconds: wrapper::whole_seconds(script.limit),
            });
        };
        if let Some((stdout, status)) = envelope.open(&seen.stdout) {
            return Ok(wrapper::output(script, status, stdout, &seen.stderr));
        }
        let ending = match seen.ending {
            Ending::Status(255) | Ending::Killed | Ending::Unknown if session.check().await.is_err() => {
                Ending::Unknown
            }
            ending => ending,
        };
        Err(wrapper::explain(
            script,
            &self.target.user,
            sudo,
            ending,
            begin.elapsed(),
            &seen.stderr,
        ))
    }

    /// The connection, made now if there is none or if it is the one found dead.
    async fn master(&self, dead: Option<&Arc<Master>>) -> Result<Arc<Master>, TransportError> {
        let asked_at = Instant::now();
        let mut state = self.state.lock().await;
        if let Some(master) = &state.master
            && !dead.is_some_and(|dead| Arc::ptr_eq(dead, master))
        {
            return Ok(Arc::clone(master));
        }
        if let Some((failed_at, error)) = &state.failure
            && *failed_at >= asked_at
        {
            return Err(error.clone());
        }
        state.master = None;
        match Master::connect(&self.target, &self.workspace).await {
            Ok(master) => Ok(Arc::clone(state.master.insert(Arc::new(master)))),
            Err(error) => {
                state.failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }
}

fn session(master: &Master) -> Arc<Session> {
    Arc::new(Session::resume_mux(master.control.as_path().into(), None))
}

async fn spawn(session: &Arc<Session>, command: &str) -> Result<Child<Arc<Session>>, Error> {
    let mut remote = Arc::clone(session).arc_raw_command(command);
    remote
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    remote.spawn().await
}

/// The connection is there but takes no script.
fn refused(error: &Error) -> TransportError {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    TransportError::Other(text)
}

struct Seen {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    ending: Ending,
}

/// Sends the envelope and reads what comes back, all at the same time: large texts block no one.
async fn exchange(mut child: Child<Arc<Session>>, envelope: &Envelope) -> Seen {
    let (stdin, out, err) = (child.stdin().take(), child.stdout().take(), child.stderr().take());
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let marked = CancellationToken::new();
    let send = async {
        if let Some(mut stdin) = stdin {
            // A broken pipe means that the shell ended early; its status and last words tell why.
            let sent = stdin.write_all(envelope.stdin.as_bytes()).await;
            if let Err(error) = sent {
                tracing::debug!(%error, "the host took only a part of the script");
            }
        }
    };
    let read_stdout = async {
        let is_whole = |bytes: &[u8]| envelope.open(bytes).is_some();
        read(out, &mut stdout, is_whole).await;
        marked.cancel();
    };
    let read_stderr = async {
        let mut err = err;
        let reading = read(err.as_mut(), &mut stderr, |_| false);
        if marked.run_until_cancelled(reading).await.is_none() {
            let reading = read(err.as_mut(), &mut stderr, |_| false);
            if timeout(STRAGGLERS, reading).await.is_err() {
                tracing::debug!("a process left behind by the script holds its standard error");
            }
        }
    };
    tokio::join!(send, read_stdout, read_stderr);
    let ending = if envelope.open(&stdout).is_some() {
        Ending::Status(0)
    } else {
        match child.wait().await {
            Ok(status) => status.code().map_or(Ending::Killed, Ending::Status),
            Err(Error::Remote(error)) if error.kind() == io::ErrorKind::NotFound => Ending::Status(127),
            Err(Error::RemoteProcessTerminated) => Ending::Killed,
            Err(error) => {
                tracing::debug!(%error, "the connection ended with the script");
                Ending::Unknown
            }
        }
    };
    Seen {
        stdout,
        stderr,
        ending,
    }
}

/// Reads to the end, or until the bytes are whole. Cancel-safe: what was read stays in `bytes`.
async fn read(reader: Option<impl AsyncRead + Unpin>, bytes: &mut Vec<u8>, is_whole: impl Fn(&[u8]) -> bool) {
    let Some(mut reader) = reader else {
        return;
    };
    while !is_whole(bytes) {
        match reader.read_buf(bytes).await {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(%error, "the output of a script broke off");
                return;
            }
        }
    }
}
