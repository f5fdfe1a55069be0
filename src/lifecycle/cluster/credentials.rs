//! Join credentials: made on a master for one join, revoked after it, never kept.
use std::time::Duration;

use crate::{
    command::Script,
    kube,
    kubeadm::{self, BootstrapToken, CertificateKey, Version},
    lifecycle::{
        engine::{Act, random},
        failure::{Failure, answer_not_understood},
        host::{answers_of, remove_config, write_config},
    },
    node::{Query, query::SLOW_SECONDS},
    remote::Host,
};

/// A token outlives its join by at most this, should nobody be there to revoke it.
const TOKEN_TTL: Duration = Duration::from_secs(20 * 60);
/// What the file is for from which kubeadm reads the certificate key.
const UPLOAD: &str = "upload-certs";

/// A token from the operating system's randomness.
pub(crate) fn new_bootstrap_token() -> Result<BootstrapToken, Failure> {
    Ok(BootstrapToken::from_random(random()?))
}

/// Makes the token for the join of this node known to the cluster, on a master. The node's marker names it by
/// then, so that whatever happens it can be revoked.
pub(crate) async fn mint_token(
    act: Act<'_>,
    via: &Host,
    token: &BootstrapToken,
    node_name: &str,
) -> Result<(), Failure> {
    let description = format!("terraform-provider-ha: join of {node_name}");
    act.change(
        via,
        &kube::create_bootstrap_token_script(token, TOKEN_TTL, &description),
    )
    .await?;
    Ok(())
}

/// Puts the control plane's certificates into the cluster, encrypted with a new key that only this join gets.
pub(crate) async fn upload_certificates(
    act: Act<'_>,
    via: &Host,
    kubernetes: &Version,
) -> Result<CertificateKey, Failure> {
    let key = CertificateKey::from_random(random()?);
    let query = Query::new()
        .section_within("version", kubeadm::version_command(), SLOW_SECONDS)
        .section(
            "address",
            "sed -n 's/^ *- --advertise-address=//p' /etc/kubernetes/manifests/kube-apiserver.yaml",
        );
    let stdout = via.look_ok(&query.script("read kubeadm's version")).await?;
    let answers = answers_of(via, &stdout, &[])?;
    let version = kubeadm::parse_version(answers.text("version").unwrap_or_default())
        .map_err(|error| answer_not_understood(via, &error))?;
    let address = answers
        .text("address")
        .unwrap_or_default()
        .trim()
        .parse()
        .map_err(|error| answer_not_understood(via, &error))?;
    let config = kubeadm::render_upload_certs(&version, kubernetes, &key, address)
        .map_err(|error| Failure::new("Cannot render the kubeadm configuration", error.to_string()))?;
    let path = write_config(act, via, UPLOAD, &config).await?;
    let body = kube::remove_certificates_command() + &kubeadm::upload_certs_command(&path);
    let script = Script::new("upload certificates", body).secret(key.text());
    let uploaded = act.change(via, &script.limit(Duration::from_secs(120))).await;
    remove_config(act, via, UPLOAD).await?;
    uploaded?;
    Ok(key)
}

/// Takes the token back, and with it the uploaded certificates.
pub(crate) async fn revoke(
    act: Act<'_>,
    via: &Host,
    token_id: &str,
    with_certificates: bool,
) -> Result<(), Failure> {
    if with_certificates {
        remove_config(act, via, UPLOAD).await?;
    }
    act.change(via, &kube::revoke_credentials_script(token_id, with_certificates))
        .await?;
    Ok(())
}

/// Removes the uploaded certificates, the token that they go with, and what an upload that was cut has left. Under the
/// cluster's lock nobody else uploads.
pub(crate) async fn remove_certificates(act: Act<'_>, via: &Host) -> Result<(), Failure> {
    remove_config(act, via, UPLOAD).await?;
    act.change(via, &kube::remove_certificates_script()).await?;
    Ok(())
}

/// kubeadm's version on a host.
pub(crate) fn kubeadm_version(facts: &crate::node::Facts) -> Option<Version> {
    facts.kubeadm_version.clone().map(Version::from)
}
