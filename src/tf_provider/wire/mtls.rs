//! Mutual TLS as Terraform's plugins do it: each end has a self-signed certificate and pins the other's.
use std::sync::Arc;

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{WebPkiSupportedAlgorithms, ring},
    pki_types::{
        AlgorithmIdentifier, CertificateDer, InvalidSignature, PrivatePkcs8KeyDer,
        SignatureVerificationAlgorithm, UnixTime, alg_id, pem::PemObject,
    },
    server::danger::{ClientCertVerified, ClientCertVerifier},
};

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum MtlsError {
    /// What Terraform gave is no certificate.
    #[error("the client certificate from Terraform cannot be read")]
    ClientCertificate(#[from] rustls::pki_types::pem::Error),
    /// No certificate of our own.
    #[error("no server certificate could be made")]
    ServerCertificate(#[from] rcgen::Error),
    /// The two make no valid TLS configuration.
    #[error("TLS could not be set up")]
    Tls(#[from] Error),
}

/// The TLS side of the server and its certificate (DER), which Terraform pins.
pub(super) fn server_config(client_pem: &str) -> Result<(Arc<ServerConfig>, Vec<u8>), MtlsError> {
    let client = CertificateDer::from_pem_slice(client_pem.as_bytes())?;
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    // Terraform's side expects this name, whatever the address is.
    let mut parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()])?;
    parameters
        .distinguished_name
        .push(rcgen::DnType::CommonName, "localhost");
    parameters.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = parameters.self_signed(&key)?;
    let ring = ring::default_provider();
    let verifier = Pinned {
        client,
        others: ring.signature_verification_algorithms,
    };
    // Never the process-wide default provider: another crate may have set one that knows other algorithms.
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring))
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok((Arc::new(config), certificate.der().to_vec()))
}

/// Accepts exactly one client certificate and proof of its key.
///
/// The usual verifier cannot: Terraform's key is P-521, which ring lacks, and its certificate is marked as an
/// authority, which webpki refuses for a client.
#[derive(Debug)]
struct Pinned {
    client: CertificateDer<'static>,
    others: WebPkiSupportedAlgorithms,
}

impl Pinned {
    fn algorithms(&self, scheme: SignatureScheme) -> &WebPkiSupportedAlgorithms {
        if scheme == SignatureScheme::ECDSA_NISTP521_SHA512 {
            &P521_ONLY
        } else {
            &self.others
        }
    }
}

impl ClientCertVerifier for Pinned {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if *end_entity == self.client {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(
                CertificateError::ApplicationVerificationFailure,
            ))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            self.algorithms(signature.scheme),
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            self.algorithms(signature.scheme),
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = P521_ONLY.supported_schemes();
        schemes.extend(self.others.supported_schemes());
        schemes
    }
}

static P521_ONLY: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[&P521],
    mapping: &[(SignatureScheme::ECDSA_NISTP521_SHA512, &[&P521])],
};

/// ECDSA on P-521 with SHA-512.
#[derive(Debug)]
struct P521;

impl SignatureVerificationAlgorithm for P521 {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        use p521::ecdsa::{DerSignature, VerifyingKey, signature::Verifier};
        let key = VerifyingKey::from_sec1_bytes(key).map_err(|_| InvalidSignature)?;
        let signature = DerSignature::try_from(signature).map_err(|_| InvalidSignature)?;
        key.verify(message, &signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P521
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_SHA512
    }
}
