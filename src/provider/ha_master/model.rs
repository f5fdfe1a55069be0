//! Terraform's value of `ha_master` ⇄ what operations want.
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{
    super::{node_model::NodeModel, shared::Shared},
    schema::{cluster, schema},
};
use crate::{
    kubeadm::{
        ClusterSpec, ComponentKind, ComponentSpec, DEFAULT_CLUSTER_NAME, EtcdSpec, HostPathMount,
        parse_component_config,
    },
    lifecycle::MasterSpec,
    node::address::same_spelling,
    tf_provider::{Value, ValueError},
};

/// The resource as it is written; what is unknown or not set is `None`.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(super) node: NodeModel,
    /// `None` also while one of them is not known.
    pub(super) peers: Option<Vec<String>>,
    pub(super) cluster: Option<ClusterModel>,
}

#[derive(Deserialize)]
struct Own {
    peers: Option<Vec<String>>,
    cluster: Option<ClusterModel>,
}

/// The `cluster` block.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ClusterModel {
    name: Option<String>,
    pub(super) kubernetes_version: String,
    pub(super) control_plane_endpoint: String,
    pub(super) pod_subnet: Option<String>,
    pub(super) service_subnet: Option<String>,
    dns_domain: Option<String>,
    cert_sans: Option<Vec<String>>,
    image_repository: Option<String>,
    kubelet_config: Option<String>,
    kube_proxy_config: Option<String>,
    feature_gates: Option<BTreeMap<String, bool>>,
    api_server: Option<ComponentModel>,
    controller_manager: Option<ComponentModel>,
    scheduler: Option<ComponentModel>,
    etcd: Option<EtcdModel>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct ComponentModel {
    extra_args: Option<BTreeMap<String, String>>,
    extra_volumes: Option<Vec<VolumeModel>>,
}

#[derive(Clone, Debug, Deserialize)]
struct VolumeModel {
    name: String,
    host_path: String,
    mount_path: String,
    read_only: Option<bool>,
    path_type: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct EtcdModel {
    data_dir: Option<String>,
    extra_args: Option<BTreeMap<String, String>>,
}

impl Model {
    pub(super) fn of(value: &Value) -> Result<Self, ValueError> {
        let schema = schema();
        let own: Own = schema.read(value)?;
        // Half of it would be other settings.
        let cluster = own.cluster.filter(|_| value.get("cluster").is_wholly_known());
        let mut node = NodeModel::of(&schema, value)?;
        let described = cluster.as_ref().map(|cluster| &cluster.control_plane_endpoint);
        let joined = node.join.as_ref().map(|join| &join.endpoint);
        node.endpoint = described.or(joined).cloned();
        node.ca_cert_hash = value.get("ca_cert_hash").as_str().map(str::to_owned);
        let mut model = Self {
            node,
            peers: own.peers,
            cluster,
        };
        model.node.masters = model.masters_with(&model.node.masters);
        Ok(model)
    }

    /// What the operation wants. `config` decides between init and join: as a result `join` is always set.
    pub(super) fn spec(&self, shared: &Shared, config: &Value) -> MasterSpec {
        let own = same_spelling(self.node.address());
        let mut peers = self.peers.clone().unwrap_or_default();
        peers.retain(|peer| same_spelling(peer) != own);
        let is_join = !config.get("join").is_null() && !config.get("join").is_unknown();
        MasterSpec {
            node: self.node.settings(),
            cluster: self.cluster.as_ref().and_then(ClusterModel::spec),
            join: self
                .node
                .join
                .as_ref()
                .filter(|_| is_join)
                .and_then(|join| join.join(shared, self.node.ssh.as_ref()))
                .map(|mut join| {
                    join.masters.retain(|master| same_spelling(master.name()) != own);
                    join
                }),
            peers: shared.hosts(&peers, self.node.ssh.as_ref()),
        }
    }

    /// Where masters of the cluster that the `cluster` block describes are.
    pub(super) fn all_masters(&self) -> Vec<String> {
        self.masters_with(&[])
    }

    /// Where masters are: `peers`, those of `join`, and this one.
    fn masters_with(&self, joined: &[String]) -> Vec<String> {
        let mut masters = self.peers.clone().unwrap_or_default();
        masters.extend_from_slice(joined);
        masters.extend(self.node.host.clone());
        let mut seen = BTreeSet::new();
        masters.retain(|master| seen.insert(same_spelling(master)));
        masters
    }
}

impl ClusterModel {
    /// The block, if it is there and wholly known.
    pub(super) fn of(value: &Value) -> Option<Self> {
        let is_there = !value.is_null() && value.is_wholly_known();
        is_there.then(|| cluster().block.read(value).ok())?
    }

    pub(super) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(DEFAULT_CLUSTER_NAME)
    }

    /// The typed cluster; `None` where a text is not what the schema's validators let through.
    pub(super) fn spec(&self) -> Option<ClusterSpec> {
        let nets = |text: &Option<String>| -> Option<Vec<ipnet::IpNet>> {
            text.iter()
                .flat_map(|text| text.split(','))
                .map(|net| net.trim().parse().ok())
                .collect()
        };
        let config = |text: &Option<String>, kind| {
            text.as_deref()
                .map(|text| parse_component_config(text, kind))
                .transpose()
                .ok()
        };
        Some(ClusterSpec {
            pod_subnet: nets(&self.pod_subnet)?,
            service_subnet: nets(&self.service_subnet)?,
            dns_domain: self.dns_domain.clone(),
            cert_sans: self.cert_sans.clone().unwrap_or_default(),
            image_repository: self.image_repository.clone(),
            kubelet_config: config(&self.kubelet_config, ComponentKind::Kubelet)?,
            kube_proxy_config: config(&self.kube_proxy_config, ComponentKind::KubeProxy)?,
            api_server: component(self.api_server.as_ref()),
            controller_manager: component(self.controller_manager.as_ref()),
            scheduler: component(self.scheduler.as_ref()),
            etcd: self
                .etcd
                .clone()
                .map(|etcd| EtcdSpec {
                    data_dir: etcd.data_dir,
                    extra_args: etcd.extra_args.unwrap_or_default(),
                })
                .unwrap_or_default(),
            feature_gates: self.feature_gates.clone().unwrap_or_default(),
            ..ClusterSpec::new(
                self.name(),
                self.kubernetes_version.parse().ok()?,
                self.control_plane_endpoint.parse().ok()?,
            )
        })
    }
}

fn component(model: Option<&ComponentModel>) -> ComponentSpec {
    let model = model.cloned().unwrap_or_default();
    let volumes = model
        .extra_volumes
        .unwrap_or_default()
        .into_iter()
        .map(|volume| HostPathMount {
            name: volume.name,
            host_path: volume.host_path,
            mount_path: volume.mount_path,
            read_only: volume.read_only.unwrap_or(false),
            path_type: volume.path_type,
        });
    ComponentSpec {
        extra_args: model.extra_args.unwrap_or_default(),
        extra_volumes: volumes.collect(),
    }
}
