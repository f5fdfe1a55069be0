//! What kubeadm answers.
use super::{Version, VersionError};

/// A failed preflight check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreflightError {
    /// What `ignore_preflight_errors` calls it, such as `NumCPU`.
    pub name: String,
    /// What kubeadm says, possibly more than one line.
    pub text: String,
}

/// Reads the output of `kubeadm version -o short`.
pub fn parse_version(stdout: &str) -> Result<Version, VersionError> {
    stdout.trim().parse()
}

/// The preflight errors in kubeadm's output, in its order. Lines that go on with an error belong to it.
pub fn preflight_errors(output: &str) -> Vec<PreflightError> {
    let mut errors: Vec<PreflightError> = Vec::new();
    let mut goes_on = false;
    for line in output.lines() {
        let line = line.trim();
        if let Some((name, text)) = line
            .strip_prefix("[ERROR ")
            .and_then(|rest| rest.split_once("]: "))
        {
            errors.push(PreflightError {
                name: name.to_owned(),
                text: text.to_owned(),
            });
            goes_on = true;
        } else if line.is_empty() || line.starts_with('[') || line.starts_with("error") {
            goes_on = false;
        } else if let (true, Some(error)) = (goes_on, errors.last_mut()) {
            error.text.push('\n');
            error.text.push_str(line);
        }
    }
    errors
}

/// kubeadm's own error where it ends with one, its last 20 lines otherwise; without colours.
pub fn last_words(output: &str) -> String {
    let lines: Vec<String> = output
        .lines()
        .map(without_colours)
        .filter(|line| !line.starts_with("To see the stack trace"))
        .collect();
    let error = lines
        .iter()
        .rposition(|line| line.starts_with("error: ") || line.starts_with("error execution phase"));
    let first = error.unwrap_or(lines.len().saturating_sub(20));
    lines
        .get(first..)
        .unwrap_or_default()
        .join("\n")
        .trim_end()
        .to_owned()
}

/// A line without the escape sequences that colour it: ESC, `[`, numbers, `m`.
fn without_colours(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + part.split_once('m').map_or(part, |(_, rest)| rest)
    })
}

/// Words of kubeadm, the kubelet or etcd, and what to do about them; the more particular come first.
const EXPLANATIONS: &[(&str, &str)] = &[
    (
        "none of the public keys",
        "The API server behind the endpoint belongs to another cluster: its CA is not the expected one. Check \
         control_plane_endpoint and which hosts carry the floating IP.",
    ),
    (
        "timed out waiting for the kubelet to perform the TLS Bootstrap",
        "The kubelet got no certificate from the cluster. Check that a kube-controller-manager runs, that the endpoint \
         can be reached from the host and that the hosts' clocks agree.",
    ),
    (
        "\"kubeadm-certs\" was not found",
        "The uploaded certificates are gone; they live for two hours. Apply again: each join uploads them anew.",
    ),
    (
        "too many learner members",
        "Another master is joining etcd at this moment, or one has stayed a learner. Apply again when it is done, or \
         remove the stale member.",
    ),
    (
        "not enough started members",
        "etcd refuses a change because a member never started. Remove the dead master from the cluster first.",
    ),
    (
        "already exists in the cluster",
        "A node of this name is in the cluster. Give this host another node_name or delete that Node.",
    ),
    (
        "[ERROR FileContent--proc-sys-net-ipv4-ip_forward]",
        "The host does not forward packets. Set net.ipv4.ip_forward = 1 in /etc/sysctl.d and load it.",
    ),
    (
        "[ERROR Swap]",
        "Swap is on. Turn it off on the host, or set failSwapOn: false in kubelet_config and add Swap to \
         ignore_preflight_errors.",
    ),
    (
        "host using cgroup v1",
        "The host uses cgroup v1, which this kubelet refuses. Boot it with cgroup v2, or set failCgroupV1: false in \
         kubelet_config.",
    ),
    (
        "misconfiguration: kubelet cgroup driver",
        "The kubelet and the container runtime use different cgroup drivers. Set cgroupDriver in kubelet_config to \
         what the runtime has (SystemdCgroup in containerd's configuration).",
    ),
    (
        "[ERROR CRI]",
        "The container runtime does not answer. Check that containerd runs, that its CRI plugin is not disabled in \
         /etc/containerd/config.toml, and that its socket is the expected one.",
    ),
    (
        "certificate has expired or is not yet valid",
        "A certificate is out of its time. Check the hosts' clocks, then the certificates.",
    ),
    (
        "x509: certificate is valid for",
        "The API server's certificate does not hold the name that was called. Use the endpoint of the cluster, or add \
         the name to cert_sans before the cluster is made.",
    ),
    (
        "[ERROR ImagePull]",
        "An image cannot be pulled. Check the host's way to the registry, image_repository and kubernetes_version.",
    ),
    (
        "strict decoding error",
        "The configuration has a field that this kubeadm does not know. Check kubelet_config, kube_proxy_config and \
         the extra arguments.",
    ),
    (
        "127.0.0.1:10248/healthz",
        "The kubelet does not become healthy. Its journal on the host has the reason: journalctl -u kubelet. Often it is \
         swap, cgroup v1, the cgroup driver or a field of kubelet_config.",
    ),
];

