//! What is wanted of a load balancer.
use std::{collections::BTreeMap, net::IpAddr};

use crate::{
    haproxy::{self, HaproxySpec},
    keepalived::{self, KeepalivedSpec},
    node::files::File,
};

/// A host's part in carrying a floating IP, as far as the user says it.
#[derive(Clone, Debug)]
pub(crate) struct LoadbalancerSpec {
    /// The floating IP.
    pub vip: IpAddr,
    /// The interface; by default the one that has the host's member address.
    pub interface: Option<String>,
    /// This host's address among the members.
    pub address: IpAddr,
    /// All members by name.
    pub members: BTreeMap<String, String>,
    /// HAProxy's side.
    pub haproxy: HaproxySpec,
    /// VRRP's id, given or derived.
    pub virtual_router_id: u8,
    /// This host's priority.
    pub priority: u8,
    /// Whether the floating IP moves back.
    pub preempt: bool,
    /// keepalived's container image.
    pub keepalived_image: String,
}

impl LoadbalancerSpec {
    /// The files of both static pods on a host with this interface.
    pub(crate) fn files(&self, interface: &str) -> Vec<File> {
        let keepalived = keepalived::render_config(&KeepalivedSpec {
            vip: self.vip,
            interface: interface.to_owned(),
            virtual_router_id: self.virtual_router_id,
            priority: self.priority,
            address: self.address,
            peers: self
                .members
                .values()
                .filter_map(|address| address.parse().ok())
                .filter(|peer| *peer != self.address)
                .collect(),
            preempt: self.preempt,
            advert_int: KeepalivedSpec::ADVERT_INT,
            health_port: self.haproxy.health_port,
        });
        let haproxy = haproxy::render_config(&self.haproxy);
        let haproxy_pod = haproxy::render_static_pod(&self.haproxy);
        let keepalived_pod = keepalived::render_static_pod(&self.keepalived_image);
        // Manifests last: the kubelet starts a pod as soon as it sees one.
        [
            (haproxy::CONFIG_PATH, haproxy::CONFIG_MODE, haproxy),
            (keepalived::CONFIG_PATH, keepalived::CONFIG_MODE, keepalived),
            (haproxy::MANIFEST_PATH, haproxy::MANIFEST_MODE, haproxy_pod),
            (
                keepalived::MANIFEST_PATH,
                keepalived::MANIFEST_MODE,
                keepalived_pod,
            ),
        ]
        .map(|(path, mode, content)| File {
            path: path.to_owned(),
            mode,
            content,
        })
        .to_vec()
    }
}
