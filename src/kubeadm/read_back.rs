//! A running cluster's settings, read back from the `ClusterConfiguration` that kubeadm keeps in it.
use super::{
    API_SERVER_PORT, ClusterSpec, ComponentSpec, DEFAULT_CLUSTER_NAME, Endpoint, EndpointError, EtcdSpec,
    Version, VersionError,
    cluster_document::{ClusterConfiguration, Component, Networking, Volume},
    config_api::AnyArgs,
};

/// The text is no `ClusterConfiguration` that can be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadBackError {
    /// Not YAML, or a field has another type.
    #[error("not the YAML of a ClusterConfiguration: {0}")]
    Yaml(String),
    /// `kubernetesVersion` is missing or no exact version.
    #[error("kubernetesVersion cannot be read")]
    KubernetesVersion(#[source] VersionError),
    /// `controlPlaneEndpoint` is none.
    #[error("controlPlaneEndpoint cannot be read")]
    ControlPlaneEndpoint(#[source] EndpointError),
    /// A subnet is none.
    #[error("networking has {0:?} where a subnet is expected")]
    Subnet(String),
}

/// Where etcd runs, in kubeadm's words (<https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/ha-topology/>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    /// On the control-plane nodes.
    StackedEtcd,
    /// On hosts of its own, or anywhere else; kubeadm only knows its endpoints.
    ExternalEtcd,
}

/// Reads the same text's `etcd`: external if it has `etcd.external`, as kubeadm has local etcd by default.
pub fn read_topology(text: &str) -> Result<Topology, ReadBackError> {
    let found: serde_json::Value =
        serde_saphyr::from_str(text).map_err(|error| ReadBackError::Yaml(error.to_string()))?;
    let external = found.pointer("/etcd/external");
    Ok(match external {
        None | Some(serde_json::Value::Null) => Topology::StackedEtcd,
        Some(_) => Topology::ExternalEtcd,
    })
}

/// Reads the text of `ClusterConfiguration` in the `ConfigMap` `kubeadm-config`, of any API version and whoever wrote it.
///
/// kubeadm writes its defaults there when the cluster is made. They are left as they stand:
/// [`ClusterSpec::difference`] knows which value means the same as none.
///
/// What it does not read: `kubelet_config` and `kube_proxy_config`, which live in `ConfigMap`s of their own
/// (`kubelet-config`, `kube-proxy`) and are `None` here, and fields that no [`ClusterSpec`] has (`etcd.external`,
/// `certificatesDir`, `dns`, `extraEnvs`, validity periods, …): a spec that was read back is for comparing, not for writing
/// the `ConfigMap` anew. Of a flag that stands several times in a list of `v1beta4` the last is read.
pub fn read_cluster(text: &str) -> Result<ClusterSpec, ReadBackError> {
    let found: ClusterConfiguration<AnyArgs> =
        serde_saphyr::from_str(text).map_err(|error| ReadBackError::Yaml(error.to_string()))?;
    let version: Version = found
        .kubernetes_version
        .unwrap_or_default()
        .parse()
        .map_err(ReadBackError::KubernetesVersion)?;
    let Networking {
        pod_subnet,
        service_subnet,
        dns_domain,
    } = found.networking.unwrap_or_default();
    let (api_server, cert_sans) = component(found.api_server);
    let local_etcd = found.etcd.and_then(|etcd| etcd.local);
    Ok(ClusterSpec {
        name: given(found.cluster_name).unwrap_or_else(|| DEFAULT_CLUSTER_NAME.to_owned()),
        kubernetes_version: version,
        control_plane_endpoint: given(found.control_plane_endpoint)
            .map(|text| endpoint(&text))
            .transpose()?,
        pod_subnet: subnets(pod_subnet)?,
        service_subnet: subnets(service_subnet)?,
        dns_domain: given(dns_domain),
        cert_sans,
        image_repository: given(found.image_repository),
        kubelet_config: None,
        kube_proxy_config: None,
        api_server,
        controller_manager: component(found.controller_manager).0,
        scheduler: component(found.scheduler).0,
        etcd: local_etcd
            .map(|local| EtcdSpec {
                data_dir: given(local.data_dir),
                extra_args: local.extra_args.unwrap_or_default().0,
            })
            .unwrap_or_default(),
        feature_gates: found.feature_gates.unwrap_or_default(),
    })
}

