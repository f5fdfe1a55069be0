//! Scripts on a host through ssh: one connection, on it as many scripts at once as the host grants.
//!
//! **Invariant:** a script that may have started is never sent again.
use std::{io, sync::Arc, time::Duration};

use ::openssh::{Child, Error, Session, Stdio};
use async_trait::async_trait;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    sync::Mutex,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    Target, Transport, TransportError,
    answer::Answer,
    said_instead::{self, Ending, Login},
    sessions::{Sessions, Turn},
    ssh_master::{Master, Workspace},
    wrapper::{self, Envelope, KILL_AFTER},
};
use crate::command::{Output, Script};

/// How long output is awaited that the script's own end did not close, as a process left behind may hold it.
const STRAGGLERS: Duration = Duration::from_secs(2);

/// How much longer than the host itself this side waits for a script whose limit is over.
const SLACK: Duration = Duration::from_secs(20);

/// How long login, startup files and sudo may take until our shell begins. A sudo that cannot resolve the host's name
/// takes ten seconds; a directory server that is slow to answer, more.
const BEGIN: Duration = Duration::from_secs(60);

/// After connections that were dropped before the login: more of them may come in at once than `MaxStartups` of
/// `sshd_config(5)` allows, above all through a bastion. As long again, by chance, as these.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
    Duration::from_millis(1600),
];

/// The way to one host; connects when the first script runs.
#[derive(Debug)]
pub(super) struct OpenSsh {
    connection: Arc<Connection>,
    sessions: Sessions,
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
            sessions: Sessions::new(),
        }
    }
}

#[async_trait]
impl Transport for OpenSsh {
    async fn run(&self, script: &Script) -> Result<Output, TransportError> {
        let turn = self.sessions.turn().await;
        let connection = Arc::clone(&self.connection);
        let script = script.clone();
        // A task of its own: a caller that goes away does not cut the script off.
        let task = tokio::spawn(async move { connection.run(&script, turn).await });
        task.await
            .unwrap_or_else(|error| Err(TransportError::Other(format!("the script's task ended: {error}"))))
    }
}

impl Connection {
    async fn run(&self, script: &Script, mut turn: Turn) -> Result<Output, TransportError> {
        let sudo_user = self.needs_sudo().then_some(self.target.user.as_str());
        let envelope = Envelope::new(script, sudo_user);
        let (master, child) = self.start(&envelope.command, &mut turn).await?;
        let output = self.converse(script, &envelope, &master, child, turn).await;
        let_go(master);
        output
    }

    /// Runs the script in the session that was opened for it.
    async fn converse(
        &self,
        script: &Script,
        envelope: &Envelope,
        master: &Arc<Master>,
        child: Child<Arc<Session>>,
        turn: Turn,
    ) -> Result<Output, TransportError> {
        let begin = Instant::now();
        let mut answer = envelope.answer();
        let (stderr, ending) = exchange(child, envelope, &mut answer, script.limit).await;
        drop(turn);
        if let Some((stdout, status)) = answer.whole() {
            return Ok(wrapper::output(
                script,
                status,
                stdout,
                envelope.own_words(&stderr),
            ));
        }
        let ending = match ending {
            Ending::Status(255) | Ending::Killed | Ending::Unknown
                if session(master).check().await.is_err() =>
            {
                Ending::Unknown
            }
            ending => ending,
        };
        let login = Login {
            hop: &self.target.address,
            user: self.target.user.as_str(),
            sudo: self.needs_sudo(),
        };
        let seen = said_instead::Seen {
            begun: answer.has_begun(),
            ending,
            elapsed: begin.elapsed(),
            stdout: answer.raw(),
            stderr: envelope.own_words(&stderr),
        };
        if !seen.begun {
            self.forget(master).await;
        }
        Err(said_instead::explain(script, login, &seen))
    }

    fn needs_sudo(&self) -> bool {
        self.target.r#become && self.target.user != "root"
    }

    /// The next script makes a connection of its own: sshd knows the user's shell, groups and forced command as they
    /// were at the login, and on a machine that still sets itself up they change. Scripts that run on this one go on.
    async fn forget(&self, master: &Arc<Master>) {
        let mut state = self.state.lock().await;
        state.master.take_if(|known| Arc::ptr_eq(known, master));
    }

