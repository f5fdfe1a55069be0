//! The process: handshake with Terraform, serving, a clean end.
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use serde_json::json;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::{
    controller::{Controller, Silence},
    lifetime,
    mtls::{self, MtlsError},
    server::Server,
    socket::Socket,
    tfplugin5::{
        plugin::{grpc_controller_server::GrpcControllerServer, grpc_stdio_server::GrpcStdioServer},
        provider_server::ProviderServer,
    },
};
use crate::tf_provider::{Provider, Settings};

/// Terraform's own limit for what it takes from a provider; the library's default of 4 MiB is too little for states.
const MESSAGE_LIMIT_BYTES: usize = 256 << 20;
/// Terraform kills 2 s after it asked for the end.
const FAREWELL_LIMIT: Duration = Duration::from_millis(1500);
/// The protocol we speak.
const PROTOCOL: &str = "5";

/// Why the provider cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A person started it.
    #[error(
        "this program is a Terraform provider: terraform starts it, people do not. Name it in `required_providers` of a \
         configuration and run `terraform init`, or start it with -debug and set TF_REATTACH_PROVIDERS as it says"
    )]
    StartedByHand,
    /// Terraform speaks other protocols only.
    #[error("terraform offers plugin protocol {offered}, this provider speaks {PROTOCOL}")]
    Protocol {
        /// What it offers.
        offered: String,
    },
    /// No TLS.
    #[error("the connection to terraform cannot be secured")]
    Mtls(#[from] MtlsError),
    /// No socket.
    #[error("no socket in {}", dir.display())]
    Socket {
        /// The folder it was to be in.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No signal handlers.
    #[error("signals cannot be handled")]
    Signals(#[source] io::Error),
    /// Nobody reads our standard output.
    #[error("terraform does not read the handshake")]
    Handshake(#[source] io::Error),
    /// The gRPC server failed.
    #[error("the connection to terraform failed")]
    Transport(#[from] tonic::transport::Error),
}

/// Serves the provider to Terraform until it is needed no more.
///
/// The socket is removed at every end, [`Provider::shutdown`] gets its 1.5 s, and work that still runs is told to
/// stop through its context. Call it from `main`, once: it changes the process group and handles signals.
pub async fn serve(provider: impl Provider, settings: Settings) -> Result<(), ServeError> {
    if !settings.debug {
        check_caller(&settings)?;
    }
    let end = CancellationToken::new();
    let follow = if settings.debug {
        lifetime::follow_terminal
    } else {
        lifetime::follow_terraform
    };
    follow(&end).map_err(ServeError::Signals)?;
    let socket = Socket::bind(settings.socket_dir.as_deref()).map_err(|source| ServeError::Socket {
        dir: settings.socket_dir.clone().unwrap_or_else(std::env::temp_dir),
        source,
    })?;
    let (tls, certificate) = match &settings.client_certificate {
        Some(pem) if !settings.debug => {
            let (config, certificate) = mtls::server_config(pem)?;
            (Some(TlsAcceptor::from(config)), certificate)
        }
        _ => (None, Vec::new()),
    };
    let line = if settings.debug {
        reattach_line(provider.address(), socket.path())
    } else {
        handshake_line(socket.path(), &certificate)
    };
    let mut stdout = io::stdout();
    stdout
        .write_all(line.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(ServeError::Handshake)?;
    run(Arc::new(provider), socket, tls, end, settings.debug).await
}

fn check_caller(settings: &Settings) -> Result<(), ServeError> {
    if !settings.started_by_terraform {
        return Err(ServeError::StartedByHand);
    }
    match &settings.protocol_versions {
        Some(offered) if !offered.split(',').any(|version| version == PROTOCOL) => {
            Err(ServeError::Protocol {
                offered: offered.clone(),
            })
        }
        _ => Ok(()),
    }
}

/// Version of the plugin library's protocol, ours, and where we are.
fn handshake_line(socket: &Path, certificate: &[u8]) -> String {
    let certificate = STANDARD_NO_PAD.encode(certificate);
    format!("1|{PROTOCOL}|unix|{}|grpc|{certificate}\n", socket.display())
}

fn reattach_line(address: &str, socket: &Path) -> String {
    let reattach = json!({ address: {
        "Protocol": "grpc",
        "ProtocolVersion": 5,
        "Pid": std::process::id(),
        "Test": true,
        "Addr": { "Network": "unix", "String": socket },
    }});
    format!("TF_REATTACH_PROVIDERS='{reattach}'\n")
}

/// Serves on a socket until `end`.
pub(super) async fn run(
    provider: Arc<dyn Provider>,
    mut socket: Socket,
    tls: Option<TlsAcceptor>,
    end: CancellationToken,
    debug: bool,
) -> Result<(), ServeError> {
    // However this function ends, whatever it started ends, too.
    let _end_all = end.clone().drop_guard();
    let service = ProviderServer::new(Server::new(provider.clone(), end.clone(), debug))
        .max_decoding_message_size(MESSAGE_LIMIT_BYTES)
        .max_encoding_message_size(MESSAGE_LIMIT_BYTES);
    let connections = socket.accept(tls, end.clone());
    let listening = tonic::transport::Server::builder()
        .add_service(GrpcControllerServer::new(Controller {
            end: end.clone(),
            ignores_shutdown: debug,
        }))
        .add_service(GrpcStdioServer::new(Silence { end: end.clone() }))
        .add_service(service)
        .serve_with_incoming_shutdown(connections, end.clone().cancelled_owned());
    let farewell = async {
        end.cancelled().await;
        // Calls that still run are told to stop by their contexts; whatever they reach in time is answered.
        provider.shutdown().await;
    };
    let limit = async {
        end.cancelled().await;
        let at = tokio::time::Instant::now() + FAREWELL_LIMIT;
        tokio::time::sleep_until(at).await;
    };
    let listening = async {
        let result = listening.await;
        end.cancel();
        result
    };
    tokio::select! {
        (result, ()) = async { tokio::join!(listening, farewell) } => Ok(result?),
        () = limit => {
            tracing::warn!("the provider ends before all its work has");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(started_by_terraform: bool, protocol_versions: &str) -> Settings {
        Settings {
            debug: false,
            log_level: tracing::level_filters::LevelFilter::OFF,
            started_by_terraform,
            protocol_versions: Some(protocol_versions.to_owned()).filter(|offered| !offered.is_empty()),
            client_certificate: None,
            socket_dir: None,
        }
    }

    #[test]
    fn tells_a_person_how_it_is_used() {
        let error = check_caller(&settings(false, "5,6")).unwrap_err();
        assert!(error.to_string().contains("required_providers"), "{error}");
    }

    #[test]
    fn speaks_protocol_5_only() {
        assert!(check_caller(&settings(true, "5,6")).is_ok());
        assert!(check_caller(&settings(true, "")).is_ok());
        assert!(matches!(
            check_caller(&settings(true, "4,6")),
            Err(ServeError::Protocol { .. })
        ));
    }

    #[test]
    fn says_where_it_is() {
        assert_eq!(
            handshake_line(Path::new("/run/p"), &[0, 1]),
            "1|5|unix|/run/p|grpc|AAE\n"
        );
        let line = reattach_line("kube-ha/ha", Path::new("/run/p"));
        let json = line
            .trim_start_matches("TF_REATTACH_PROVIDERS='")
            .trim_end_matches("'\n");
        let json: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(json["kube-ha/ha"]["Addr"]["String"], "/run/p");
        assert_eq!(json["kube-ha/ha"]["Pid"], std::process::id());
    }
}
