//! Looks for a node that runs on a host, and for what its resource has to know of it.
use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use crate::{
    kube,
    kubeadm::{self, KUBELET_FLAGS, KubeletFlags, Topology},
    lifecycle::{
        failure::{Failure, answer_not_understood},
        host::answers_of,
    },
    node::Query,
    remote::Host,
};

/// What a node is for its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeRole {
    /// It runs an API server.
    Master,
    /// It runs none.
    Worker,
}

/// A node that runs, whoever made it.
#[derive(Clone, Debug)]
pub(crate) struct FoundNode {
    /// The Node's name, which may be another than the host's.
    pub node_name: String,
    /// What it is.
    pub role: NodeRole,
    /// The address of its API server; none on workers.
    pub advertise_address: Option<IpAddr>,
    /// What somebody gave the kubelet beside kubeadm's own flags.
    pub kubelet_extra_args: BTreeMap<String, String>,
    /// The runtime's socket, as the kubelet has it; none if it does not say.
    pub cri_socket: Option<String>,
    /// `host:port` of the cluster's API.
    pub endpoint: String,
    /// The cluster's name.
    pub cluster_name: String,
    /// `sha256:…` of the cluster's CA.
    pub ca_cert_hash: String,
    /// The masters' advertise addresses; empty where this host may not ask for them.
    pub masters: Vec<IpAddr>,
}

const MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";
/// By this name a kubelet is known to the API (kubernetes.io, "Using Node Authorization").
const NODE_USER: &str = "system:node:";

/// Looks at the host, in one round trip; a failure if no node runs there, or one that no resource can keep.
pub(crate) async fn find_node(host: &Host, limit: Duration) -> Result<FoundNode, Failure> {
    let query = Query::new()
        .section("kubelet", format!("test -e {}", kube::KUBELET_CONF))
        .section("ca", "cat /etc/kubernetes/pki/ca.crt")
        .section("certificate", kube::own_certificate_command())
        .section("master", format!("test -e {MANIFEST}"))
        .section("address", format!("sed -n 's/.*--advertise-address=//p' {MANIFEST}"))
        .section("flags", format!("cat {KUBELET_FLAGS}"))
        .section(
            "socket",
            "sed -n 's/^containerRuntimeEndpoint: *//p' /var/lib/kubelet/instance-config.yaml /var/lib/kubelet/config.yaml",
        )
        .section("server", format!("sed -n 's,^ *server: *https://,,p' {}", kube::KUBELET_CONF))
        .section("cluster", kube::own_cluster_config_command())
        .section("masters", kube::api_servers_command());
    let stdout = host
        .look_ok(&query.script("look for a node").limit(limit))
        .await?;
    let answers = answers_of(host, &stdout, &["cluster", "masters"])?;
    let text = |key| {
        let text = answers.text(key).unwrap_or_default().lines().next();
        text.map(|line| line.trim().trim_matches('"').to_owned())
            .filter(|line| !line.is_empty())
    };
    if answers.status("kubelet") != Some(0) {
        return Err(no_node(host));
    }
    let Some(ca) = answers.text("ca") else {
        return Err(elsewhere(host));
    };
    let cluster = answers.text("cluster");
    let running = cluster
        .and_then(|text| kube::parse_cluster_config(text).ok())
        .ok_or_else(|| silent_api(host))?;
    let role = match answers.status("master") {
        Some(0) => NodeRole::Master,
        _ => NodeRole::Worker,
    };
    if role == NodeRole::Master && running.topology == Topology::ExternalEtcd {
        return Err(external_etcd(host));
    }
    let unreadable = |error: &dyn std::fmt::Display| answer_not_understood(host, &error);
    let name = kubeadm::common_name(answers.text("certificate").unwrap_or_default())
        .map_err(|error| unreadable(&error))?;
    let name = name.as_deref().and_then(|name| name.strip_prefix(NODE_USER));
    let flags = KubeletFlags::parse(answers.text("flags").unwrap_or_default());
    let endpoint = running.spec.control_plane_endpoint.as_ref();
    Ok(FoundNode {
        node_name: name
            .ok_or_else(|| unreadable(&"the kubelet's certificate has no Node's name"))?
            .to_owned(),
        role,
        advertise_address: text("address").and_then(|text| text.parse().ok()),
        kubelet_extra_args: flags.extra_args(),
        cri_socket: flags.cri_socket().map(str::to_owned).or_else(|| text("socket")),
        // A cluster that kubeadm made without controlPlaneEndpoint has its first master's address everywhere.
        endpoint: endpoint
            .map(ToString::to_string)
            .or_else(|| text("server"))
            .ok_or_else(|| unreadable(&"the kubelet's credentials name no server"))?,
        cluster_name: running.spec.name,
        ca_cert_hash: kubeadm::ca_cert_hash(ca).map_err(|error| unreadable(&error))?,
        masters: answers
            .text("masters")
            .and_then(|text| kube::parse_api_servers(text).ok())
            .unwrap_or_default(),
    })
}