    /// Opens a session for the command. What fails here has sent nothing of the script, so it is tried again.
    async fn start(
        &self,
        command: &str,
        turn: &mut Turn,
    ) -> Result<(Arc<Master>, Child<Arc<Session>>), TransportError> {
        let mut master = self.master(None).await?;
        let mut is_new = false;
        loop {
            let session = session(&master);
            let error = match spawn(&session, command).await {
                Ok(child) => return Ok((master, child)),
                Err(error) => text_of(&error),
            };
            if error.contains(NO_SESSION) {
                if turn.wait_after_refusal().await {
                    continue;
                }
                let_go(master);
                return Err(TransportError::NoSession {
                    hop: self.target.address.clone(),
                });
            }
            if is_new || session.check().await.is_ok() {
                let_go(master);
                return Err(TransportError::Other(error));
            }
            let another = self.master(Some(&master)).await?;
            let_go(std::mem::replace(&mut master, another));
            is_new = true;
        }
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
        match self.connect().await {
            Ok(master) => Ok(Arc::clone(state.master.insert(Arc::new(master)))),
            Err(error) => {
                state.failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    /// Connects, again after a connection that the host dropped before the login.
    async fn connect(&self) -> Result<Master, TransportError> {
        for pause in PAUSES {
            match Master::connect(&self.target, &self.workspace).await {
                Err(TransportError::Dropped { .. }) => self.workspace.pause(pause).await,
                ended => return ended,
            }
        }
        Master::connect(&self.target, &self.workspace).await
    }
}

/// The last one on a forgotten connection ends it: nobody would ask it for anything again. The caller does not wait.
fn let_go(master: Arc<Master>) {
    if let Some(master) = Arc::into_inner(master) {
        tokio::spawn(async move { master.end().await });
    }
}

/// What ssh says of a session that the host did not grant; nothing was sent on it.
const NO_SESSION: &str = "Session open refused by peer";

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

fn text_of(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Sends the envelope and reads what comes back, all at the same time: large texts block no one. Gives standard error
/// and, without a whole answer, how the command ended.
async fn exchange(
    mut child: Child<Arc<Session>>,
    envelope: &Envelope,
    answer: &mut Answer<'_>,
    limit: Duration,
) -> (Vec<u8>, Ending) {
    let (stdin, out, err) = (child.stdin().take(), child.stdout().take(), child.stderr().take());
    let mut stderr = Vec::new();
    let over = CancellationToken::new();
    let send = async {
        if let Some(mut stdin) = stdin {
            // A broken pipe means that the shell ended early; its status and last words tell why.
            let sent = stdin.write_all(envelope.stdin.as_bytes()).await;
            if let Err(error) = sent {
                tracing::debug!(%error, "the host took only a part of the script");
            }
        }
    };
    let send = async {
        over.run_until_cancelled(send).await;
    };
    let read_stdout = async {
        let in_time = read_answer(out, answer, limit).await;
        over.cancel();
        in_time
    };
    let read_stderr = async {
        let mut err = err;
        let reading = read(err.as_mut(), &mut stderr);
        if over.run_until_cancelled(reading).await.is_none() {
            let reading = read(err.as_mut(), &mut stderr);
            if timeout(STRAGGLERS, reading).await.is_err() {
                tracing::debug!("a process left behind by the script holds its standard error");
            }
        }
    };
    let ((), in_time, ()) = tokio::join!(send, read_stdout, read_stderr);
    let ending = if answer.whole().is_some() {
        Ending::Status(0)
    } else if in_time {
        ending(child, limit).await
    } else {
        Ending::Never
    };
    (stderr, ending)
}

/// How a command ended whose standard output has.
async fn ending(child: Child<Arc<Session>>, limit: Duration) -> Ending {
    let Ok(ended) = timeout(limit + KILL_AFTER + SLACK, child.wait()).await else {
        return Ending::Never;
    };
    match ended {
        Ok(status) => status.code().map_or(Ending::Killed, Ending::Status),
        Err(Error::Remote(error)) if error.kind() == io::ErrorKind::NotFound => Ending::Status(127),
        Err(Error::RemoteProcessTerminated) => Ending::Killed,
        Err(error) => {
            tracing::debug!(%error, "the connection ended with the script");
            Ending::Unknown
        }
    }
}

/// Reads to the end, or until the answer is whole; `false` if our shell took too long to begin, or to end after that.
async fn read_answer(
    reader: Option<impl AsyncRead + Unpin>,
    answer: &mut Answer<'_>,
    limit: Duration,
) -> bool {
    let Some(mut reader) = reader else {
        return true;
    };
    let mut chunk = Vec::with_capacity(64 * 1024);
    let mut deadline = Instant::now() + BEGIN;
    while answer.whole().is_none() {
        chunk.clear();
        match timeout_at(deadline, reader.read_buf(&mut chunk)).await {
            Ok(Ok(0)) => return true,
            Ok(Ok(_)) => {
                let had_begun = answer.has_begun();
                answer.push(&chunk);
                if !had_begun && answer.has_begun() {
                    deadline = Instant::now() + limit + KILL_AFTER + SLACK;
                }
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "the output of a script broke off");
                return true;
            }
            Err(_) => return false,
        }
    }
    true
}

/// Reads to the end. Cancel-safe: what was read stays in `bytes`.
async fn read(reader: Option<impl AsyncRead + Unpin>, bytes: &mut Vec<u8>) {
    let Some(mut reader) = reader else {
        return;
    };
    if let Err(error) = reader.read_to_end(bytes).await {
        tracing::debug!(%error, "the output of a script broke off");
    }
}
