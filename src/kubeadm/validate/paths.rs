//! Paths on hosts: folders, sockets, and what is mounted into static pods.
use super::super::names::is_dns_label;

/// Kubernetes' `HostPathType`; empty is no check.
pub const HOST_PATH_TYPES: [&str; 8] = [
    "",
    "DirectoryOrCreate",
    "Directory",
    "FileOrCreate",
    "File",
    "Socket",
    "CharDevice",
    "BlockDevice",
];

/// Begins with a slash and leads nowhere else than it says.
pub fn validate_absolute_path(text: &str) -> Result<(), String> {
    if !text.starts_with('/') {
        return Err(format!("{text:?} must be an absolute path on the host"));
    }
    if text.split('/').any(|part| part == "..") {
        return Err(format!("{text:?} must not have .. in it"));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("{text:?} must not have control characters in it"));
    }
    Ok(())
}

/// Folders of the system; a reset of kubeadm empties etcd's folder.
const SYSTEM_FOLDERS: [&str; 26] = [
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/etc/kubernetes",
    "/etc/kubernetes/manifests",
    "/etc/kubernetes/pki",
    "/home",
    "/lib",
    "/lib64",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/tmp",
    "/usr",
    "/usr/local",
    "/var",
    "/var/lib",
    "/var/lib/containerd",
    "/var/lib/kubelet",
    "/var/log",
    "/var/run",
];

/// etcd's folder: its own, and not gone after a reboot.
pub fn validate_data_dir(text: &str) -> Result<(), String> {
    validate_absolute_path(text)?;
    let parts: Vec<&str> = text
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    let path = format!("/{}", parts.join("/"));
    if SYSTEM_FOLDERS.contains(&path.as_str()) {
        return Err(format!(
            "{text:?} is a folder of the system: etcd needs a folder of its own, such as /var/lib/etcd, which `kubeadm reset` may empty"
        ));
    }
    if let Some(lost) = ["proc", "sys", "dev", "run"]
        .iter()
        .find(|lost| parts.first() == Some(*lost))
    {
        return Err(format!("{text:?} lies in /{lost}, which is empty after a reboot"));
    }
    Ok(())
}

/// `unix://` and an absolute path, or such a path alone.
pub fn validate_cri_socket(text: &str) -> Result<(), String> {
    let path = text.strip_prefix("unix://").unwrap_or(text);
    if !path.starts_with('/') || path.ends_with('/') || path.contains(char::is_whitespace) {
        return Err(format!(
            "{text:?} is not a socket, such as unix:///run/containerd/containerd.sock: write unix:// and its absolute path"
        ));
    }
    if path.ends_with("/docker.sock") {
        return Err(format!(
            "{text:?} is Docker's own socket, which the kubelet does not understand. cri-dockerd beside Docker has unix:///run/cri-dockerd.sock; containerd has unix:///run/containerd/containerd.sock"
        ));
    }
    Ok(())
}

/// An RFC 1123 label, as volumes of a pod have it.
pub fn validate_volume_name(text: &str) -> Result<(), String> {
    if is_dns_label(text) {
        Ok(())
    } else {
        Err(format!(
            "{text:?} cannot be the name of a volume: 1 to 63 lower-case letters, digits and '-' are allowed, beginning and ending with a letter or digit"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etcd_has_a_folder_of_its_own() {
        for text in ["/var/lib/etcd", "/data/etcd", "/mnt/disk1", "/var/lib/etcd/"] {
            assert_eq!(validate_data_dir(text), Ok(()), "{text}");
        }
        for text in [
            "",
            "etcd",
            "/",
            "//",
            "/./",
            "/var",
            "/var/lib/",
            "/run/etcd",
            "/data/../etc",
            "/a\nb",
        ] {
            assert!(validate_data_dir(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_socket_is_an_absolute_path() {
        for text in [
            "unix:///run/containerd/containerd.sock",
            "/var/run/crio/crio.sock",
        ] {
            assert_eq!(validate_cri_socket(text), Ok(()), "{text}");
        }
        for text in [
            "",
            "containerd",
            "unix://run/x.sock",
            "tcp://127.0.0.1:1",
            "unix://",
            "unix:///a b",
            "/var/run/docker.sock",
        ] {
            assert!(validate_cri_socket(text).is_err(), "{text}");
        }
    }

    #[test]
    fn volumes_are_labels() {
        assert!(validate_volume_name("audit-log").is_ok());
        for text in ["", "A b", "a.b", "a_b"] {
            assert!(validate_volume_name(text).is_err(), "{text}");
        }
    }
}
