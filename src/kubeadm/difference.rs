//! What is wanted of a cluster against what runs: which settings differ, and what each would take.
//!
//! Not set means kubeadm's default, which kubeadm writes into `kubeadm-config` itself: both are the same. Versions,
//! networks and addresses are compared as what they mean, not as they are spelled.
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;
use serde_json::{Map, Value};

use super::{
    ClusterSpec, ComponentSpec, DEFAULT_DNS_DOMAIN, Endpoint, EtcdSpec, HostPathMount,
    change::{AttributePath, Change, Effect, Part},
    documents::ComponentDocument,
};

/// kubeadm's default `etcd.local.dataDir`.
const DEFAULT_DATA_DIR: &str = "/var/lib/etcd";

/// kubeadm's default `imageRepository`, since 1.25 (with the last patches of 1.22 to 1.24) and before. `kubeadm upgrade` goes
/// from the old one to the new by itself.
const DEFAULT_IMAGE_REPOSITORIES: [&str; 2] = ["registry.k8s.io", "k8s.gcr.io"];

/// kubeadm up to 1.30 wrote this flag of the API server, which it sets anyway, into the `extraArgs` that it keeps
/// (kubernetes/kubernetes#111766 shows one of 1.24).
const DEFAULT_AUTHORIZATION_MODE: &str = "Node,RBAC";

impl ClusterSpec {
    /// Every setting of `kubeadm-config` that is wanted here and runs otherwise there, in the order of the schema.
    ///
    /// Effects, and whom they are known from:
    /// * `name`, `control_plane_endpoint`, `pod_subnet`, `service_subnet`, `dns_domain`, `etcd.data_dir`: immutable, as in
    ///   Cluster API, which lets nobody mutate them (`webhooks/kubeadmcontrolplane.go`, but for etcd's folder: data would
    ///   move). A Node's `podCIDR` is immutable (kubernetes/kubernetes#81677), the first address of the Services is in
    ///   each API server's certificate, the domain in each kubelet's `clusterDomain`; kubeadm does not support another
    ///   endpoint (kubernetes/kubeadm#1955).
    /// * `kubernetes_version`: `kubeadm upgrade` (kubernetes.io, "Upgrading kubeadm clusters").
    /// * `cert_sans`: the certificates are issued anew; the API server reads its serving pair again by itself
    ///   (`dynamiccertificates` in `k8s.io/apiserver`).
    /// * `extra_args`, `extra_volumes`: the static pods' manifests are written anew (kubernetes.io, "Reconfiguring a kubeadm
    ///   cluster"), for etcd with its quorum looked at before and after each.
    /// * `image_repository`: all images that kubeadm names, as at an upgrade to the same version.
    /// * `feature_gates`: kubeadm's own; it reads them at a join and at an upgrade.
    pub fn difference(&self, running: &Self) -> Vec<Change> {
        // Named one by one, so that a new field is not forgotten.
        let Self {
            name,
            kubernetes_version,
            control_plane_endpoint,
            pod_subnet,
            service_subnet: _,
            dns_domain,
            cert_sans,
            image_repository,
            kubelet_config: _,
            kube_proxy_config: _,
            api_server,
            controller_manager,
            scheduler,
            etcd,
            feature_gates,
        } = self;
        let mut found = Changes::default();
        let text = |text: &dyn ToString| Some(text.to_string());
        found.compare("name", text(&running.name), text(name), Effect::Immutable);
        found.compare(
            "kubernetes_version",
            text(&running.kubernetes_version),
            text(kubernetes_version),
            Effect::Upgrade,
        );
        found.compare(
            "control_plane_endpoint",
            endpoint(running.control_plane_endpoint.as_ref()),
            endpoint(control_plane_endpoint.as_ref()),
            Effect::Immutable,
        );
        found.compare(
            "pod_subnet",
            networks(&running.pod_subnet),
            networks(pod_subnet),
            Effect::Immutable,
        );
        found.compare(
            "service_subnet",
            networks(&running.services()),
            networks(&self.services()),
            Effect::Immutable,
        );
        let domain =
            |domain: &Option<String>| Some(domain.as_deref().unwrap_or(DEFAULT_DNS_DOMAIN).to_owned());
        found.compare(
            "dns_domain",
            domain(&running.dns_domain),
            domain(dns_domain),
            Effect::Immutable,
        );
        found.compare(
            "cert_sans",
            names(&running.cert_sans),
            names(cert_sans),
            Effect::Rolling(Part::ApiServerCertificate),
        );
        found.image_repository(running.image_repository.as_deref(), image_repository.as_deref());
        found.feature_gates(&running.feature_gates, feature_gates);
        for (block, from, to, part) in [
            ("api_server", &running.api_server, api_server, Part::ApiServer),
            (
                "controller_manager",
                &running.controller_manager,
                controller_manager,
                Part::ControllerManager,
            ),
            ("scheduler", &running.scheduler, scheduler, Part::Scheduler),
        ] {
            found.component(&AttributePath::attribute(block), from, to, Effect::Rolling(part));
        }
        found.etcd(&running.etcd, etcd);
        found.0
    }

