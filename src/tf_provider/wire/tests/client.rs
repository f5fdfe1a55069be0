//! Terraform's side: a client with a P-521 key, as Terraform's is, that pins the server's certificate.
use std::{path::PathBuf, sync::Arc};

use hyper_util::rt::TokioIo;
use p521::ecdsa::{DerSignature, signature::Signer as _};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureAlgorithm, SignatureScheme,
    client::{
        ResolvesClientCert,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{WebPkiSupportedAlgorithms, ring},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    sign::{CertifiedKey, Signer, SigningKey},
};
use tokio::{net::UnixStream, task::JoinHandle};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint, Uri};

use super::{
    super::{
        dynamic_value, mtls,
        serve::{ServeError, run},
        socket::Socket,
        tfplugin5::{
            self as pb,
            plugin::{grpc_controller_client::GrpcControllerClient, grpc_stdio_client::GrpcStdioClient},
            provider_client::ProviderClient,
        },
    },
    provider::{Signals, TestProvider},
};
use crate::tf_provider::{Provider, Type, Value};

const CLIENT_PEM: &str = include_str!("testdata/client-p521.pem");
/// The private key of the certificate above, of no use but here.
const CLIENT_SCALAR: &str = include_str!("testdata/client-p521.scalar.hex");

/// A running provider and a client of it.
pub(super) struct Session {
    pub(super) client: ProviderClient<Channel>,
    pub(super) controller: GrpcControllerClient<Channel>,
    pub(super) stdio: GrpcStdioClient<Channel>,
    pub(super) signals: Arc<Signals>,
    pub(super) server: JoinHandle<Result<(), ServeError>>,
    pub(super) end: CancellationToken,
    pub(super) socket: PathBuf,
    pub(super) thing: Type,
    server_certificate: CertificateDer<'static>,
}

impl Session {
    pub(super) async fn start() -> Self {
        Self::start_with(false).await
    }

    pub(super) async fn start_with(debug: bool) -> Self {
        let provider = TestProvider::default();
        let signals = provider.0.clone();
        let thing = provider.resources()[0].schema().value_type();
        let socket = Socket::bind(None).unwrap();
        let path = socket.path().to_owned();
        let (config, certificate) = mtls::server_config(CLIENT_PEM).unwrap();
        let end = CancellationToken::new();
        let server = run(
            Arc::new(provider),
            socket,
            Some(config.into()),
            end.clone(),
            debug,
        );
        let server = tokio::spawn(server);
        let server_certificate = CertificateDer::from(certificate);
        let channel = connect(path.clone(), tls(server_certificate.clone(), Some(terraform())))
            .await
            .unwrap();
        Self {
            client: ProviderClient::new(channel.clone()),
            controller: GrpcControllerClient::new(channel.clone()),
            stdio: GrpcStdioClient::new(channel),
            signals,
            server,
            end,
            socket: path,
            thing,
            server_certificate,
        }
    }

    /// Another client of the same server.
    pub(super) async fn other_client(
        &self,
        key: Option<CertifiedKey>,
    ) -> Result<ProviderClient<Channel>, tonic::transport::Error> {
        let tls = tls(self.server_certificate.clone(), key);
        connect(self.socket.clone(), tls).await.map(ProviderClient::new)
    }

    /// A `test_thing` of these attributes on the wire.
    #[expect(clippy::unnecessary_wraps, reason = "requests take an option")]
    pub(super) fn thing(&self, attributes: &[(&str, Value)]) -> Option<pb::DynamicValue> {
        let provider = TestProvider::default();
        let schema = provider.resources()[0].schema();
        let value = schema.conform(Value::object(attributes.iter().cloned()));
        Some(dynamic_value::encode(&value, &self.thing))
    }

    /// A `test_thing` from the wire.
    pub(super) fn decode(&self, value: Option<&pb::DynamicValue>) -> Value {
        dynamic_value::decode(value, &self.thing).unwrap()
    }
}

#[expect(clippy::unnecessary_wraps, reason = "requests take an option")]
pub(super) fn null() -> Option<pb::DynamicValue> {
    Some(dynamic_value::encode(&Value::Null, &Type::Dynamic))
}

/// `severity path: summary`, what a test wants to know of diagnostics.
pub(super) fn told(diagnostics: &[pb::Diagnostic]) -> Vec<String> {
    let tell = |diagnostic: &pb::Diagnostic| {
        let steps = diagnostic.attribute.iter().flat_map(|path| &path.steps);
        let path: Vec<_> = steps
            .map(|step| format!("{:?}", step.selector.as_ref().unwrap()))
            .collect();
        format!(
            "{:?} {}: {}",
            diagnostic.severity(),
            path.join(" "),
            diagnostic.summary
        )
    };
    diagnostics.iter().map(tell).collect()
}

async fn connect(socket: PathBuf, tls: TlsConnector) -> Result<Channel, tonic::transport::Error> {
    let connector = tower::service_fn(move |_: Uri| {
        let (socket, tls) = (socket.clone(), tls.clone());
        async move {
            let stream = UnixStream::connect(socket).await?;
            let name = ServerName::try_from("localhost").unwrap();
            tls.connect(name, stream).await.map(TokioIo::new)
        }
    });
    Endpoint::from_static("http://localhost")
        .connect_with_connector(connector)
        .await
}

fn tls(server: CertificateDer<'static>, key: Option<CertifiedKey>) -> TlsConnector {
    let ring = Arc::new(ring::default_provider());
    let verifier = PinnedServer {
        server,
        algorithms: ring.signature_verification_algorithms,
    };
    let config = ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = config
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match key {
        Some(key) => config.with_client_cert_resolver(Arc::new(Always(Arc::new(key)))),
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsConnector::from(Arc::new(config))
}

/// Terraform's certificate and key.
fn terraform() -> CertifiedKey {
    let byte = |at: usize| u8::from_str_radix(&CLIENT_SCALAR[at..at + 2], 16).unwrap();
    let scalar: Vec<_> = (0..CLIENT_SCALAR.len()).step_by(2).map(byte).collect();
    let key = p521::ecdsa::SigningKey::from_slice(&scalar).unwrap();
    let certificate = CertificateDer::from_pem_slice(CLIENT_PEM.as_bytes()).unwrap();
    CertifiedKey::new(vec![certificate], Arc::new(P521Key(key)))
}

/// A certificate that looks the same and is of another key.
pub(super) fn stranger() -> CertifiedKey {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let key = ring::sign::any_ecdsa_type(&key).unwrap();
    CertifiedKey::new(vec![certificate.der().clone()], key)
}

/// Terraform's certificate, shown by somebody who does not have its key.
pub(super) fn thief() -> CertifiedKey {
    let key = p521::ecdsa::SigningKey::from_slice(&[1; 66]).unwrap();
    CertifiedKey::new(terraform().cert, Arc::new(P521Key(key)))
}

#[derive(Clone)]
struct P521Key(p521::ecdsa::SigningKey);

impl std::fmt::Debug for P521Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("P521Key")
    }
}

impl SigningKey for P521Key {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered
            .contains(&self.scheme())
            .then(|| Box::new(self.clone()) as Box<dyn Signer>)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for P521Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signature: DerSignature = self.0.sign(message);
        Ok(signature.as_bytes().to_vec())
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ECDSA_NISTP521_SHA512
    }
}

#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesClientCert for Always {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct PinnedServer {
    server: CertificateDer<'static>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for PinnedServer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        assert_eq!(*end_entity, self.server, "the certificate of the handshake line");
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
