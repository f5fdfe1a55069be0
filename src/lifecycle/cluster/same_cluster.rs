//! Whether a host belongs to the cluster that is configured.
use super::survey::HostReport;
use crate::{
    kubeadm::{ClusterSpec, Effect, Endpoint},
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
    let Some(found) = seen.cluster.as_ref().map(|cluster| &cluster.spec) else {
        return Ok(());
    };
    let wanted_name = spec.cluster_name().unwrap_or_default();
    if !found.is(wanted_name, endpoint) {
        return Err(foreign_cluster(seen.host.name(), found, wanted_name, endpoint));
    }
    match &spec.cluster {
        Some(cluster) => check_same_settings(cluster, found).map_err(|failure| failure.on(seen.host.name())),
        None => Ok(()),
    }
}

/// The failure for a host that belongs to a cluster other than the configured one.
pub(crate) fn foreign_cluster(
    host: &str,
    found: &ClusterSpec,
    wanted_name: &str,
    wanted_endpoint: &Endpoint,
) -> Failure {
    let name = &found.name;
    let found = match &found.control_plane_endpoint {
        Some(endpoint) => format!("{name:?} with endpoint {endpoint}"),
        None => format!("{name:?}, which has no control-plane endpoint"),
    };
    let detail = format!(
        "The host belongs to the cluster {found}; the configuration says {wanted_name:?} with endpoint {wanted_endpoint}."
    );
    Failure::new("Host belongs to another cluster", detail).at("host").on(host).advise(
        "Nothing was changed. Check the host's address and the cluster's name and endpoint. If that cluster is not needed any more, run `kubeadm reset` on the host yourself.",
    )
}

/// What kubeadm has read once cannot be changed by what a later apply says: a create that failed after the init may
/// go on only with the same settings, and so may a master that joins by its `cluster` block. Only what can never change in
/// a cluster counts.
fn check_same_settings(cluster: &ClusterSpec, running: &ClusterSpec) -> Result<(), Failure> {
    // What is not set is as it runs.
    let mut wanted = cluster.clone();
    if wanted.pod_subnet.is_empty() {
        wanted.pod_subnet.clone_from(&running.pod_subnet);
    }
    if wanted.service_subnet.is_empty() {
        wanted.service_subnet.clone_from(&running.service_subnet);
    }
    wanted.dns_domain = wanted.dns_domain.or_else(|| running.dns_domain.clone());
    wanted.etcd.data_dir = wanted.etcd.data_dir.or_else(|| running.etcd.data_dir.clone());
    let differing: Vec<String> = wanted
        .difference(running)
        .iter()
        .filter(|change| change.effect == Effect::Immutable)
        .map(|change| format!("  {change}"))
        .collect();
    if differing.is_empty() {
        return Ok(());
    }
    let detail = format!(
        "What runs -> what the configuration says, of what is fixed as long as the cluster lives:\n{}",
        differing.join("\n")
    );
    Err(
        Failure::new("Cluster settings cannot be changed in place", detail)
            .at("cluster")
            .advise("Nothing was changed. Put the old values back, or destroy the cluster and make it anew."),
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_fixed_is_refused_and_each_is_named() {
        let endpoint: Endpoint = "10.0.0.100:8443".parse().unwrap();
        let running = ClusterSpec::new("prod", "1.37.2".parse().unwrap(), endpoint);
        let mut wanted = running.clone();
        wanted.scheduler.extra_args.insert("v".into(), "4".into());
        wanted.service_subnet = running.services();
        assert!(check_same_settings(&wanted, &running).is_ok());
        wanted.pod_subnet = vec!["10.244.0.0/16".parse().unwrap()];
        wanted.dns_domain = Some("corp.local".into());
        let told = check_same_settings(&wanted, &running).unwrap_err().detail;
        assert!(
            told.contains(r#"pod_subnet: not set -> "10.244.0.0/16""#),
            "{told}"
        );
        assert!(
            told.contains(r#"dns_domain: "cluster.local" -> "corp.local""#),
            "{told}"
        );
        assert!(!told.contains("scheduler"), "{told}");
    }
}
