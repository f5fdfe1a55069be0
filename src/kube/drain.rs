//! Taking a node out of service.
use std::time::Duration;

use super::kubectl::{ADMIN_CONF, kubectl, patient_kubectl};
use crate::{
    command::{Script, quote},
    kubeadm::Version,
};

/// kubectl ends by itself; the host's own limit only has to be later.
const GRACE: Duration = Duration::from_secs(30);

/// Whether the node's kubelet ends the pods that are evicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kubelet {
    /// It does.
    Alive,
    /// The host does not answer, and its Node is still Ready: pods that are past their time to end are not waited for.
    MayBeDead,
    /// The Node is not Ready: what ran there does not any more, so no disruption budget is asked and nothing is
    /// waited for. The pods vanish with the Node.
    Dead,
}

/// Cordons the node and evicts its pods within the timeout. On a master; `kubectl` is its kubectl's version.
pub fn drain_script(name: &str, timeout: Duration, kubectl_version: &Version, kubelet: Kubelet) -> Script {
    let empty_dir = if kubectl_version.minor() < 20 {
        "--delete-local-data"
    } else {
        "--delete-emptydir-data"
    };
    let waiting = match kubelet {
        Kubelet::MayBeDead if kubectl_version.minor() >= 19 => " --skip-wait-for-delete-timeout=1",
        Kubelet::Dead if kubectl_version.minor() >= 19 => {
            " --disable-eviction --grace-period=1 --skip-wait-for-delete-timeout=1"
        }
        Kubelet::Alive | Kubelet::MayBeDead | Kubelet::Dead => "",
    };
    // No limit for single requests here: kubectl would take it for the evictions' too.
    let body = format!(
        "{} drain {} --ignore-daemonsets {empty_dir} --force{waiting} --timeout={}s",
        patient_kubectl(ADMIN_CONF),
        quote(name),
        timeout.as_secs().max(1)
    );
    Script::new("kubectl drain", body).limit(timeout + GRACE)
}

/// Deletes the Node, if there is one. On a master, after the node's kubelet has stopped.
pub fn delete_node_script(name: &str) -> Script {
    Script::new(
        "kubectl delete node",
        format!(
            "{} delete node {} --ignore-not-found",
            kubectl(ADMIN_CONF),
            quote(name)
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(version: &str) -> Script {
        drain_script(
            "w1",
            Duration::from_secs(300),
            &version.parse().unwrap(),
            Kubelet::Alive,
        )
    }

    #[test]
    fn drain_uses_the_flag_of_its_kubectl() {
        assert_eq!(
            drain("1.37.2").body,
            "kubectl --kubeconfig /etc/kubernetes/admin.conf --server https://127.0.0.1:6443 \
             --tls-server-name kubernetes --cache-dir=/dev/null drain w1 --ignore-daemonsets \
             --delete-emptydir-data --force --timeout=300s"
        );
        assert!(drain("1.19.16").body.contains(" --delete-local-data "));
        assert!(drain("1.20.0").body.contains(" --delete-emptydir-data "));
    }

    #[test]
    fn pods_of_a_dead_kubelet_are_not_waited_for() {
        let script = |kubelet| {
            let version = "1.37.2".parse().unwrap();
            drain_script("w1", Duration::from_secs(60), &version, kubelet).body
        };
        assert!(
            script(Kubelet::MayBeDead).ends_with(" --force --skip-wait-for-delete-timeout=1 --timeout=60s")
        );
        assert!(
            script(Kubelet::Dead)
                .contains(" --disable-eviction --grace-period=1 --skip-wait-for-delete-timeout=1 ")
        );
    }

    #[test]
    fn kubectl_gives_up_before_the_host_does() {
        assert!(drain("1.37.2").limit > Duration::from_secs(300));
        // 0 would mean forever.
        let script = drain_script("w1", Duration::ZERO, &"1.37.2".parse().unwrap(), Kubelet::Alive);
        assert!(script.body.ends_with("--timeout=1s"), "{}", script.body);
    }
}
