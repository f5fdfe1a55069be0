//! Reads a node as it is, in one round trip to its host.
use std::{collections::BTreeMap, time::Duration};

use crate::{
    etcd,
    kube::{self, Node, OwnNode, RunningCluster},
    kubeadm,
    lifecycle::{
        failure::{Failure, answer_not_understood},
        host::{CLUSTER_FILE, Marker, answers_of},
    },
    node::{MARKER, Query, files::read_section},
    remote::Host,
};

/// What is on a host of a node.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// The node.
    Node(Box<NodeSeen>),
    /// What a removal that was cut short has left of it: our note, and no credentials any more.
    Half,
}

impl Found {
    /// The node, unless it is half removed.
    pub(crate) fn node(self) -> Option<NodeSeen> {
        match self {
            Self::Node(seen) => Some(*seen),
            Self::Half => None,
        }
    }
}

/// A node, as its host tells it.
#[derive(Clone, Debug)]
pub(crate) struct NodeSeen {
    /// `/etc/machine-id`.
    pub machine_id: String,
    /// The Node object; none if the API did not answer or has no such Node.
    pub node: Option<Node>,
    /// Whether the API answered and has no such Node.
    pub is_node_gone: bool,
    /// Whether its removal was begun and has not ended.
    pub is_leaving: bool,
    /// The cluster CA's certificate.
    pub ca_cert_pem: String,
    /// Hash of its public key.
    pub ca_cert_hash: String,
    /// What the cluster says of itself; none on workers and if the API did not answer.
    pub cluster: Option<RunningCluster>,
    /// etcd's members; empty on workers and where etcd does not answer.
    pub members: Vec<etcd::Member>,
    /// The end of the certificate that ends first, RFC 3339; none on workers.
    pub certificates_expire_at: Option<String>,
    /// Files that the resource keeps there, by path.
    pub files: BTreeMap<String, String>,
}

/// Reads the node; `None` if nothing of it is there any more: somebody reinstalled the host, or removed all.
///
/// The kubelet's own credentials may read its own Node, so no master is needed. Never writes.
pub(crate) async fn read_node(host: &Host, name: &str, limit: Duration) -> Result<Option<Found>, Failure> {
    let query = Query::new()
        .section("machine_id", "cat /etc/machine-id")
        .section("kubelet", format!("test -e {}", kube::KUBELET_CONF))
        .section("marker", format!("cat {MARKER}"))
        .section("node", kube::get_own_node_command(name))
        .section("cluster", format!("test -e {} || exit 1\n{}", kube::ADMIN_CONF, kube::own_cluster_config_command()))
        .section("ca", "cat /etc/kubernetes/pki/ca.crt")
        .section("certificates", "cat /etc/kubernetes/pki/*.crt /etc/kubernetes/pki/etcd/*.crt 2>/dev/null; test -e /etc/kubernetes/pki/apiserver.crt")
        .section("members", format!("test -e /etc/kubernetes/pki/etcd/ca.crt && {}", etcd::member_list_command()));
    let query = read_section(query, CLUSTER_FILE, CLUSTER_FILE);
    let stdout = host.look_ok(&query.script("read node").limit(limit)).await?;
    let answers = answers_of(host, &stdout, &["node", "cluster", "members"])?;
    // Only a look that says "not there" means gone; one that failed or took too long does not.
    // `kubeadm reset` takes the CA before it takes the kubelet's credentials.
    let is_without_ca = answers.status("ca") == Some(1);
    let ca_cert_pem = match (
        answers.status("kubelet"),
        answers.text("ca"),
        answers.status("marker"),
    ) {
        (Some(1), _, Some(1)) => return Ok(None),
        (Some(1), _, Some(0)) => return Ok(Some(Found::Half)),
        (Some(0), Some(pem), _) => pem,
        (Some(0), None, Some(0)) if is_without_ca => return Ok(Some(Found::Half)),
        _ => {
            return Err(answer_not_understood(
                host,
                &"the node's credentials could not be read",
            ));
        }
    };
    let (node, is_node_gone) = match answers.text("node").map(kube::parse_own_node) {
        Some(Ok(OwnNode::Found(node))) => (Some(*node), false),
        Some(Ok(OwnNode::Missing)) => (None, true),
        // What stands in front of an API server that is down may say anything.
        Some(Ok(OwnNode::Refused) | Err(_)) | None => (None, false),
    };
    Ok(Some(Found::Node(Box::new(NodeSeen {
        machine_id: answers.text("machine_id").unwrap_or_default().trim().to_owned(),
        is_node_gone,
        is_leaving: Marker::of_file(answers.text("marker"))
            .map_err(|failure| failure.on(host.name()))?
            .is_some_and(|marker| marker.leaving().is_some()),
        node,
        ca_cert_pem: ca_cert_pem.to_owned(),
        ca_cert_hash: kubeadm::ca_cert_hash(ca_cert_pem)
            .map_err(|error| answer_not_understood(host, &error))?,
        cluster: answers
            .text("cluster")
            .and_then(|text| kube::parse_cluster_config(text).ok()),
        members: answers
            .text("members")
            .and_then(|text| etcd::parse_member_list(text).ok())
            .unwrap_or_default(),
        certificates_expire_at: answers.text("certificates").and_then(first_expiry),
        files: answers
            .text(CLUSTER_FILE)
            .map(|text| (CLUSTER_FILE.to_owned(), text.to_owned()))
            .into_iter()
            .collect(),
    }))))
}

/// The end of the certificate that ends first. RFC 3339 texts in UTC sort by time.
fn first_expiry(bundle: &str) -> Option<String> {
    const END: &str = "-----END CERTIFICATE-----";
    bundle
        .split_inclusive(END)
        .filter(|pem| pem.contains(END))
        .filter_map(|pem| kubeadm::not_after(pem.trim_start()).ok())
        .min()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use base64::{Engine as _, prelude::BASE64_STANDARD};

    use super::*;
    use crate::{command::Output, remote::fake::FakeHost};

    /// What is read of a host where these commands end so: kubelet's credentials, CA, our note.
    async fn read(kubelet: i32, ca: i32, marker: i32) -> Result<Option<Found>, Failure> {
        let host = FakeHost::new("10.0.0.11").on("read node", move |_, script| {
            let keys = script
                .body
                .lines()
                .filter_map(|line| line.strip_prefix("section "));
            let mut stdout = String::new();
            for key in keys.filter_map(|line| line.split(' ').next()) {
                let key = key.trim_matches('\'');
                let status = match key {
                    "kubelet" => kubelet,
                    "ca" => ca,
                    "marker" => marker,
                    _ => 1,
                };
                writeln!(stdout, "{key} {status} {}", BASE64_STANDARD.encode("x")).unwrap();
            }
            let end = script.body.lines().last().unwrap().trim_start_matches("echo ");
            Output {
                stdout: stdout + end + "\n",
                ..Output::default()
            }
        });
        read_node(&host.host(), "m1", Duration::from_secs(1)).await
    }

    #[tokio::test]
    async fn a_node_is_gone_when_its_note_is_gone() {
        assert!(read(1, 1, 1).await.unwrap().is_none(), "nothing is there");
        assert!(
            matches!(read(1, 1, 0).await.unwrap(), Some(Found::Half)),
            "reset, not cleaned"
        );
        assert!(
            matches!(read(0, 1, 0).await.unwrap(), Some(Found::Half)),
            "reset is at it"
        );
        assert!(read(0, 1, 1).await.is_err(), "not ours: nothing can be said");
        assert!(
            read(124, 0, 0).await.is_err(),
            "a look that took too long says nothing"
        );
    }
}
