//! The Unix socket: only the user's own, gone when the provider ends, with or without TLS.
use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{UnixListener, UnixStream},
    sync::mpsc,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

/// A client that has not finished its TLS handshake by then is dropped.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// Between two tries to accept when that fails, for want of file descriptors, say.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// A bound socket; its file is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Socket {
    listener: Option<UnixListener>,
    path: PathBuf,
    /// The private folder around it, unless Terraform gave one.
    _private_dir: Option<TempDir>,
}

impl Socket {
    /// Binds a socket of mode 0600 in `dir`, or in a private folder of its own.
    pub(super) fn bind(dir: Option<&Path>) -> io::Result<Self> {
        let builder = || {
            let mut builder = tempfile::Builder::new();
            builder.prefix("plugin-");
            builder
        };
        let (path, private_dir) = if let Some(dir) = dir {
            // A free, random name: made as a file, then freed for the socket.
            (builder().tempfile_in(dir)?.into_temp_path().to_path_buf(), None)
        } else {
            let dir = builder()
                .permissions(fs::Permissions::from_mode(0o700))
                .tempdir()?;
            (dir.path().join("socket"), Some(dir))
        };
        let listener = UnixListener::bind(&path)?;
        let socket = Self {
            listener: Some(listener),
            path,
            _private_dir: private_dir,
        };
        fs::set_permissions(&socket.path, fs::Permissions::from_mode(0o600))?;
        Ok(socket)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Accepts connections until `end`. A client that fails TLS is logged and dropped.
    pub(super) fn accept(
        &mut self,
        tls: Option<TlsAcceptor>,
        end: CancellationToken,
    ) -> ReceiverStream<io::Result<Connection>> {
        let (sender, receiver) = mpsc::channel(4);
        if let Some(listener) = self.listener.take() {
            tokio::spawn(async move {
                while let Some(accepted) = end.run_until_cancelled(listener.accept()).await {
                    match accepted {
                        Ok((stream, _)) => drop(tokio::spawn(greet(stream, tls.clone(), sender.clone()))),
                        Err(error) => {
                            tracing::warn!(error = %error, "cannot accept a connection");
                            let mut pause = tokio::time::interval(ACCEPT_AGAIN);
                            pause.tick().await;
                            pause.tick().await;
                        }
                    }
                }
            });
        }
        ReceiverStream::new(receiver)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(error = %error, "the socket is gone already");
        }
    }
}

async fn greet(stream: UnixStream, tls: Option<TlsAcceptor>, sender: mpsc::Sender<io::Result<Connection>>) {
    let connection = match tls {
        None => Ok(Connection::Plain(stream)),
        Some(tls) => match tokio::time::timeout(HANDSHAKE_LIMIT, tls.accept(stream)).await {
            Ok(accepted) => accepted.map(|stream| Connection::Tls(Box::new(stream))),
            Err(elapsed) => Err(elapsed.into()),
        },
    };
    match connection {
        // A closed channel means that the server ends.
        Ok(connection) => drop(sender.send(Ok(connection)).await),
        Err(error) => tracing::warn!(error = %error, "connection refused"),
    }
}

/// One connection of Terraform.
pub(super) enum Connection {
    Plain(UnixStream),
    Tls(Box<TlsStream<UnixStream>>),
}

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_user_reaches_it_and_nothing_stays() {
        let given = tempfile::tempdir().unwrap();
        for dir in [None, Some(given.path())] {
            let socket = Socket::bind(dir).unwrap();
            let path = socket.path().to_owned();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            let parent = path.parent().unwrap().to_owned();
            if dir.is_none() {
                assert_eq!(fs::metadata(&parent).unwrap().permissions().mode() & 0o777, 0o700);
            }
            drop(socket);
            assert!(!path.exists());
            assert_eq!(parent.exists(), dir.is_some());
        }
    }
}