    /// The same for `kubelet_config` and `kube_proxy_config`, against those of another spec that was written by the user: one
    /// that was read back has none. Each is one change, with those top-level fields that differ, as JSON.
    ///
    /// A kubelet reads its configuration when it starts, kube-proxy likewise; both have a `ConfigMap` of their own
    /// (kubernetes.io, "Reconfiguring a kubeadm cluster").
    pub fn component_config_difference(&self, before: &Self) -> Vec<Change> {
        let mut found = Changes::default();
        let kubelet = |spec: &Self| ComponentDocument::kubelet(spec.kubelet_config.as_ref()).into_fields();
        let kube_proxy = |spec: &Self| {
            ComponentDocument::kube_proxy(spec.kube_proxy_config.as_ref())
                .map(ComponentDocument::into_fields)
                .unwrap_or_default()
        };
        for (attribute, from, to, part) in [
            ("kubelet_config", kubelet(before), kubelet(self), Part::Kubelet),
            (
                "kube_proxy_config",
                kube_proxy(before),
                kube_proxy(self),
                Part::KubeProxy,
            ),
        ] {
            found.compare(
                attribute,
                differing(&from, &to),
                differing(&to, &from),
                Effect::Rolling(part),
            );
        }
        found.0
    }
}

/// Those fields of the first that the second has not, or otherwise.
fn differing(fields: &Map<String, Value>, others: &Map<String, Value>) -> Option<String> {
    let own = fields
        .iter()
        .filter(|(name, value)| others.get(*name) != Some(value));
    let own: Map<String, Value> = own.map(|(name, value)| (name.clone(), value.clone())).collect();
    (!own.is_empty()).then(|| Value::Object(own).to_string())
}

/// Networks without the bits behind their masks. The first is of the cluster's primary family, so their order counts.
fn networks(nets: &[IpNet]) -> Option<String> {
    let texts: Vec<String> = nets.iter().map(|net| net.trunc().to_string()).collect();
    (!texts.is_empty()).then(|| texts.join(","))
}

/// An address in its one spelling.
fn endpoint(endpoint: Option<&Endpoint>) -> Option<String> {
    let endpoint = endpoint?;
    let host = match endpoint.ip() {
        Some(address) => address.to_canonical().to_string(),
        None => endpoint.host.clone(),
    };
    Some(Endpoint { host, ..*endpoint }.to_string())
}

/// As a set of names in small letters and of addresses.
fn names(sans: &[String]) -> Option<String> {
    let name = |text: &String| match text.parse::<IpAddr>() {
        Ok(address) => address.to_string(),
        Err(_) => text.to_lowercase(),
    };
    joined(sans.iter().map(name).collect())
}

fn joined<T: ToString>(items: BTreeSet<T>) -> Option<String> {
    let texts: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    (!texts.is_empty()).then(|| texts.join(","))
}

/// Volumes by their names, each with how many of its name come before it: kubeadm takes a name twice.
fn numbered(volumes: &[HostPathMount]) -> Vec<((&str, usize), &HostPathMount)> {
    let number = |index: usize, name: &str| {
        let before = volumes.iter().take(index);
        before.filter(|volume| volume.name == name).count()
    };
    let numbered = volumes.iter().enumerate();
    numbered
        .map(|(index, volume)| ((&*volume.name, number(index, &volume.name)), volume))
        .collect()
}

/// What was found to differ.
#[derive(Default)]
struct Changes(Vec<Change>);

impl Changes {
    fn compare(&mut self, attribute: &'static str, from: Option<String>, to: Option<String>, effect: Effect) {
        self.compare_at(AttributePath::attribute(attribute), from, to, effect);
    }

