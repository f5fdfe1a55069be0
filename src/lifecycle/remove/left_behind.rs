//! What a removal could not clean, told to people: what is left where, and what to do about it.
use crate::lifecycle::{failure::Failure, notice::Notice, spec::RemovalSpec};

/// No master answers through which the cluster could be cleaned.
pub(crate) fn nobody_to_clean_through(host: &str, account: &str) -> Failure {
    let detail = format!(
        "The host does not answer, and neither does a master through which the cluster could be cleaned of it:\n{account}"
    );
    Failure::new("Host not reached, and no master either", detail).on(host).advise(
        "Nothing was changed. If the network is at fault, mend it and apply again. If the machines are gone for good, apply if_unreachable = \"forget\" first; that touches no host.",
    )
}

/// No master answers that could let a node leave whose host does.
pub(super) fn no_master_answers(account: &str) -> Failure {
    let detail =
        format!("Other masters of the cluster exist or may exist, and none of them answers:\n{account}");
    Failure::new("No master answers that could let this node leave", detail).advise(
        "Bring one of the other masters back and apply again; its API server and etcd must take the node out.",
    )
}

/// The cluster was cleaned through another master; the host was not.
pub(crate) fn cleaned_through(host: &str, why: &str, leaving: &RemovalSpec, via: &str) -> Notice {
    let gone = match leaving.advertise_address {
        Some(_) => format!("its Node {} and its etcd member are gone", leaving.node_name),
        None => format!("its Node {} is gone", leaving.node_name),
    };
    Notice {
        summary: "Host not reached, cluster cleaned of it",
        detail: format!(
            "Host: {host}\n\n{why}. The cluster was cleaned through {via}: {gone}.\n\n{}",
            left_on_host(leaving)
        ),
    }
}

/// Nothing was cleaned, because the user said so.
pub(crate) fn forgotten(host: &str, why: &str, leaving: &RemovalSpec) -> Notice {
    let member = match leaving.advertise_address {
        Some(address) => {
            format!(" and its etcd member at {address}, which counts for the quorum until it is removed")
        }
        None => String::new(),
    };
    Notice {
        summary: "Host not reached, node forgotten",
        detail: format!(
            "Host: {host}\n\n{why}, and if_unreachable is \"forget\": only the state was changed. The cluster still has the Node {}{member}. Remove them from another master once it is sure that the host does not come back.\n\n{}",
            leaving.node_name,
            left_on_host(leaving)
        ),
    }
}

/// etcd could not take the node out.
pub(crate) fn released(host: &str, why: Option<&str>, leaving: &RemovalSpec) -> Notice {
    let (place, rest) = match why {
        Some(why) => (format!("{why}, and e"), format!("\n\n{}", left_on_host(leaving))),
        None => ("E".to_owned(), String::new()),
    };
    let member = match leaving.advertise_address {
        Some(_) => " and its etcd member are",
        None => " is",
    };
    Notice {
        summary: "Node left a cluster that could not take it out",
        detail: format!(
            "Host: {host}\n\n{place}tcd has no quorum, so the cluster was not changed: the Node {}{member} still on its lists. If the cluster comes back to life, remove them there: kubectl delete node {}; etcdctl member remove.{rest}",
            leaving.node_name, leaving.node_name
        ),
    }
}

/// The cluster is gone, the host was not cleaned.
pub(crate) fn cluster_gone(host: &str, why: &str, leaving: &RemovalSpec) -> Notice {
    Notice {
        summary: "Host not reached, its cluster is gone",
        detail: format!(
            "Host: {host}\n\n{why}. No other master has the cluster any more, so there was nothing to clean.\n\n{}",
            left_on_host(leaving)
        ),
    }
}

/// The worker was reset without a master's help.
pub(crate) fn reset_alone(host: &str, leaving: &RemovalSpec, account: &str) -> Notice {
    Notice {
        summary: "Worker reset without its cluster",
        detail: format!(
            "Host: {host}\n\nNo master answered, so the Node {} was not drained and may still be on the cluster's list:\n{account}",
            leaving.node_name
        ),
    }
}

fn left_on_host(leaving: &RemovalSpec) -> String {
    let name = &leaving.node_name;
    let end = "If the machine is gone for good, there is nothing to do.";
    if leaving.advertise_address.is_none() {
        return format!(
            "Left on the host, as nobody could log in: its kubelet with its credentials. If the host comes back, the kubelet registers the Node {name} again, without the labels and taints of this resource, and pods may run there. Run `kubeadm reset -f` on it then, or create an ha_worker on it again. {end}"
        );
    }
    format!(
        "Left on the host, as nobody could log in:\n\
         - the kubelet with its credentials (/etc/kubernetes/kubelet.conf)\n\
         - the static pods (/etc/kubernetes/manifests) and the keys of the cluster's CA (/etc/kubernetes/pki)\n\
         - etcd's data (/var/lib/etcd)\n\n\
         If the host comes back, its etcd does not start, as its member was removed, so that its API server does not answer; its kubelet may register the Node {name} again, without its taints. Run `kubeadm reset -f` on it then, or create an ha_master on it again, which resets it and joins it anew. {end}"
    )
}