/// What to do about a well-known failure, in sentences for the user.
pub fn explain(output: &str) -> Option<&'static str> {
    EXPLANATIONS
        .iter()
        .find(|(words, _)| output.contains(words))
        .map(|(_, hint)| *hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_are_the_error_without_colours() {
        let output = "\u{1b}[0;32menabled\u{1b}[0m\nerror: error execution phase preflight: no\nmore\nTo see the stack trace of this error execute with --v=5 or higher\n";
        assert_eq!(
            last_words(output),
            "error: error execution phase preflight: no\nmore"
        );
        assert_eq!(last_words("\u{1b}[0;32menabled\u{1b}[0m\nend\n"), "enabled\nend");
    }

    const REFUSED: &str = "\
[init] Using Kubernetes version: v1.37.2
[preflight] Running pre-flight checks
\t[WARNING Hostname]: hostname \"m1\" could not be reached
error execution phase preflight: [preflight] Some fatal errors occurred:
\t[ERROR NumCPU]: the number of available CPUs 1 is less than the required 2
\t[ERROR FileAvailable--etc-kubernetes-manifests-etcd.yaml]: /etc/kubernetes/manifests/etcd.yaml already exists
\t[ERROR ImagePull]: failed to pull image registry.k8s.io/pause:3.10.2: output: FATA[0000] no route
to the registry: exit status 1
[preflight] If you know what you are doing, you can make a check non-fatal with `--ignore-preflight-errors=...`
To see the stack trace of this error execute with --v=5 or higher
";

    /// As 1.37.2 wrote it, shortened.
    const REFUSED_BY_1_37: &str = "\
[preflight] Running pre-flight checks
\t[WARNING Service-kubelet]: kubelet service is not enabled, please run 'systemctl enable kubelet.service'
[preflight] Some fatal errors occurred:
\t[ERROR CRI]: could not connect to the container runtime: failed to create new CRI runtime service
\t[ERROR FileContent--proc-sys-net-ipv4-ip_forward]: /proc/sys/net/ipv4/ip_forward contents are not set to 1
[preflight] If you know what you are doing, you can make a check non-fatal with `--ignore-preflight-errors=...`
error: error execution phase preflight: preflight checks failed
To see the stack trace of this error execute with --v=5 or higher
";

    #[test]
    fn finds_each_preflight_error_and_no_warning() {
        let errors = preflight_errors(REFUSED);
        let names: Vec<&str> = errors.iter().map(|error| error.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "NumCPU",
                "FileAvailable--etc-kubernetes-manifests-etcd.yaml",
                "ImagePull"
            ]
        );
        assert_eq!(
            errors[0].text,
            "the number of available CPUs 1 is less than the required 2"
        );
        assert!(
            errors[2]
                .text
                .ends_with("no route\nto the registry: exit status 1"),
            "{errors:?}"
        );
    }

    #[test]
    fn finds_the_errors_of_now() {
        let errors = preflight_errors(REFUSED_BY_1_37);
        let names: Vec<&str> = errors.iter().map(|error| error.name.as_str()).collect();
        assert_eq!(names, ["CRI", "FileContent--proc-sys-net-ipv4-ip_forward"]);
        assert_eq!(
            errors[1].text,
            "/proc/sys/net/ipv4/ip_forward contents are not set to 1"
        );
    }

    #[test]
    fn no_error_where_there_is_none() {
        assert_eq!(preflight_errors("[preflight] Running pre-flight checks\n"), []);
    }

    #[test]
    fn explains_what_is_well_known() {
        assert!(explain(REFUSED).unwrap().contains("registry"));
        let pin = "error execution phase preflight: couldn't validate the identity of the API Server: cluster CA \
            found in cluster-info ConfigMap is invalid: none of the public keys \"sha256:00\" are pinned";
        assert!(explain(pin).unwrap().contains("another cluster"));
        assert_eq!(explain("something else"), None);
    }

    #[test]
    fn every_explanation_can_be_reached() {
        for (words, hint) in EXPLANATIONS {
            assert_eq!(explain(words), Some(*hint));
            assert!(hint.ends_with('.'), "{hint}");
        }
    }

    #[test]
    fn reads_the_short_version() {
        assert_eq!(parse_version("v1.37.2\n").unwrap().to_string(), "1.37.2");
        assert!(parse_version("").is_err());
    }
}
