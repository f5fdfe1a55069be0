//! Join credentials in the cluster: made for one join, revoked after it.
use std::time::Duration;

use serde_json::json;

use super::kubectl::{ADMIN_CONF, kubectl};
use crate::{
    command::{Script, quote},
    kubeadm::BootstrapToken,
};

const SECRET_PREFIX: &str = "bootstrap-token-";

/// Makes the token's Secret. On a master; the host's own clock gives the end of its life, and the manifest goes to
/// kubectl's standard input.
pub fn create_bootstrap_token_script(token: &BootstrapToken, ttl: Duration, description: &str) -> Script {
    // JSON that the host completes: a text that cannot be in a JSON string marks the place.
    const EXPIRATION: &str = "@expiration@";
    let manifest = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": format!("{SECRET_PREFIX}{}", token.id()), "namespace": "kube-system"},
        "type": "bootstrap.kubernetes.io/token",
        "stringData": {
            "token-id": token.id(),
            "token-secret": token.secret().reveal(),
            "expiration": EXPIRATION,
            "usage-bootstrap-authentication": "true",
            "usage-bootstrap-signing": "true",
            "auth-extra-groups": "system:bootstrappers:kubeadm:default-node-token",
            "description": description,
        },
    })
    .to_string();
    let (before, after) = manifest.split_once(EXPIRATION).unwrap_or((&manifest, ""));
    let body = format!(
        "set -eu\n\
         expiration=$(date -u -d \"@$(( $(date +%s) + {} ))\" +%Y-%m-%dT%H:%M:%SZ)\n\
         {{ printf %s {}; printf %s \"$expiration\"; printf %s {}; }} | {} create -f - >/dev/null",
        ttl.as_secs(),
        quote(before),
        quote(after),
        kubectl(ADMIN_CONF)
    );
    Script::new("create bootstrap token", body)
        .secret(token.text())
        .secret(&token.secret())
}

/// Ends with 0 as soon as the controller manager has signed cluster-info with the token, which a join needs.
pub fn token_signed_command(id: &str) -> String {
    format!(
        "test -n \"$({} -n kube-public get configmap cluster-info -o {})\"",
        kubectl(ADMIN_CONF),
        quote(&format!("jsonpath={{.data.jws-kubeconfig-{id}}}"))
    )
}

/// Deletes the token; with `with_certs` also the uploaded certificates and the token that owns them. Bears that
/// any of them is gone. On a master.
pub fn revoke_credentials_script(token_id: &str, with_certs: bool) -> Script {
    let kubectl = format!("{} -n kube-system", kubectl(ADMIN_CONF));
    let token = quote(&format!("{SECRET_PREFIX}{token_id}"));
    let mut body = format!("set -eu\n{kubectl} delete secret {token} --ignore-not-found\n");
    if with_certs {
        body.push_str(&format!(
            "owner=$({kubectl} get secret kubeadm-certs --ignore-not-found \
             -o 'jsonpath={{.metadata.ownerReferences[0].name}}')\n\
             {kubectl} delete secret kubeadm-certs --ignore-not-found\n\
             case $owner in\n\
             {SECRET_PREFIX}*) {kubectl} delete secret \"$owner\" --ignore-not-found ;;\n\
             esac\n"
        ));
    }
    Script::new("revoke join credentials", body)
}
