//! Whether a host belongs to the cluster that is configured.
use std::collections::BTreeSet;

use ipnet::IpNet;

use super::survey::HostReport;
use crate::{
    kube::RunningCluster,
    kubeadm::{ClusterSpec, Endpoint},
    lifecycle::{failure::Failure, spec::MasterSpec},
};

/// Fails if the master that was seen is of another cluster than the configured one.
pub(crate) fn check_same_cluster(
    spec: &MasterSpec,
    endpoint: &Endpoint,
    seen: &HostReport,
) -> Result<(), Failure> {
    if let (Some(join), Some(found)) = (&spec.join, &seen.ca_cert_hash)
        && join.ca_cert_hash != *found
    {
        let detail = format!(
            "The CA on {} is {found}, join says {}.",
            seen.host.name(),
            join.ca_cert_hash
        );
        return Err(Failure::new("Cluster is not the one that join describes", detail).at("join"));
    }
    let Some(found) = &seen.cluster else { return Ok(()) };
    let wanted_name = spec.cluster_name().unwrap_or_default();
    if found.cluster_name == wanted_name && found.control_plane_endpoint == endpoint.to_string() {
        return match &spec.cluster {
            Some(cluster) => {
                check_same_settings(cluster, found).map_err(|failure| failure.on(seen.host.name()))
            }
            None => Ok(()),
        };
    }
    Err(foreign_cluster(
        seen.host.name(),
        &found.cluster_name,
        &found.control_plane_endpoint,
        wanted_name,
        endpoint,
    ))
}

/// The failure for a host that belongs to a cluster other than the configured one.
pub(crate) fn foreign_cluster(
    host: &str,
    name: &str,
    endpoint: &str,
    wanted_name: &str,
    wanted_endpoint: &Endpoint,
) -> Failure {
    let detail = format!(
        "The host belongs to the cluster {name:?} with endpoint {endpoint}; the configuration says {wanted_name:?} with endpoint {wanted_endpoint}."
    );
    Failure::new("Host belongs to another cluster", detail).at("host").on(host).advise(
        "Nothing was changed. Check the host's address and the cluster's name and endpoint. If that cluster is not needed any more, run `kubeadm reset` on the host yourself.",
    )
}

/// What kubeadm has read once cannot be changed by what a later apply says: a create that failed after the founding may
/// go on only with the same settings.
fn check_same_settings(cluster: &ClusterSpec, found: &RunningCluster) -> Result<(), Failure> {
    let nets = |text: &str| -> BTreeSet<IpNet> {
        text.split(',')
            .filter_map(|net| net.trim().parse().ok())
            .collect()
    };
    let wanted = |nets: &[IpNet]| nets.iter().copied().collect::<BTreeSet<IpNet>>();
    let differing = [
        (
            "pod_subnet",
            !cluster.pod_subnet.is_empty() && wanted(&cluster.pod_subnet) != nets(&found.pod_subnet),
            &found.pod_subnet,
        ),
        (
            "service_subnet",
            !cluster.service_subnet.is_empty()
                && wanted(&cluster.service_subnet) != nets(&found.service_subnet),
            &found.service_subnet,
        ),
        (
            "dns_domain",
            cluster
                .dns_domain
                .as_ref()
                .is_some_and(|domain| *domain != found.dns_domain),
            &found.dns_domain,
        ),
    ];
    match differing.iter().find(|(_, differs, _)| *differs) {
        None => Ok(()),
        Some((name, _, found)) => Err(Failure::new(
            "Cluster settings cannot be changed in place",
            format!(
                "The cluster was made with {name} = {found:?}, and the configuration says something else."
            ),
        )
        .at("cluster")
        .advise("Put the old value back, or destroy the cluster and make it anew.")),
    }
}

/// Fails if the two masters are of two clusters.
pub(crate) fn check_same_ca(own: &HostReport, other: &HostReport) -> Result<(), Failure> {
    if own.ca_cert_hash == other.ca_cert_hash {
        return Ok(());
    }
    let detail = format!(
        "{} and {} have different cluster CAs: they are two clusters.",
        own.host.name(),
        other.host.name()
    );
    Err(Failure::new("Host belongs to another cluster", detail).at("host").advise("Nothing was changed. Decide which cluster is the right one and reset the other's hosts yourself."))
}
