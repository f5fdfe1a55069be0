//! kubeadm's configuration on a host: in memory-backed `/run`, mode 0600, gone after use.
use crate::{
    command::{Look, Script, quote},
    kube::{self, KubeletWords},
    kubeadm::{self, ConfigFile, Version},
    lifecycle::{engine::Act, failure::Failure},
    remote::Host,
};

const FOLDER: &str = "/run/terraform-provider-ha";
const DISCOVERY: &str = "/run/terraform-provider-ha/discovery.conf";

/// Writes the text and gives its path. `purpose` keeps files of different commands apart.
pub(crate) async fn write_config(
    act: Act<'_>,
    host: &Host,
    purpose: &str,
    config: &ConfigFile,
) -> Result<String, Failure> {
    let path = format!("{FOLDER}/{purpose}.yaml");
    let script = config
        .secrets
        .iter()
        .fold(write_script(&path, config.text.reveal()), Script::secret);
    act.change(host, &script).await?;
    Ok(path)
}

/// Writes the kubeconfig by which a joining node knows its cluster, and gives its path. It holds no secret.
pub(crate) async fn write_discovery(act: Act<'_>, host: &Host, text: &str) -> Result<String, Failure> {
    act.change(host, &write_script(DISCOVERY, text)).await?;
    Ok(DISCOVERY.to_owned())
}

fn write_script(path: &str, text: &str) -> Script {
    let body = format!(
        "set -e\numask 077\nmkdir -p {FOLDER}\nprintf '%s' {} > {path}",
        quote(text)
    );
    Script::new("write kubeadm configuration", body)
}

/// Removes the file of this purpose, if it is there.
pub(crate) async fn remove_config(act: Act<'_>, host: &Host, purpose: &str) -> Result<(), Failure> {
    let body = format!("rm -f {FOLDER}/{purpose}.yaml");
    act.change(host, &Script::new("remove kubeadm configuration", body))
        .await?;
    Ok(())
}

/// Removes what kubeadm read for the host itself, and nothing else: another master may be joining
/// through this one, whose upload of certificates has its file in the same folder.
pub(crate) fn remove_own_configs_command() -> String {
    format!("rm -f {FOLDER}/images.yaml {FOLDER}/init.yaml {FOLDER}/join.yaml {DISCOVERY}")
}

/// Lets kubeadm itself read the file, where it can.
pub(crate) async fn validate_config(host: &Host, kubeadm: &Version, path: &str) -> Result<(), Failure> {
    let script = Look::new(
        "kubeadm config validate",
        kubeadm::config_validate_command(kubeadm, path),
    );
    host.look_ok(&script)
        .await
        .map(drop)
        .map_err(|error| match error.kind {
            crate::remote::HostErrorKind::Failed(failed) => {
                Failure::new("kubeadm does not accept the configuration", failed.tail).at("cluster")
            }
            _ => error.into(),
        })
}

/// A failure from kubeadm's output: its own error lines where it printed any, the last lines otherwise.
pub(crate) fn kubeadm_failure(summary: &'static str, output: &str) -> Failure {
    let errors = kubeadm::preflight_errors(output);
    let advice = kubeadm::explain(output).unwrap_or_default();
    if errors.is_empty() {
        return Failure::new(summary, kubeadm::last_words(output)).advise(advice);
    }
    let list = errors
        .iter()
        .map(|error| format!("- {}: {}", error.name, error.text))
        .collect::<Vec<_>>()
        .join("\n");
    Failure::new(summary, format!("kubeadm's preflight checks failed:\n{list}"))
        .at("ignore_preflight_errors")
        .advise(if advice.is_empty() {
            "Mend what is named, or list the checks in ignore_preflight_errors if they do not matter here."
                .to_owned()
        } else {
            advice.to_string()
        })
}

/// The same of an `init` or `join`, with the kubelet's last words: kubeadm only says that it waited for it. Must run before
/// what failed is cleaned.
pub(crate) async fn node_failure(host: &Host, summary: &'static str, output: &str) -> Failure {
    let failure = kubeadm_failure(summary, output);
    if !kubeadm::preflight_errors(output).is_empty() {
        return failure;
    }
    let script = Look::new("read the kubelet's log", kube::kubelet_log_command());
    let words = host.look_ok(&script).await.ok();
    let Some(words) = words.as_deref().and_then(KubeletWords::parse) else {
        return failure;
    };
    Failure {
        detail: format!("{}\n\n{words}", failure.detail),
        attribute: words.attribute().or(failure.attribute),
        ..failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_join_through_this_host_needs_stays() {
        let own = remove_own_configs_command();
        for purpose in ["images", "init", "join"] {
            assert!(own.contains(&format!(" {FOLDER}/{purpose}.yaml")), "{purpose}");
        }
        assert!(!own.contains("upload-certs") && !own.contains("-r"), "{own}");
    }
}
