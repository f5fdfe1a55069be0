//! What users write in `ha_master`, and what each attribute means.
use super::super::shared_attributes::{self as common, string};
use crate::{
    kubeadm::{
        ComponentKind, HOST_PATH_TYPES, parse_component_config, validate_absolute_path, validate_cidr,
        validate_dns_domain, validate_endpoint, validate_image_repository, validate_version,
        validate_volume_name,
    },
    tf_provider::{Attribute, Block, NestedBlock, Schema, Type},
};

pub(super) fn schema() -> Schema {
    Schema {
        version: 0,
        block: Block {
            description: "A master (control-plane node) with a stacked etcd member. The first one of a cluster runs `kubeadm init`, and only on \
                          proof that no cluster exists: every host of `peers` was reached and has none, and the endpoint does not answer. All others \
                          join. After that no master is special.".into(),
            attributes: vec![
                common::host(),
                Attribute::optional("peers", Type::List(Box::new(Type::String))).describe(
                    "SSH addresses of all masters: where a running cluster would be found. This host may be among them. \
                     Needed with `cluster`. Take an odd number of masters: etcd needs a majority of them, so four bear the \
                     loss of no more than three do, and two of none.",
                ),
                Attribute::optional_computed("join", common::join_type()).describe(
                    "What to join: the `join` of another `ha_master`; conflicts with `cluster`. As a result: what others need to \
                     join this cluster (endpoint, CA hash, masters' addresses; never a secret).",
                ),
                common::node_name(),
                Attribute::optional_computed("advertise_address", Type::String)
                    .describe("IP address that the API server and etcd of this master are reached by: one of this machine, not the floating IP, a loopback, link-local or multicast address. Default: `host` if that is an address of the machine, else the first address of the interface that has the default route. Changing it replaces the resource.")
                    .requires_replace()
                    .validate(|value| string(value, |text| text.parse::<std::net::IpAddr>().map(drop).map_err(|_| format!("{text:?} is not an IP address")))),
                common::labels(),
                common::annotations(),
                common::taints(
                    "Taints of the Node as `kubectl taint` writes them. Not set: kubeadm's own, \
                     `node-role.kubernetes.io/control-plane:NoSchedule`; `[]`: none, so that ordinary pods run here too. Changed in place.",
                ),
                common::kubelet_extra_args(),
                common::ignore_preflight_errors(),
                Attribute::optional("skip_phases", Type::List(Box::new(Type::String)))
                    .describe("Phases of `kubeadm init` or `kubeadm join` to skip, for example `addon/kube-proxy`: names as `kubeadm init --help` and `kubeadm join --help` list them. Each command is told those that it has. Used at creation only."),
                common::patches(),
                common::cri_socket(),
                common::if_unreachable("removes the etcd member and the Node through another master"),
                Attribute::computed("ca_cert_hash", Type::String).describe("Hash of the cluster CA's public key, `sha256:…`, as `kubeadm join --discovery-token-ca-cert-hash` takes it."),
                Attribute::computed("ca_cert_pem", Type::String).describe("The cluster CA's certificate, PEM."),
                Attribute::computed("kubelet_version", Type::String).describe("Version of the kubelet, for example `1.37.2`."),
                Attribute::computed("etcd_member_id", Type::String).describe("This master's etcd member ID, hexadecimal as `etcdctl` prints it."),
                Attribute::computed("certificates_expire_at", Type::String).describe("When the first of this master's certificates ends, RFC 3339."),
                common::rendered(),
                common::node_machine_id(),
                common::id(),
            ],
            blocks: vec![cluster(), common::ssh_block(), common::timeouts_block(["20m", "1m", "10m", "15m"])],
        },
    }
}