fn refusal(host: &Host, summary: &'static str, detail: String) -> Failure {
    Failure::new(summary, detail).at("host").on(host.name())
}

fn no_node(host: &Host) -> Failure {
    let detail = format!(
        "The host has no {}: it is no node of a cluster. To make it one, write the resource and apply, without an import.",
        kube::KUBELET_CONF
    );
    refusal(host, "No node to import", detail)
}

fn elsewhere(host: &Host) -> Failure {
    let detail = "The host is a node, and /etc/kubernetes/pki/ca.crt is not there or cannot be read: kubeadm's certificatesDir is another folder. This provider works with /etc/kubernetes/pki only.";
    refusal(host, "Certificates in another folder", detail.to_owned())
}

fn silent_api(host: &Host) -> Failure {
    let detail = "The host is a node, and its cluster did not say what it is: the API server that the kubelet works with gave no ConfigMap kubeadm-config of kube-system. Look whether the API answers from this host, and whether kubeadm made the cluster.";
    refusal(host, "Cluster does not answer", detail.to_owned()).advise("Nothing was imported.")
}

fn external_etcd(host: &Host) -> Failure {
    let detail = "The cluster has external etcd, and this provider keeps masters with etcd on them only. Its workers can be imported.";
    refusal(host, "Cluster has external etcd", detail.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{command::Output, node::Answers, remote::fake::FakeHost};

    /// Made with openssl for `/O=system:nodes/CN=system:node:node-1.example.net`; so was the hash of its key.
    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----
MIIB1jCCAXugAwIBAgIUL8iu6pw9mXU6h4zMf6s8O2llOPowCgYIKoZIzj0EAwIw
QDEVMBMGA1UECgwMc3lzdGVtOm5vZGVzMScwJQYDVQQDDB5zeXN0ZW06bm9kZTpu
b2RlLTEuZXhhbXBsZS5uZXQwHhcNMjYxMTI1MTY1MTIwWhcNMzYxMTIyMTY1MTIw
WjBAMRUwEwYDVQQKDAxzeXN0ZW06bm9kZXMxJzAlBgNVBAMMHnN5c3RlbTpub2Rl
Om5vZGUtMS5leGFtcGxlLm5ldDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABCvm
0bEKiNKMVRhSraLETc7uUt5+wfhSDd6ElhJODOnH/wzR/90jGQYi2cXbAjvtZY/r
p1pdn4AUeSamOpuPIQijUzBRMB0GA1UdDgQWBBQ9emfN4P5X2AxqgAAMzH2qsdLI
ljAfBgNVHSMEGDAWgBQ9emfN4P5X2AxqgAAMzH2qsdLIljAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0kAMEYCIQDV57DVc3RmqatdD7sWvEPlHCljb6DiFj2q
3U7mEBbF4gIhAPPgZgcwe62+20GTi6IK95r5ogc0apZBisGu6T7FFWD7
-----END CERTIFICATE-----";
    const HASH: &str = "sha256:9f29d1ad65894f6cca242903416a05883f2d4c751f791355fab43df13d19d5e0";

    fn config_map(more: &str) -> String {
        let yaml = format!("clusterName: prod\nkubernetesVersion: v1.37.2\nnetworking: {{}}\n{more}");
        serde_json::json!({"data": {"ClusterConfiguration": yaml}}).to_string()
    }

    const ENDPOINTS: &str = r#"{"subsets":[{"addresses":[{"ip":"10.0.0.11"},{"ip":"10.0.0.12"}]}]}"#;

    /// What is found on a master of which some sections answer otherwise.
    async fn find(changes: &[(&str, i32, &str)]) -> Result<FoundNode, Failure> {
        let cluster = config_map("controlPlaneEndpoint: 10.0.0.100:8443\n");
        let mut sections = vec![
            ("kubelet", 0, ""),
            ("ca", 0, CERTIFICATE),
            ("certificate", 0, CERTIFICATE),
            ("master", 0, ""),
            ("address", 0, "10.0.0.11\n"),
            ("flags", 0, "KUBELET_KUBEADM_ARGS=\"--max-pods=50\"\n"),
            ("socket", 0, "\"unix:///run/crio/crio.sock\"\n"),
            ("server", 0, "10.0.0.100:8443\n"),
            ("cluster", 0, &cluster),
            ("masters", 0, ENDPOINTS),
        ];
        for (key, status, text) in changes {
            let section = sections.iter_mut().find(|(name, ..)| name == key).unwrap();
            *section = (key, *status, text);
        }
        let stdout = Answers::from_sections(sections).render();
        let fake = FakeHost::new("m1").on("look for a node", move |_, _| Output {
            stdout: stdout.clone(),
            ..Output::default()
        });
        find_node(&fake.host(), Duration::from_secs(60)).await
    }

    #[tokio::test]
    async fn a_master_is_found_under_its_own_name() {
        let found = find(&[]).await.unwrap();
        assert_eq!(found.node_name, "node-1.example.net");
        assert_eq!(
            (found.role, found.advertise_address),
            (NodeRole::Master, "10.0.0.11".parse().ok())
        );
        assert_eq!(found.kubelet_extra_args["max-pods"], "50");
        assert_eq!(found.cri_socket.as_deref(), Some("unix:///run/crio/crio.sock"));
        assert_eq!(
            (found.endpoint.as_str(), found.cluster_name.as_str()),
            ("10.0.0.100:8443", "prod")
        );
        assert_eq!(found.ca_cert_hash, HASH);
        assert_eq!(found.masters.len(), 2);
    }

    #[tokio::test]
    async fn a_worker_may_not_know_the_masters() {
        let forbidden = r#"{"kind":"Status","status":"Failure","code":403}"#;
        let found = find(&[("master", 1, ""), ("address", 2, ""), ("masters", 0, forbidden)])
            .await
            .unwrap();
        assert_eq!((found.role, found.advertise_address), (NodeRole::Worker, None));
        assert!(found.masters.is_empty());
    }

    #[tokio::test]
    async fn a_cluster_without_an_endpoint_has_its_first_masters() {
        let cluster = config_map("");
        let found = find(&[("cluster", 0, &cluster), ("server", 0, "10.0.0.11:6443\n")]).await;
        assert_eq!(found.unwrap().endpoint, "10.0.0.11:6443");
    }

    #[tokio::test]
    async fn what_cannot_be_kept_is_refused() {
        let external = config_map("etcd:\n  external:\n    endpoints: [https://10.0.0.31:2379]\n");
        for (change, summary) in [
            (("kubelet", 1, ""), "No node to import"),
            (("ca", 1, ""), "Certificates in another folder"),
            (("cluster", 1, ""), "Cluster does not answer"),
            (("cluster", 124, ""), "Cluster does not answer"),
            (("cluster", 0, external.as_str()), "Cluster has external etcd"),
            (("ca", 124, ""), "Host is too slow to answer"),
        ] {
            let failure = find(&[change]).await.unwrap_err();
            assert_eq!(failure.summary, summary);
            assert_eq!(failure.host.as_deref(), Some("m1"));
        }
        let worker = find(&[("cluster", 0, &external), ("master", 1, "")]).await;
        assert_eq!(worker.unwrap().role, NodeRole::Worker, "it has no etcd anyway");
    }
}
