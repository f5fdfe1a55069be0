//! Tests: kubeadm's configuration for each API version.
use super::*;
use crate::kubeadm::{ComponentKind, ComponentSpec, EtcdSpec, HostPathMount, parse_component_config};

/// One kubeadm for each API version.
const KUBEADMS: [(&str, &str); 3] = [
    ("v1beta2", "1.20.2"),
    ("v1beta3", "1.30.4"),
    ("v1beta4", "1.37.2"),
];

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn token() -> BootstrapToken {
    BootstrapToken::from_random([0; 22])
}

fn full_cluster(kubernetes: &str) -> ClusterSpec {
    let args = |name: &str, value: &str| [(name.to_owned(), value.to_owned())].into();
    let mut spec = ClusterSpec::new("prod", version(kubernetes), "10.0.0.100:8443".parse().unwrap());
    spec.pod_subnet = vec!["10.244.0.0/16".parse().unwrap(), "fd00:10::/56".parse().unwrap()];
    spec.service_subnet = vec!["10.96.0.0/12".parse().unwrap(), "fd00:20::/112".parse().unwrap()];
    spec.dns_domain = Some("cluster.internal".into());
    spec.cert_sans = vec!["api.example.net".into(), "203.0.113.7".into()];
    spec.image_repository = Some("registry.example.net/k8s".into());
    let kubelet = "failSwapOn: false\ncgroupDriver: cgroupfs\nsyncFrequency: 1m0s\nevictionHard:\n  memory.available: 5%\n";
    spec.kubelet_config = Some(parse_component_config(kubelet, ComponentKind::Kubelet).unwrap());
    let kube_proxy = "mode: nftables\nconntrack:\n  maxPerCore: 0\n";
    spec.kube_proxy_config = Some(parse_component_config(kube_proxy, ComponentKind::KubeProxy).unwrap());
    spec.api_server = ComponentSpec {
        extra_args: args("audit-log-maxage", "30"),
        extra_volumes: vec![HostPathMount {
            name: "audit".into(),
            host_path: "/var/log/audit".into(),
            mount_path: "/var/log/audit".into(),
            read_only: false,
            path_type: Some("DirectoryOrCreate".into()),
        }],
    };
    spec.controller_manager.extra_args = args("bind-address", "0.0.0.0");
    spec.scheduler.extra_args = args("v", "2");
    spec.etcd = EtcdSpec {
        data_dir: Some("/data/etcd".into()),
        extra_args: args("quota-backend-bytes", "8589934592"),
    };
    spec.feature_gates = [("RootlessControlPlane".to_owned(), true)].into();
    spec
}

fn full_node() -> NodeSpec {
    let mut node = NodeSpec::new("m1");
    node.advertise_address = Some("10.0.0.11".parse().unwrap());
    node.taints = Some(vec!["dedicated=api:NoSchedule".parse().unwrap()]);
    node.kubelet_extra_args = [("v".to_owned(), "4".to_owned())].into();
    node.ignore_preflight_errors = vec!["SystemVerification".into()];
    node.skip_phases = vec![
        "addon/kube-proxy".into(),
        "control-plane-join/mark-control-plane".into(),
    ];
    node.patches_directory = Some("/etc/kubernetes/patches".into());
    node
}

/// All that a person wants to see of a file.
fn shown(file: &ConfigFile) -> String {
    format!("flags: {:?}\n---\n{}", file.flags, file.text.reveal())
}

fn documents(text: &str) -> Vec<serde_json::Value> {
    serde_saphyr::from_multiple(text).unwrap()
}

#[test]
fn init_with_everything() {
    for (api, kubeadm) in KUBEADMS {
        let file = render_init(&version(kubeadm), &full_cluster(kubeadm), &full_node(), &token()).unwrap();
        insta::assert_snapshot!(format!("init_full_{api}"), shown(&file));
    }
}

#[test]
fn init_with_defaults() {
    for (api, kubeadm) in KUBEADMS {
        let cluster = ClusterSpec::new("prod", version(kubeadm), "api.example.net:6443".parse().unwrap());
        let file = render_init(&version(kubeadm), &cluster, &NodeSpec::new("m1"), &token()).unwrap();
        insta::assert_snapshot!(format!("init_default_{api}"), shown(&file));
    }
}

#[test]
fn joins() {
    let (token, key) = (token(), CertificateKey::from_random([1; 32]));
    for (api, kubeadm) in KUBEADMS {
        let worker = NodeSpec::new("w1");
        let mut join = JoinSpec {
            discovery_file: "/run/discovery.conf",
            token: &token,
            node: &worker,
            control_plane: None,
        };
        let file = render_join(&version(kubeadm), &join).unwrap();
        insta::assert_snapshot!(format!("join_worker_{api}"), shown(&file));
        let master = full_node();
        join.node = &master;
        join.control_plane = Some(&key);
        let file = render_join(&version(kubeadm), &join).unwrap();
        insta::assert_snapshot!(format!("join_master_{api}"), shown(&file));
        assert!(file.secrets.contains(key.text()) && file.secrets.contains(token.text()));
    }
}