pub(super) fn cluster() -> NestedBlock {
    NestedBlock::single(
        "cluster",
        Block {
            description: "The cluster that this master initialises, or joins if a host of `peers` has it already. What kubeadm reads once cannot be \
                          changed later; the plan says so.".into(),
            attributes: vec![
                Attribute::optional("name", Type::String)
                    .describe("Name of the cluster (kubeadm's `clusterName`): letters, digits, `-`, `_` and `.`, beginning and ending with a letter or digit. Default: `kubernetes`."),
                Attribute::required("kubernetes_version", Type::String)
                    .describe("Kubernetes version, for example `1.37.2`, without build metadata. kubeadm and the kubelet on the host must have the same minor. After an upgrade by hand (`kubeadm upgrade`) the plan asks for the new version to be written here.")
                    .validate(|value| string(value, validate_version)),
                Attribute::required("control_plane_endpoint", Type::String)
                    .describe("`host:port`, without a scheme, that all nodes reach the API by: `endpoint` of `ha_loadbalancer`, or a name that leads to it.")
                    .validate(|value| string(value, validate_endpoint)),
                Attribute::optional("pod_subnet", Type::String)
                    .describe("CIDR for pods, or one of IPv4 and one of IPv6 with a comma between them. Each node gets a /24 (IPv6: a /64) of it, unless `node-cidr-mask-size-ipv4` (`…-ipv6`) in `controller_manager.extra_args` says otherwise; it must hold one of these and at most 65536. No machine's address may lie in it. Not set: kubeadm's default, none.")
                    .validate(|value| string(value, cidrs)),
                Attribute::optional("service_subnet", Type::String)
                    .describe("CIDR for Services, or one of IPv4 and one of IPv6 with a comma between them: /12 to /28 (IPv6: /108 to /124). No machine's address may lie in it. Not set: kubeadm's default, `10.96.0.0/12`.")
                    .validate(|value| string(value, cidrs)),
                Attribute::optional("dns_domain", Type::String).describe("DNS domain of the cluster, in lower-case letters. Not set: kubeadm's default, `cluster.local`.").validate(|value| string(value, validate_dns_domain)),
                Attribute::optional("cert_sans", Type::List(Box::new(Type::String)))
                    .describe("More names and addresses for the API server's certificate: DNS names, also with `*.` before them, or IP addresses. The endpoint's host is always in it."),
                Attribute::optional("image_repository", Type::String).describe("Registry for Kubernetes' images, with a path if it has one, without a scheme. Not set: kubeadm's default, `registry.k8s.io`.").validate(|value| string(value, validate_image_repository)),
                Attribute::optional("kubelet_config", Type::String)
                    .describe("`KubeletConfiguration` for all nodes, as YAML; `apiVersion` and `kind` may be left out. Not set: kubeadm's defaults.")
                    .validate(|value| string(value, |text| parse_component_config(text, ComponentKind::Kubelet).map(drop))),
                Attribute::optional("kube_proxy_config", Type::String)
                    .describe("`KubeProxyConfiguration`, as YAML; `apiVersion` and `kind` may be left out. Not set: kubeadm's defaults.")
                    .validate(|value| string(value, |text| parse_component_config(text, ComponentKind::KubeProxy).map(drop))),
                Attribute::optional("feature_gates", Type::Map(Box::new(Type::Bool))).describe("kubeadm's feature gates, of those that kubeadm of this version knows."),
            ],
            blocks: vec![
                component("api_server", "The API server's settings."),
                component("controller_manager", "The controller manager's settings."),
                component("scheduler", "The scheduler's settings."),
                NestedBlock::single(
                    "etcd",
                    Block {
                        description: "Settings of the stacked etcd members.".into(),
                        attributes: vec![
                            Attribute::optional("data_dir", Type::String).describe("Data folder on the masters: an absolute path, for etcd alone. Default: `/var/lib/etcd`.").validate(|value| string(value, validate_absolute_path)),
                            common::extra_args(),
                        ],
                        blocks: vec![],
                    },
                ),
            ],
        },
    )
}

fn component(name: &'static str, description: &'static str) -> NestedBlock {
    NestedBlock::single(
        name,
        Block {
            description: description.into(),
            attributes: vec![common::extra_args()],
            blocks: vec![NestedBlock::list(
                "extra_volumes",
                Block {
                    description: "A file or folder of the host that is mounted into the static pod.".into(),
                    attributes: vec![
                        Attribute::required("name", Type::String).describe("Name of the volume, different from the others': lower-case letters, digits and `-`.").validate(|value| string(value, validate_volume_name)),
                        Attribute::required("host_path", Type::String).describe("Absolute path on the host.").validate(|value| string(value, validate_absolute_path)),
                        Attribute::required("mount_path", Type::String).describe("Absolute path in the pod.").validate(|value| string(value, validate_absolute_path)),
                        Attribute::optional("read_only", Type::Bool).describe("Whether the pod may only read it. Default: `false`."),
                        Attribute::optional("path_type", Type::String).describe("Kubernetes' hostPath type: `DirectoryOrCreate`, `Directory`, `FileOrCreate`, `File`, `Socket`, `CharDevice` or `BlockDevice`. Default: no check.").validate(|value| string(value, path_type)),
                    ],
                    blocks: vec![],
                },
            )],
        },
    )
}

fn cidrs(text: &str) -> Result<(), String> {
    text.split(',').try_for_each(|cidr| validate_cidr(cidr.trim()))
}

fn path_type(text: &str) -> Result<(), String> {
    if HOST_PATH_TYPES.contains(&text) {
        Ok(())
    } else {
        Err(format!(
            "{text:?} is not a hostPath type: one of {} is",
            HOST_PATH_TYPES
                .map(|known| if known.is_empty() { "\"\"" } else { known })
                .join(", ")
        ))
    }
}