    fn compare_at(&mut self, path: AttributePath, from: Option<String>, to: Option<String>, effect: Effect) {
        if from != to {
            self.0.push(Change {
                path,
                from,
                to,
                effect,
            });
        }
    }

    /// Not set means whatever kubeadm's default was or is; one that is written out is wanted as it is written.
    fn image_repository(&mut self, from: Option<&str>, to: Option<&str>) {
        let is_default = |text: &str| DEFAULT_IMAGE_REPOSITORIES.contains(&text);
        if let (Some(written), None) | (None, Some(written)) = (from, to)
            && is_default(written)
        {
            return;
        }
        let [default, _] = DEFAULT_IMAGE_REPOSITORIES;
        let shown = |text: Option<&str>| Some(text.unwrap_or(default).to_owned());
        self.compare(
            "image_repository",
            shown(from),
            shown(to),
            Effect::Rolling(Part::ControlPlane),
        );
    }

    fn feature_gates(&mut self, from: &BTreeMap<String, bool>, to: &BTreeMap<String, bool>) {
        let path = AttributePath::attribute("feature_gates");
        for gate in from.keys().chain(to.keys()).collect::<BTreeSet<_>>() {
            let value = |gates: &BTreeMap<String, bool>| gates.get(gate).map(ToString::to_string);
            self.compare_at(path.key(gate), value(from), value(to), Effect::NextJoin);
        }
    }

    fn component(&mut self, block: &AttributePath, from: &ComponentSpec, to: &ComponentSpec, effect: Effect) {
        let arguments = block.child("extra_args");
        self.arguments(&arguments, &from.extra_args, &to.extra_args, effect);
        let volumes = block.child("extra_volumes");
        self.volumes(&volumes, &from.extra_volumes, &to.extra_volumes, effect);
    }

    fn etcd(&mut self, from: &EtcdSpec, to: &EtcdSpec) {
        let block = AttributePath::attribute("etcd");
        let folder = |etcd: &EtcdSpec| Some(etcd.data_dir.as_deref().unwrap_or(DEFAULT_DATA_DIR).to_owned());
        self.compare_at(
            block.child("data_dir"),
            folder(from),
            folder(to),
            Effect::Immutable,
        );
        self.arguments(
            &block.child("extra_args"),
            &from.extra_args,
            &to.extra_args,
            Effect::Rolling(Part::Etcd),
        );
    }

    fn arguments(
        &mut self,
        path: &AttributePath,
        from: &BTreeMap<String, String>,
        to: &BTreeMap<String, String>,
        effect: Effect,
    ) {
        for name in from.keys().chain(to.keys()).collect::<BTreeSet<_>>() {
            let is_authorization = effect == Effect::Rolling(Part::ApiServer) && name == "authorization-mode";
            let default = is_authorization.then_some(DEFAULT_AUTHORIZATION_MODE);
            let value = |args: &BTreeMap<String, String>| {
                let value = args.get(name).map(String::as_str).or(default);
                value.map(str::to_owned)
            };
            self.compare_at(path.key(name), value(from), value(to), effect);
        }
    }

    /// A volume is known by its name; their order says nothing.
    fn volumes(
        &mut self,
        path: &AttributePath,
        from: &[HostPathMount],
        to: &[HostPathMount],
        effect: Effect,
    ) {
        let shown = |volume: &HostPathMount| Some(format!("{} ({})", volume.name, volume.host_path));
        let (from, to) = (numbered(from), numbered(to));
        for (index, (identity, wanted)) in to.iter().enumerate() {
            let path = path.index(index);
            let Some((_, running)) = from.iter().find(|(running, _)| running == identity) else {
                self.compare_at(path, None, shown(wanted), effect);
                continue;
            };
            let fields = |volume: &HostPathMount| {
                [
                    ("host_path", Some(volume.host_path.clone())),
                    ("mount_path", Some(volume.mount_path.clone())),
                    ("read_only", Some(volume.read_only.to_string())),
                    ("path_type", volume.path_type.clone().filter(|ty| !ty.is_empty())),
                ]
            };
            for ((field, from), (_, to)) in fields(running).into_iter().zip(fields(wanted)) {
                self.compare_at(path.child(field), from, to, effect);
            }
        }
        for (identity, gone) in &from {
            if !to.iter().any(|(wanted, _)| wanted == identity) {
                self.compare_at(path.clone(), shown(gone), None, effect);
            }
        }
    }
}
