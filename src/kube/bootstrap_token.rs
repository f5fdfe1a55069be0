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
    // The host completes the JSON. Within a JSON text quotes are escaped, so only the field itself matches.
    const EXPIRATION: &str = r#""expiration":""#;
    let manifest = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": format!("{SECRET_PREFIX}{}", token.id()), "namespace": "kube-system"},
        "type": "bootstrap.kubernetes.io/token",
        "stringData": {
            "token-id": token.id(),
            "token-secret": token.secret().reveal(),
            "expiration": "",
            "usage-bootstrap-authentication": "true",
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
        quote(&format!("{before}{EXPIRATION}")),
        quote(after),
        kubectl(ADMIN_CONF)
    );
    Script::new("create bootstrap token", body)
        .secret(token.text())
        .secret(&token.secret())
}

/// Deletes the uploaded certificates and the token that owns them; fine if there are none. On a master.
pub fn remove_certificates_script() -> Script {
    let kubectl = format!("{} -n kube-system", kubectl(ADMIN_CONF));
    let body = format!(
        "set -eu\n{}{kubectl} delete secret kubeadm-certs --ignore-not-found\n",
        remove_certificates_command()
    );
    Script::new("remove uploaded certificates", body)
}

/// Deletes the token; with `with_certs` also the uploaded certificates and the token that owns them. Bears that
/// any of them is gone. On a master.
pub fn revoke_credentials_script(token_id: &str, with_certs: bool) -> Script {
    let kubectl = format!("{} -n kube-system", kubectl(ADMIN_CONF));
    let token = quote(&format!("{SECRET_PREFIX}{token_id}"));
    let certs = remove_certificates_script().body;
    let body = format!(
        "set -eu\n{kubectl} delete secret {token} --ignore-not-found\n{}",
        if with_certs { &certs } else { "" }
    );
    Script::new("revoke join credentials", body)
}

/// Removes the certificates that an earlier `upload-certs` left, and the token that they go with, which a new upload
/// would leave behind. On a master; fine if there are none.
pub fn remove_certificates_command() -> String {
    let kubectl = format!("{} -n kube-system", kubectl(ADMIN_CONF));
    format!(
        "owner=$({kubectl} get secret kubeadm-certs --ignore-not-found \
         -o 'jsonpath={{.metadata.ownerReferences[*].name}}') || exit 1\n\
         case $owner in\n\
         {SECRET_PREFIX}*) {kubectl} delete secret kubeadm-certs \"$owner\" --ignore-not-found || exit 1 ;;\n\
         esac\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> String {
        let output = std::process::Command::new("sh")
            .args(["-c", script])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn token() -> BootstrapToken {
        BootstrapToken::from_random(std::array::from_fn(|index| u8::try_from(index).unwrap()))
    }

    #[test]
    fn the_manifest_reaches_kubectl_with_an_end_in_utc() {
        let description = "join of m2's \"kubelet\" $(id) \"expiration\":\"";
        let script = create_bootstrap_token_script(&token(), Duration::from_secs(1800), description);
        let fakes =
            "kubectl() { cat >&2; }\ndate() { case $1 in +%s) echo 1000;; *) echo \"$3 $4\";; esac; }\n";
        let stdout = sh(&format!(
            "exec 2>&1\n{fakes}{}",
            script.body.replace(">/dev/null", "")
        ));
        let manifest: serde_json::Value = serde_json::from_str(&stdout).unwrap();
        insta::assert_snapshot!(serde_json::to_string_pretty(&manifest).unwrap());
    }

    #[test]
    fn nothing_secret_is_an_argument() {
        let token = token();
        let script = create_bootstrap_token_script(&token, Duration::from_secs(60), "x");
        let secret = token.secret();
        assert!(script.secrets.contains(&secret));
        // All of the body that follows the pipe is kubectl's; printf before it is part of the shell.
        let (builtin, kubectl) = script.body.rsplit_once(" | ").unwrap();
        assert!(builtin.contains(secret.reveal()) && !kubectl.contains(secret.reveal()));
    }

    #[test]
    fn a_revoked_join_leaves_no_credential() {
        let kubectl =
            "kubectl() { case $* in *jsonpath*) echo bootstrap-token-owner1;; *) echo \"$*\";; esac; }\n";
        let stdout = sh(&format!(
            "{kubectl}{}",
            revoke_credentials_script("abc123", true).body
        ));
        let deleted: Vec<&str> = stdout
            .lines()
            .filter_map(|line| {
                line.split_once("delete secret ")?
                    .1
                    .strip_suffix(" --ignore-not-found")
            })
            .collect();
        assert_eq!(
            deleted,
            [
                "bootstrap-token-abc123",
                "kubeadm-certs bootstrap-token-owner1",
                "kubeadm-certs"
            ]
        );
    }

    #[test]
    fn certificates_stay_unless_told() {
        assert!(
            !revoke_credentials_script("abc123", false)
                .body
                .contains("kubeadm-certs")
        );
    }
}
