//! Which settings differ, and which are only spelled otherwise.
use ipnet::IpNet;

use super::{ClusterSpec, ComponentKind, HostPathMount, parse_component_config};

/// Makes another spec of one.
type Change = fn(&mut ClusterSpec);

fn spec(change: impl FnOnce(&mut ClusterSpec)) -> ClusterSpec {
    let mut spec = ClusterSpec::new(
        "prod",
        "1.37.2".parse().unwrap(),
        "10.0.0.100:8443".parse().unwrap(),
    );
    change(&mut spec);
    spec
}

fn nets(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// All changes and their effects, one a line.
fn told(running: &ClusterSpec, wanted: &ClusterSpec) -> String {
    let mut changes = wanted.difference(running);
    changes.extend(wanted.component_config_difference(running));
    let lines = changes
        .iter()
        .map(|change| format!("{change} ({:?})", change.effect));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_means_the_same_is_no_difference() {
    let same: [(Change, Change); 8] = [
        (|_| {}, |spec| spec.service_subnet = nets(&["10.96.0.0/12"])),
        (
            |spec| spec.pod_subnet = nets(&["10.244.0.0/16", "fd00:10::/56"]),
            |spec| spec.pod_subnet = nets(&["10.244.9.9/16", "fd00:10::1/56"]),
        ),
        (
            |spec| spec.cert_sans = vec!["API.example.net".into(), "fd00::1".into()],
            |spec| spec.cert_sans = vec!["fd00:0::1".into(), "api.example.net".into()],
        ),
        (
            |_| {},
            |spec| {
                spec.api_server
                    .extra_args
                    .insert("authorization-mode".into(), "Node,RBAC".into());
            },
        ),
        (
            |_| {},
            |spec| {
                spec.kubelet_config =
                    parse_component_config("cgroupDriver: systemd", ComponentKind::Kubelet).ok();
                spec.kube_proxy_config = parse_component_config("", ComponentKind::KubeProxy).ok();
            },
        ),
        (
            |spec| spec.scheduler.extra_volumes = vec![mount("a", "/a"), mount("b", "/b")],
            |spec| {
                let mut other = mount("a", "/a");
                other.path_type = Some(String::new());
                spec.scheduler.extra_volumes = vec![mount("b", "/b"), other];
            },
        ),
        // kubeadm takes a name twice.
        (
            |spec| spec.scheduler.extra_volumes = vec![mount("a", "/a"), mount("a", "/b")],
            |spec| spec.scheduler.extra_volumes = vec![mount("a", "/a"), mount("a", "/b")],
        ),
        (
            |spec| spec.control_plane_endpoint = "[fd00:0::1]:8443".parse().ok(),
            |spec| spec.control_plane_endpoint = "[fd00::1]:8443".parse().ok(),
        ),
    ];
    for (one, other) in same {
        let (one, other) = (spec(one), spec(other));
        assert_eq!(told(&one, &other), "");
        assert_eq!(told(&other, &one), "");
    }
}

fn mount(name: &str, path: &str) -> HostPathMount {
    HostPathMount {
        name: name.into(),
        host_path: path.into(),
        mount_path: path.into(),
        read_only: false,
        path_type: None,
    }
}

#[test]
fn every_difference_has_its_path_and_its_effect() {
    let running = spec(|spec| {
        spec.cert_sans = vec!["api.example.net".into()];
        spec.image_repository = Some("registry.example.net".into());
        spec.api_server
            .extra_args
            .insert("audit-log-maxage".into(), "30".into());
        spec.api_server.extra_volumes = vec![mount("audit", "/audit"), mount("gone", "/gone")];
        spec.kubelet_config =
            parse_component_config("failSwapOn: false\nmaxPods: 50", ComponentKind::Kubelet).ok();
    });
    let wanted = spec(|spec| {
        spec.name = "test".into();
        spec.kubernetes_version = "1.37.3".parse().unwrap();
        spec.control_plane_endpoint = "10.0.0.200:8443".parse().ok();
        spec.pod_subnet = nets(&["10.244.0.0/16"]);
        spec.service_subnet = nets(&["10.112.0.0/12"]);
        spec.dns_domain = Some("corp.local".into());
        spec.feature_gates.insert("RootlessControlPlane".into(), true);
        spec.api_server
            .extra_args
            .insert("authorization-mode".into(), "RBAC".into());
        spec.api_server.extra_volumes = vec![mount("new", "/new"), mount("audit", "/var/audit")];
        spec.controller_manager.extra_args.insert("v".into(), "2".into());
        spec.scheduler.extra_args.insert("v".into(), "2".into());
        spec.etcd.data_dir = Some("/data/etcd".into());
        spec.etcd.extra_args.insert("max-wals".into(), "3".into());
        spec.kubelet_config = parse_component_config("maxPods: 60", ComponentKind::Kubelet).ok();
        spec.kube_proxy_config = parse_component_config("mode: nftables", ComponentKind::KubeProxy).ok();
    });
    insta::assert_snapshot!(told(&running, &wanted));
}

#[test]
fn the_first_network_is_of_the_primary_family() {
    let one = spec(|spec| spec.pod_subnet = nets(&["10.244.0.0/16", "fd00:10::/56"]));
    let other = spec(|spec| spec.pod_subnet = nets(&["fd00:10::/56", "10.244.0.0/16"]));
    assert_eq!(
        told(&one, &other),
        "pod_subnet: \"10.244.0.0/16,fd00:10::/56\" -> \"fd00:10::/56,10.244.0.0/16\" (Immutable)"
    );
}

#[test]
fn what_may_be_a_credential_is_not_shown() {
    let secret = "hunter2-hunter2";
    let with = |secret: &str| {
        let secret = secret.to_owned();
        spec(|spec| {
            spec.api_server
                .extra_args
                .insert("etcd-password".into(), secret.clone());
            let text = format!("clusterName: {secret}");
            spec.kubelet_config = parse_component_config(&text, ComponentKind::Kubelet).ok();
            spec.feature_gates.insert("RootlessControlPlane".into(), true);
        })
    };
    for (running, wanted) in [
        (with(secret), with("another")),
        (spec(|_| {}), with(secret)),
        (with(secret), spec(|_| {})),
    ] {
        let told = told(&running, &wanted);
        assert!(told.contains("etcd-password"), "{told}");
        assert!(told.contains("clusterName"), "{told}");
        assert!(!told.contains(secret), "{told}");
    }
}
