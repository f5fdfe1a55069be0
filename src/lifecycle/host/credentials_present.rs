//! Whether a node's credentials lie on the host.
use super::marker::Marker;
use crate::{
    command::Look,
    kube::KUBELET_CONF,
    lifecycle::{
        engine::{Check, Run},
        failure::Failure,
    },
};

/// Whether what kubeadm made is there still; its good result alone does not say so once somebody reset the host.
pub(crate) async fn has_credentials(run: &Run, kubeconfig: &str) -> Result<Check, Failure> {
    let script = Look::new("look for credentials", format!("test -e {kubeconfig}"));
    Ok(match run.host.look(&script).await?.status {
        0 => Check::Done,
        _ => Check::Needed(format!("kubeadm ended well, and {kubeconfig} is gone")),
    })
}

/// Whether the host is a node that was finished: recorded, and with its credentials and its CA. A reset takes one of these
/// first, so nothing that has anything left to undo looks like that.
pub(crate) async fn is_finished_node(run: &Run, marker: Option<&Marker>) -> Result<bool, Failure> {
    if marker.is_none_or(|marker| !marker.is_member) {
        return Ok(false);
    }
    let files = format!("test -e {KUBELET_CONF} && test -e /etc/kubernetes/pki/ca.crt");
    let script = Look::new("look for credentials", files);
    Ok(run.host.look(&script).await?.status == 0)
}

/// Refuses to make a finished node anew: whoever gets here has looked too early, or not at all.
pub(crate) async fn refuse_finished_node(run: &Run, marker: Option<&Marker>) -> Result<(), Failure> {
    if !is_finished_node(run, marker).await? {
        return Ok(());
    }
    let detail =
        "The host is recorded as a node, and has a node's files: another run may have finished it just now.";
    Err(Failure::new("Host is a node already", detail)
        .at("host")
        .on(run.host.name())
        .advise("Nothing was changed. Apply again: the node is taken over as it is."))
}