#[test]
fn upload_certs() {
    for (api, kubeadm) in KUBEADMS {
        let key = CertificateKey::from_random([1; 32]);
        let file = render_upload_certs(
            &version(kubeadm),
            &version(kubeadm),
            &key,
            "10.0.0.11".parse().unwrap(),
        )
        .unwrap();
        insta::assert_snapshot!(format!("upload_certs_{api}"), shown(&file));
    }
}

#[test]
fn the_clusters_part_has_no_secret() {
    let cluster = full_cluster("1.37.2");
    let text = render_cluster(&version("1.37.2"), &cluster).unwrap();
    let file = render_init(&version("1.37.2"), &cluster, &full_node(), &token()).unwrap();
    assert!(file.text.reveal().ends_with(&text));
    for secret in &file.secrets {
        assert!(file.text.reveal().contains(secret.reveal()) && !text.contains(secret.reveal()));
    }
}

#[test]
fn texts_stay_texts_for_the_yaml_of_kubeadm() {
    // kubeadm reads YAML 1.1, where each of these is something else if it stands bare.
    let texts = [
        "yes",
        "no",
        "on",
        "off",
        "y",
        "n",
        "true",
        "null",
        "~",
        "",
        "0755",
        "0x1f",
        "0b1",
        "0o7",
        "1e3",
        "1_000",
        ".5",
        ".inf",
        "1:30",
        "190:20:30",
        "2026-11-22",
        "=",
        "<<",
        "a: b",
        "a #b",
        "- a",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "{a",
        "[a",
        "'",
        "\"",
        "a\nb",
        " a",
        "a ",
        "\t",
        "é",
        "\u{7f}",
        "$(id)",
        "---",
        "...",
        "?",
        "-",
        "node-role.kubernetes.io/x=:NoSchedule",
        "10.244.0.0/16,fd00:10::/56",
        "::1",
        "[::1]:6443",
    ];
    let mut cluster = full_cluster("1.37.2");
    cluster.api_server.extra_args = texts
        .iter()
        .map(|text| (format!("k{text}"), (*text).to_owned()))
        .collect();
    cluster.cert_sans = texts.iter().map(|text| (*text).to_owned()).collect();
    let text = render_cluster(
        &version("1.30.0"),
        &ClusterSpec {
            kubernetes_version: version("1.30.0"),
            ..cluster
        },
    )
    .unwrap();
    let found = &documents(&text)[0]["apiServer"];
    for (index, text) in texts.iter().enumerate() {
        assert_eq!(found["extraArgs"][format!("k{text}")], **text);
        assert_eq!(found["certSANs"][index], **text);
    }
}

#[test]
fn a_token_of_digits_is_a_text() {
    // '1' 22 times, and one that looks like a float with an exponent.
    for bytes in [
        [27; 22],
        std::array::from_fn(|index| if index == 7 { 4 } else { 27 }),
    ] {
        let token = BootstrapToken::from_random(bytes);
        let cluster = ClusterSpec::new("prod", version("1.37.2"), "a:1".parse().unwrap());
        let file = render_init(&version("1.37.2"), &cluster, &NodeSpec::new("1e3"), &token).unwrap();
        let init = &documents(file.text.reveal())[0];
        assert_eq!(init["bootstrapTokens"][0]["token"], token.text().reveal());
        assert_eq!(init["nodeRegistration"]["name"], "1e3");
    }
}

#[test]
fn the_users_own_node_ip_wins() {
    let mut node = full_node();
    node.kubelet_extra_args
        .insert("node-ip".into(), "10.9.9.9".into());
    let cluster = full_cluster("1.30.4");
    let file = render_init(&version("1.30.4"), &cluster, &node, &token()).unwrap();
    let init = &documents(file.text.reveal())[0];
    assert_eq!(
        init["nodeRegistration"]["kubeletExtraArgs"]["node-ip"],
        "10.9.9.9"
    );
    assert_eq!(init["localAPIEndpoint"]["advertiseAddress"], "10.0.0.11");
}

#[test]
fn no_taints_is_another_wish_than_default_taints() {
    let taints = |taints| {
        let mut node = NodeSpec::new("m1");
        node.taints = taints;
        let file = render_init(&version("1.37.2"), &full_cluster("1.37.2"), &node, &token()).unwrap();
        documents(file.text.reveal())[0]["nodeRegistration"]
            .get("taints")
            .cloned()
    };
    assert_eq!(taints(None), None);
    assert_eq!(taints(Some(Vec::new())), Some(serde_json::json!([])));
}

#[test]
fn refuses_what_this_kubeadm_cannot_do() {
    let render = |kubeadm: &str, kubernetes: &str| {
        render_init(
            &version(kubeadm),
            &full_cluster(kubernetes),
            &full_node(),
            &token(),
        )
        .unwrap_err()
    };
    assert!(matches!(render("1.36.3", "1.37.2"), RenderError::Skew(_)));
    assert!(matches!(render("1.14.0", "1.14.0"), RenderError::Unsupported(_)));
    assert!(matches!(
        render("1.18.0", "1.18.0"),
        RenderError::TooOldFor { needed: "1.19", .. }
    ));
}