/// For Go an empty text is none.
fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn subnets(text: Option<String>) -> Result<Vec<ipnet::IpNet>, ReadBackError> {
    let text = text.unwrap_or_default();
    let nets = text.split(',').map(str::trim).filter(|net| !net.is_empty());
    nets.map(|net| net.parse().map_err(|_| ReadBackError::Subnet(net.to_owned())))
        .collect()
}

/// kubeadm allows one without a port, which is then `localAPIEndpoint.bindPort`. Of a running cluster nobody keeps that
/// in `kubeadm-config`, so its default is taken.
fn endpoint(text: &str) -> Result<Endpoint, ReadBackError> {
    text.parse()
        .or_else(|error| {
            let bare = text.trim_start_matches('[').trim_end_matches(']');
            let is_ipv6 = bare.parse::<std::net::Ipv6Addr>().is_ok();
            match error {
                _ if is_ipv6 => format!("[{bare}]:{API_SERVER_PORT}").parse(),
                EndpointError::NoPort(_) => format!("{text}:{API_SERVER_PORT}").parse(),
                error => Err(error),
            }
        })
        .map_err(ReadBackError::ControlPlaneEndpoint)
}

/// With the names in its certificate, which only the API server has.
fn component(found: Option<Component<AnyArgs>>) -> (ComponentSpec, Vec<String>) {
    let Some(found) = found else {
        return Default::default();
    };
    let volumes = found.extra_volumes.unwrap_or_default();
    let spec = ComponentSpec {
        extra_args: found.extra_args.unwrap_or_default().0,
        extra_volumes: volumes.into_iter().map(Volume::mount).collect(),
    };
    (spec, found.cert_sans.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, error::Error as _};

    use proptest::{collection, option, prelude::*};

    use super::*;
    use crate::kubeadm::{Change, HostPathMount, render_cluster};

    /// Kubernetes and kubeadm of one version for each API version.
    const VERSIONS: [&str; 3] = ["1.20.2", "1.30.4", "1.37.2"];

    /// The first document of the file for `kubeadm init`.
    fn rendered(spec: &ClusterSpec) -> String {
        let text = render_cluster(&spec.kubernetes_version, spec).unwrap();
        text.split("\n---\n").next().unwrap().to_owned()
    }

    fn args() -> impl Strategy<Value = BTreeMap<String, String>> {
        let value = prop_oneof![
            Just("true"),
            Just("1e3"),
            Just("0x10"),
            Just("null"),
            Just("~"),
            Just(""),
            Just("a: b # c"),
            Just("Node,RBAC"),
            Just("- x"),
            Just("'\"")
        ];
        collection::btree_map("[a-z][a-z-]{0,8}", value.prop_map(str::to_owned), 0..4)
    }

    fn component_spec() -> impl Strategy<Value = ComponentSpec> {
        let path_type = prop_oneof![Just("File".to_owned()), Just("DirectoryOrCreate".to_owned())];
        let volume = ("[a-z]{1,6}", "/[a-z]{1,6}", any::<bool>(), option::of(path_type)).prop_map(
            |(name, path, read_only, path_type)| HostPathMount {
                name,
                host_path: path.clone(),
                mount_path: path,
                read_only,
                path_type,
            },
        );
        (args(), collection::vec(volume, 0..3)).prop_map(|(extra_args, extra_volumes)| ComponentSpec {
            extra_args,
            extra_volumes,
        })
    }

    fn cluster_spec() -> impl Strategy<Value = ClusterSpec> {
        let nets = |nets: &'static [&'static str]| {
            (0..=nets.len())
                .prop_map(move |count| nets[..count].iter().map(|net| net.parse().unwrap()).collect())
        };
        (
            (
                0..VERSIONS.len(),
                "[a-z0-9]{1,8}",
                prop_oneof![
                    Just("10.0.0.100:8443"),
                    Just("[fd00::1]:6443"),
                    Just("api.example.net:1")
                ],
            ),
            (
                nets(&["10.244.0.0/16", "fd00:10::/56"]),
                nets(&["fd00:20::/112", "10.32.0.0/16"]),
            ),
            (
                option::of("[a-z]{1,8}\\.[a-z]{1,8}"),
                option::of("[a-z]{1,8}/[a-z]{1,8}"),
                option::of("/[a-z]{1,8}"),
            ),
            collection::vec(
                prop_oneof![
                    Just("203.0.113.7".to_owned()),
                    Just("fd00::7".to_owned()),
                    Just("*.example.net".to_owned())
                ],
                0..3,
            ),
            (component_spec(), component_spec(), component_spec(), args()),
            collection::btree_map("[A-Z][a-z]{0,8}", any::<bool>(), 0..3),
        )
            .prop_map(
                |(
                    (version, name, endpoint),
                    (pod_subnet, service_subnet),
                    (dns_domain, image_repository, data_dir),
                    cert_sans,
                    (api_server, controller_manager, scheduler, extra_args),
                    feature_gates,
                )| ClusterSpec {
                    pod_subnet,
                    service_subnet,
                    dns_domain,
                    cert_sans,
                    image_repository,
                    api_server,
                    controller_manager,
                    scheduler,
                    etcd: EtcdSpec { data_dir, extra_args },
                    feature_gates,
                    ..ClusterSpec::new(
                        name,
                        VERSIONS[version].parse().unwrap(),
                        endpoint.parse().unwrap(),
                    )
                },
            )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(spec in cluster_spec()) {
            let read = read_cluster(&rendered(&spec)).unwrap();
            prop_assert_eq!(&read, &spec);
            prop_assert_eq!(spec.difference(&read), Vec::<Change>::new());
        }
    }

    /// What kubeadm keeps of `ClusterSpec::new("prod", …)` with a pod subnet, with all that it fills in.
    const KEPT: [(&str, &str); 3] = [
        (
            "1.20.2",
            "apiServer:\n  extraArgs:\n    authorization-mode: Node,RBAC\n  timeoutForControlPlane: 4m0s\n\
             apiVersion: kubeadm.k8s.io/v1beta2\ncertificatesDir: /etc/kubernetes/pki\nclusterName: prod\n\
             controlPlaneEndpoint: 10.0.0.100:8443\ncontrollerManager: {}\ndns:\n  type: CoreDNS\netcd:\n  local:\n    \
             dataDir: /var/lib/etcd\nimageRepository: k8s.gcr.io\nkind: ClusterConfiguration\n\
             kubernetesVersion: v1.20.2\nnetworking:\n  dnsDomain: cluster.local\n  podSubnet: 10.244.0.0/16\n  \
             serviceSubnet: 10.96.0.0/12\nscheduler: {}\n",
        ),
        (
            "1.30.4",
            "apiServer:\n  extraArgs:\n    authorization-mode: Node,RBAC\n  timeoutForControlPlane: 4m0s\n\
             apiVersion: kubeadm.k8s.io/v1beta3\ncertificatesDir: /etc/kubernetes/pki\nclusterName: prod\n\
             controlPlaneEndpoint: 10.0.0.100:8443\ncontrollerManager: {}\ndns: {}\netcd:\n  local:\n    \
             dataDir: /var/lib/etcd\nimageRepository: registry.k8s.io\nkind: ClusterConfiguration\n\
             kubernetesVersion: v1.30.4\nnetworking:\n  dnsDomain: cluster.local\n  podSubnet: 10.244.0.0/16\n  \
             serviceSubnet: 10.96.0.0/12\nscheduler: {}\n",
        ),
        (
            "1.37.2",
            "apiServer: {}\napiVersion: kubeadm.k8s.io/v1beta4\ncaCertificateValidityPeriod: 87600h0m0s\n\
             certificateValidityPeriod: 8760h0m0s\ncertificatesDir: /etc/kubernetes/pki\nclusterName: prod\n\
             controlPlaneEndpoint: 10.0.0.100:8443\ncontrollerManager: {}\ndns: {}\nencryptionAlgorithm: RSA-2048\n\
             etcd:\n  local:\n    dataDir: /var/lib/etcd\nimageRepository: registry.k8s.io\n\
             kind: ClusterConfiguration\nkubernetesVersion: v1.37.2\nnetworking:\n  dnsDomain: cluster.local\n  \
             podSubnet: 10.244.0.0/16\n  serviceSubnet: 10.96.0.0/12\nproxy: {}\nscheduler: {}\n",
        ),
    ];

    fn wanted(version: &str) -> ClusterSpec {
        let endpoint = "10.0.0.100:8443".parse().unwrap();
        let mut spec = ClusterSpec::new("prod", version.parse().unwrap(), endpoint);
        spec.pod_subnet = vec!["10.244.0.0/16".parse().unwrap()];
        spec
    }

    #[test]
    fn what_kubeadm_fills_in_is_no_difference() {
        for (version, text) in KEPT {
            let read = read_cluster(text).unwrap();
            assert_eq!(wanted(version).difference(&read), [], "{version}");
            assert_eq!(read.difference(&wanted(version)), [], "{version}");
            assert_eq!(read.dns_domain.as_deref(), Some("cluster.local"));
        }
    }

    #[test]
    fn the_old_registry_is_a_default_and_the_new_one_can_be_wanted_in_its_place() {
        let read = read_cluster(KEPT[0].1).unwrap();
        let mut spec = wanted("1.20.2");
        spec.image_repository = Some("registry.k8s.io".into());
        let changes = spec.difference(&read);
        assert_eq!(
            changes[0].to_string(),
            r#"image_repository: "k8s.gcr.io" -> "registry.k8s.io""#
        );
    }

    #[test]
    fn flags_and_volumes_are_read_in_both_forms() {
        let text = |flags: &str| {
            format!(
                "kubernetesVersion: v1.37.2\napiServer:\n  certSANs: [api.example.net]\n  extraArgs:\n{flags}  \
                 extraVolumes:\n  - hostPath: /var/log\n    mountPath: /log\n    name: log\n"
            )
        };
        let map = read_cluster(&text("    audit-log-maxage: \"30\"\n    v: \"2\"\n")).unwrap();
        let list = text(
            "  - name: audit-log-maxage\n    value: \"7\"\n  - name: v\n    value: \"2\"\n  - name: audit-log-maxage\n    value: \"30\"\n",
        );
        assert_eq!(map, read_cluster(&list).unwrap(), "the last of two counts");
        assert_eq!(map.api_server.extra_args["audit-log-maxage"], "30");
        assert!(!map.api_server.extra_volumes[0].read_only);
        assert_eq!(map.cert_sans, ["api.example.net"]);
    }

    #[test]
    fn reads_clusters_of_others() {
        let text = "apiVersion: kubeadm.k8s.io/v1beta9\nkubernetesVersion: 1.31.0\ncontrolPlaneEndpoint: \"\"\n\
            etcd:\n  external:\n    endpoints: [https://10.0.0.5:2379]\n    caFile: /a\nnetworking:\n\
            controllerManager:\n  extraEnvs: [{name: A, value: b}]\n  extraArgs:\nfuture: {x: [1]}\n";
        let read = read_cluster(text).unwrap();
        assert_eq!(
            read,
            ClusterSpec {
                control_plane_endpoint: None,
                ..ClusterSpec::new("kubernetes", "1.31.0".parse().unwrap(), "a:1".parse().unwrap())
            }
        );
        assert_eq!(read_cluster(&rendered(&read)).unwrap(), read, "it can be written");
    }

    #[test]
    fn an_endpoint_without_a_port_has_kubeadms_own() {
        for (text, endpoint) in [
            ("api.example.net", "api.example.net:6443"),
            ("10.0.0.100", "10.0.0.100:6443"),
            ("fd00::1", "[fd00::1]:6443"),
            ("'[fd00::1]'", "[fd00::1]:6443"),
            ("api.example.net:8443", "api.example.net:8443"),
        ] {
            let text = format!("kubernetesVersion: v1.37.2\ncontrolPlaneEndpoint: {text}\n");
            let read = read_cluster(&text).unwrap().control_plane_endpoint.unwrap();
            assert_eq!(read.to_string(), endpoint);
        }
    }

    #[test]
    fn says_what_cannot_be_read() {
        let error = |text: &str| read_cluster(text).unwrap_err();
        assert!(matches!(error("["), ReadBackError::Yaml(_)));
        let version = error("clusterName: prod\n");
        assert!(version.source().is_some(), "{version}");
        let text = "kubernetesVersion: v1.37.2\nnetworking: {podSubnet: '10.244.0.0/16,x'}\n";
        assert_eq!(error(text), ReadBackError::Subnet("x".into()));
        let text = "kubernetesVersion: v1.37.2\ncontrolPlaneEndpoint: https://a\n";
        assert!(matches!(error(text), ReadBackError::ControlPlaneEndpoint(_)));
    }

    #[test]
    fn tells_where_etcd_runs() {
        let topology = |etcd: &str| read_topology(&format!("clusterName: prod\n{etcd}")).unwrap();
        assert_eq!(topology(""), Topology::StackedEtcd);
        assert_eq!(
            topology("etcd:\n  local:\n    dataDir: /var/lib/etcd\n"),
            Topology::StackedEtcd
        );
        assert_eq!(topology("etcd:\n  external: null\n"), Topology::StackedEtcd);
        let external = "etcd:\n  external:\n    endpoints: [https://10.0.0.5:2379]\n";
        assert_eq!(topology(external), Topology::ExternalEtcd);
    }
}
