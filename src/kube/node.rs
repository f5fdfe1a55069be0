//! One Node: reading it and changing its labels, annotations and taints.
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::{
    as_kubelet::get_as_kubelet,
    kubectl::{ADMIN_CONF, KUBELET_CONF, kubectl},
};
use crate::{
    command::{Script, quote},
    kubeadm::Taint,
};

/// What the provider looks at in a Node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`: another one means another Node of the same name.
    pub uid: String,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`.
    pub annotations: BTreeMap<String, String>,
    /// `spec.taints`.
    pub taints: Vec<Taint>,
    /// Cordoned.
    pub unschedulable: bool,
    /// The condition Ready is True.
    pub is_ready: bool,
    /// `status.addresses`.
    pub addresses: Vec<Address>,
    /// With its `v`.
    pub kubelet_version: String,
    /// The host's `/etc/machine-id`.
    pub machine_id: String,
    /// The host's DMI system UUID.
    pub system_uuid: String,
}

/// One of a Node's addresses.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Address {
    /// `InternalIP`, `ExternalIP`, `Hostname` …
    #[serde(rename = "type")]
    pub kind: String,
    /// The address or name.
    pub address: String,
}

/// The cluster's answer is not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read the {what}: {reason}")]
pub struct ParseError {
    /// What was asked for.
    pub what: &'static str,
    /// Why it cannot be read.
    pub reason: String,
}

/// Changes of a Node; what is not named stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodePatch {
    /// Sets a label, or removes it with `None`.
    pub labels: BTreeMap<String, Option<String>>,
    /// Sets an annotation, or removes it with `None`.
    pub annotations: BTreeMap<String, Option<String>>,
    /// Replaces the whole list, so the taints of Kubernetes itself must be in it.
    pub taints: Option<Vec<Taint>>,
    /// Lets new pods come.
    pub uncordon: bool,
}

impl NodePatch {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.annotations.is_empty() && self.taints.is_none() && !self.uncordon
    }
}

/// Prints the host's own Node, asked for with the kubelet's credentials. Read it with [`parse_own_node`].
pub fn get_own_node_command(name: &str) -> String {
    get_as_kubelet(
        &format!("/api/v1/nodes/{name}"),
        &get_node_command(KUBELET_CONF, name),
    )
}

/// Prints the Node, or nothing if there is none. Read it with [`parse_node`].
pub fn get_node_command(kubeconfig: &str, name: &str) -> String {
    format!(
        "{} get node {} -o json --ignore-not-found",
        kubectl(kubeconfig),
        quote(name)
    )
}

/// What came of [`get_own_node_command`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnNode {
    /// The Node.
    Found(Box<Node>),
    /// The API says that there is none.
    Missing,
    /// The API refused to say.
    Refused,
}

/// Reads the output of [`get_own_node_command`]: the Node, nothing, or the API's refusal.
pub fn parse_own_node(stdout: &str) -> Result<OwnNode, ParseError> {
    #[derive(Deserialize)]
    struct Refusal {
        kind: String,
        code: Option<u16>,
    }
    match serde_json::from_str(stdout) {
        Ok(Refusal { kind, code }) if kind == "Status" && code == Some(404) => Ok(OwnNode::Missing),
        Ok(Refusal { kind, .. }) if kind == "Status" => Ok(OwnNode::Refused),
        _ => Ok(parse_node(stdout)?.map_or(OwnNode::Missing, |node| OwnNode::Found(Box::new(node)))),
    }
}

/// Reads the output of [`get_node_command`].
pub fn parse_node(stdout: &str) -> Result<Option<Node>, ParseError> {
    if stdout.trim().is_empty() {
        return Ok(None);
    }
    let object: Object = serde_json::from_str(stdout).map_err(|error| ParseError {
        what: "Node",
        reason: error.to_string(),
    })?;
    let Object {
        metadata,
        spec,
        status,
    } = object;
    Ok(Some(Node {
        name: metadata.name,
        uid: metadata.uid,
        labels: metadata.labels,
        annotations: metadata.annotations,
        taints: spec.taints,
        unschedulable: spec.unschedulable,
        is_ready: status
            .conditions
            .iter()
            .any(|condition| condition.kind == "Ready" && condition.status == "True"),
        addresses: status.addresses,
        kubelet_version: status.node_info.kubelet_version,
        machine_id: status.node_info.machine_id,
        system_uuid: status.node_info.system_uuid,
    }))
}

/// The parts of the API's object that are read; a Node that just registered has little of its status.
#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    uid: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Spec {
    taints: Vec<Taint>,
    unschedulable: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    conditions: Vec<Condition>,
    addresses: Vec<Address>,
    node_info: NodeInfo,
}

#[derive(Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct NodeInfo {
    kubelet_version: String,
    #[serde(rename = "machineID")]
    machine_id: String,
    #[serde(rename = "systemUUID")]
    system_uuid: String,
}

/// Applies the changes in one merge patch. On a master.
pub fn patch_node_script(name: &str, patch: &NodePatch) -> Script {
    let mut spec = serde_json::Map::new();
    if let Some(taints) = &patch.taints {
        spec.insert("taints".to_owned(), json!(taints));
    }
    if patch.uncordon {
        spec.insert("unschedulable".to_owned(), json!(false));
    }
    let mut object = json!({"metadata": {"labels": patch.labels, "annotations": patch.annotations}});
    if let Some(fields) = object.as_object_mut().filter(|_| !spec.is_empty()) {
        fields.insert("spec".to_owned(), spec.into());
    }
    Script::new(
        "kubectl patch node",
        format!(
            "{} patch node {} --type=merge -p {}",
            kubectl(ADMIN_CONF),
            quote(name),
            quote(&object.to_string())
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::as_kubelet::KUBELET_PEM;

    const READY: &str = r#"{"apiVersion":"v1","kind":"Node","metadata":{
        "annotations":{"node.alpha.kubernetes.io/ttl":"0"},
        "creationTimestamp":"2026-11-22T17:00:00Z",
        "labels":{"kubernetes.io/hostname":"m1","node-role.kubernetes.io/control-plane":""},
        "name":"m1","resourceVersion":"411","uid":"5e6c1f2a-0c9a-4a55-8a1e-2f0f6a0c1d11"},
        "spec":{"podCIDR":"10.244.0.0/24","taints":[
            {"effect":"NoSchedule","key":"node-role.kubernetes.io/control-plane"},
            {"effect":"NoSchedule","key":"node.kubernetes.io/unschedulable","timeAdded":"2026-11-22T17:01:00Z"}],
            "unschedulable":true},
        "status":{"addresses":[{"address":"10.88.0.11","type":"InternalIP"},{"address":"m1","type":"Hostname"}],
            "conditions":[{"type":"MemoryPressure","status":"False"},{"type":"Ready","status":"True"}],
            "nodeInfo":{"kubeletVersion":"v1.37.2","machineID":"4f3c","systemUUID":"a-b","architecture":"amd64"}}}"#;

    #[test]
    fn the_own_node_is_asked_with_curl_where_the_kubelet_has_a_file_and_with_kubectl_elsewhere() {
        let directory = tempfile::tempdir().unwrap();
        let conf = directory.path().join("kubelet.conf");
        let command = get_own_node_command("w1").replace(KUBELET_CONF, conf.to_str().unwrap());
        let ask = |text: String| {
            std::fs::write(&conf, text).unwrap();
            let fakes = "curl() { echo curl \"$@\"; }\nkubectl() { echo kubectl \"$@\"; }\n";
            let script = format!("{fakes}{command}");
            let output = std::process::Command::new("sh")
                .args(["-c", &script])
                .output()
                .unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        let server = "    server: https://10.0.0.100:8443\n";
        let with_file = ask(format!("{server}    client-key: {KUBELET_PEM}\n"));
        assert!(with_file.starts_with("curl "));
        assert!(with_file.ends_with(" https://10.0.0.100:8443/api/v1/nodes/w1\n"));
        let inline = ask(format!("{server}    client-key-data: LS0t\n"));
        assert!(inline.starts_with("kubectl "));
    }

    #[test]
    fn reads_a_ready_node() {
        let node = parse_node(READY).unwrap().unwrap();
        assert!(node.is_ready && node.unschedulable);
        assert_eq!(
            (node.name.as_str(), node.kubelet_version.as_str()),
            ("m1", "v1.37.2")
        );
        assert_eq!(
            (node.machine_id.as_str(), node.system_uuid.as_str()),
            ("4f3c", "a-b")
        );
        assert_eq!(node.addresses[0].address, "10.88.0.11");
        let taints: Vec<String> = node.taints.iter().map(ToString::to_string).collect();
        assert_eq!(
            taints,
            [
                "node-role.kubernetes.io/control-plane:NoSchedule",
                "node.kubernetes.io/unschedulable:NoSchedule"
            ]
        );
    }

    #[test]
    fn a_node_without_status_is_not_ready() {
        let node = parse_node(r#"{"metadata":{"name":"w1","uid":"u"}}"#)
            .unwrap()
            .unwrap();
        assert!(!node.is_ready && node.taints.is_empty());
    }

    #[test]
    fn an_unknown_condition_is_not_ready() {
        let lost = READY.replace(r#""Ready","status":"True""#, r#""Ready","status":"Unknown""#);
        assert!(!parse_node(&lost).unwrap().unwrap().is_ready);
    }

    #[test]
    fn only_a_404_says_that_there_is_no_node() {
        let status =
            |code: u16| format!(r#"{{"kind":"Status","apiVersion":"v1","status":"Failure","code":{code}}}"#);
        assert_eq!(parse_own_node(&status(404)), Ok(OwnNode::Missing));
        assert_eq!(parse_own_node(&status(403)), Ok(OwnNode::Refused));
        assert_eq!(parse_own_node(""), Ok(OwnNode::Missing));
        assert!(matches!(parse_own_node(READY), Ok(OwnNode::Found(_))));
        assert!(parse_own_node("no healthy upstream").is_err());
    }

    #[test]
    fn nothing_printed_is_no_node() {
        assert_eq!(parse_node("\n"), Ok(None));
        assert!(parse_node("Unable to connect to the server").is_err());
    }

    #[test]
    fn a_patch_names_only_what_changes() {
        let mut patch = NodePatch::default();
        patch.labels.insert("tier".into(), Some("it's".into()));
        patch.labels.insert("old".into(), None);
        patch.taints = Some(Vec::new());
        assert_eq!(
            patch_node_script("w1", &patch).body,
            "kubectl --kubeconfig /etc/kubernetes/admin.conf --server https://127.0.0.1:6443 --tls-server-name kubernetes --cache-dir=/dev/null --request-timeout=10s patch node w1 --type=merge \
             -p '{\"metadata\":{\"annotations\":{},\"labels\":{\"old\":null,\"tier\":\"it'\\''s\"}},\"spec\":{\"taints\":[]}}'"
        );
        let uncordon = NodePatch {
            uncordon: true,
            ..NodePatch::default()
        };
        assert!(!uncordon.is_empty());
        assert!(
            patch_node_script("w1", &uncordon)
                .body
                .ends_with(r#","spec":{"unschedulable":false}}'"#)
        );
    }
}
