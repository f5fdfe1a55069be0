//! Hosts that were nodes once: they were taken out of their cluster while they were down, and do not know of it.
use super::survey::{HostReport, Survey};
use crate::{
    lifecycle::{host::marker_of, notice::Notice},
    node::Facts,
    remote::Host,
};

/// Whether this provider recorded the host as a node once.
pub(crate) fn is_recorded(facts: &Facts) -> bool {
    matches!(marker_of(facts), Ok(Some(marker)) if marker.is_member)
}

/// The master that says that this host is no longer a control-plane node: it is recorded as one, its own etcd does not answer, and
/// the cluster's list of members, which a majority agrees on, has it not.
pub(crate) fn taken_out_by<'a>(own: &HostReport, survey: &'a Survey) -> Option<&'a HostReport> {
    let marker = own.marker.as_ref().filter(|marker| marker.is_member)?;
    if is_alive(own) {
        return None;
    }
    survey.masters().find(|seen| {
        seen.is_usable()
            && !seen.is_same_machine(own)
            && seen.ca_cert_hash == own.ca_cert_hash
            && seen.members.iter().all(|member| member.name != marker.node_name)
    })
}

fn is_alive(own: &HostReport) -> bool {
    own.api_ready || !own.members.is_empty()
}

/// Asks the host and the other masters; tells what to do if the host is no longer a control-plane node. Reads only.
pub(crate) async fn look_for_stale_master(host: &Host, masters: &[Host]) -> Option<Notice> {
    let own = Survey::of(std::slice::from_ref(host)).await;
    let own = own.seen.first().filter(|own| own.is_master() && !is_alive(own))?;
    let others: Vec<Host> = masters
        .iter()
        .filter(|master| master.name() != host.name())
        .cloned()
        .collect();
    let survey = Survey::of(&others).await;
    let by = taken_out_by(own, &survey)?;
    Some(Notice {
        summary: "Host is no longer a control-plane node",
        detail: format!(
            "Host: {}\n\nIts etcd member was removed from the cluster, as {} says, while the host was down. What it was lies there still: its API server does not answer, and its kubelet may have registered the Node again. Creating the ha_master resets the host and joins it anew. If it is not to be a master any more, run `kubeadm reset -f` on it.",
            host.name(),
            by.host.name()
        ),
    })
}

/// A worker whose Node is gone.
pub(crate) fn stale_worker(host: &str, node_name: &str) -> Notice {
    Notice {
        summary: "Host is no longer a worker",
        detail: format!(
            "Host: {host}\n\nThe cluster has no Node {node_name} any more. Creating the ha_worker resets the host and joins it anew."
        ),
    }
}
