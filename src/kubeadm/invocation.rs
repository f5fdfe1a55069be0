//! kubeadm's command lines. Everything that has a secret is in the file, never among the arguments.
use super::Version;
use crate::command::quote;

/// Prints the version alone; read it with [`super::parse_version`].
pub fn version_command() -> String {
    "kubeadm version -o short".to_owned()
}

/// Fails if kubeadm cannot read the file. Before 1.28, where `validate` is missing, `migrate` is the reader; it
/// finds fewer mistakes.
pub fn config_validate_command(kubeadm: &Version, path: &str) -> String {
    let path = quote(path);
    if kubeadm.minor() >= 28 {
        format!("kubeadm config validate --config {path}")
    } else {
        format!("kubeadm config migrate --old-config {path} >/dev/null")
    }
}

/// Prints the images of the file's cluster, one a line.
pub fn images_list_command(path: &str) -> String {
    format!("kubeadm config images list --config {}", quote(path))
}

/// Pulls the images of the file's cluster.
pub fn images_pull_command(path: &str) -> String {
    format!("kubeadm config images pull --config {}", quote(path))
}

/// Sets up the first master. No `--upload-certs`: credentials are made for each join.
pub fn init_command(path: &str, flags: &[String]) -> String {
    format!(
        "kubeadm init --config {} --skip-token-print --skip-certificate-key-print{}",
        quote(path),
        words(flags)
    )
}

/// Joins a master or a worker; the file says which.
pub fn join_command(path: &str, flags: &[String]) -> String {
    format!("kubeadm join --config {}{}", quote(path), words(flags))
}

/// Takes kubeadm's part off the host. Ends with 0 even if the etcd member stayed: look at the member list.
pub fn reset_command(cri_socket: &str) -> String {
    format!("kubeadm reset -f --cri-socket {}", quote(cri_socket))
}

/// Puts the shared certificates into the cluster, encrypted with the file's key, for two hours.
pub fn upload_certs_command(path: &str) -> String {
    format!(
        "kubeadm init phase upload-certs --upload-certs --skip-certificate-key-print --config {}",
        quote(path)
    )
}

fn words(flags: &[String]) -> String {
    flags.iter().map(|flag| format!(" {}", quote(flag))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn init_has_no_argument_that_cannot_stand_beside_config() {
        assert_eq!(
            init_command(
                "/etc/kubernetes/ha/init.yaml",
                &["--skip-phases=addon/kube-proxy".to_owned()]
            ),
            "kubeadm init --config /etc/kubernetes/ha/init.yaml --skip-token-print \
             --skip-certificate-key-print --skip-phases=addon/kube-proxy"
        );
    }

    #[test]
    fn paths_and_flags_are_quoted() {
        assert_eq!(
            join_command("/a b", &["$x".to_owned()]),
            "kubeadm join --config '/a b' '$x'"
        );
        assert_eq!(
            reset_command("unix:///run/containerd/containerd.sock"),
            "kubeadm reset -f --cri-socket unix:///run/containerd/containerd.sock"
        );
    }

    #[test]
    fn old_kubeadm_checks_a_file_by_migrating_it() {
        let of = |version: &str| config_validate_command(&version.parse().unwrap(), "/f");
        assert_eq!(of("1.28.0"), "kubeadm config validate --config /f");
        assert_eq!(of("1.27.9"), "kubeadm config migrate --old-config /f >/dev/null");
    }
}
