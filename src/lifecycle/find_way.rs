//! Decides how a host becomes a master: found the cluster, join it, or be one already. Runs under the cluster's lock.
use std::time::Duration;

use futures::future::join_all;

use super::{
    failure::{Failure, FailureKind},
    joining::await_other,
    marker::{Marker, Phase},
    spec::MasterSpec,
    stale::taken_out_by,
    step::Run,
    survey::{Seen, Survey},
    wait::{Seen as Look, wait_until},
};
use crate::{
    command::{Script, quote},
    kubeadm::{ClusterSpec, Effect, Endpoint, Version},
    node::detached::Progress,
    remote::Host,
};

const CA_CERTIFICATE: &str = "/etc/kubernetes/pki/ca.crt";

/// What the look for a running cluster came to.
#[derive(Debug)]
pub enum Way {
    /// There is none, proven; or this host's own founding is under way.
    Init(Box<ClusterSpec>),
    /// There is one.
    Join(Through),
    /// There is one, and the host was a master of it: it was taken out while it was down.
    Rejoin(Through),
    /// The host is a master of it already.
    Member,
    /// Half of one lies on that other host, which has to finish or to clean it first; it needs the cluster's lock.
    After(Host),
}

/// The master through which a cluster is changed, and what it said of the cluster.
#[derive(Clone, Debug)]
pub struct Through {
    /// The master.
    pub via: Host,
    /// `sha256:…` of the cluster's CA.
    pub ca_cert_hash: String,
    /// Its certificate.
    pub ca_cert_pem: String,
    /// The control plane's version.
    pub kubernetes_version: Version,
}

/// Finds the way. A cluster is founded only on proof that there is none: every host that could have it was
/// reached and has none, and the endpoint does not answer.
pub async fn find_way(run: &Run, spec: &MasterSpec) -> Result<Way, Failure> {
    let endpoint = spec.endpoint().cloned().ok_or_else(|| {
        Failure::new(
            "Neither cluster nor join",
            "The resource has neither a cluster block nor a join argument.",
        )
        .at("cluster")
    })?;
    let candidates = spec.candidates();
    let mut survey = Survey::of(&with_itself(run, &candidates)).await;
    let own = survey
        .take(&run.host)
        .ok_or_else(|| Failure::new("Host does not answer any more", survey.account()))?;
    let began = own.marker.as_ref().filter(|marker| marker.phase != Phase::Member);
    if let Some(marker) = began.filter(|marker| marker.endpoint != endpoint.to_string())
        && own.is_init_done()
        && own.ca_cert_hash.is_some()
    {
        let detail = format!(
            "kubeadm init founded a cluster with endpoint {} there; the configuration says {endpoint}.",
            marker.endpoint
        );
        return Err(Failure::new("Host belongs to another cluster", detail)
            .at("host")
            .on(run.host.name())
            .advise("Nothing was changed. Put that endpoint back and apply, or run `kubeadm reset` on the host yourself."));
    }
    if let (Some(marker), Some(cluster)) = (began, &spec.cluster)
        && goes_on(marker, &own)
    {
        if own.is_init_done() {
            check_same_cluster(spec, &endpoint, &own)?;
        }
        return Ok(Way::Init(Box::new(cluster.clone())));
    }

    if own.is_master() && began.is_none() {
        let is_ours = own
            .marker
            .as_ref()
            .is_some_and(|marker| marker.endpoint == endpoint.to_string());
        if own.cluster.is_none() && !is_ours {
            let detail = "The host has a cluster that this provider did not make there, and its API server does not answer, so it is not known which one it is.";
            return Err(Failure::new("Host belongs to another cluster", detail)
                .at("host")
                .on(run.host.name())
                .advise("Nothing was changed. Bring its API server up and apply again, or run `kubeadm reset` on the host yourself."));
        }
        check_same_cluster(spec, &endpoint, &own)?;
        for other in survey.masters() {
            check_same_ca(&own, other)?;
        }
        if let Some(seen) = taken_out_by(&own, &survey) {
            check_same_cluster(spec, &endpoint, seen)?;
            await_joins(run, &survey).await?;
            return through(seen).map(Way::Rejoin);
        }
        return Ok(Way::Member);
    }
    let survey = wait_for_cluster(run, &candidates, survey).await?;
    let mut others = survey.masters().filter(|seen| !seen.is_same_machine(&own));
    // The host itself may be among the candidates, with half of a cluster that is about to go.
    let via = others.find(|seen| seen.is_usable());
    if let Some(seen) = via {
        check_same_cluster(spec, &endpoint, seen)?;
        await_joins(run, &survey).await?;
        return through(seen).map(Way::Join);
    }
    match &spec.cluster {
        None => {
            let detail = format!(
                "No cluster was found on the hosts that join.masters and peers name:\n{}",
                survey.account()
            );
            Err(Failure::new("No cluster to join", detail)
                .at("join")
                .advise("Create the first master (the one with a cluster block) before the others."))
        }
        Some(cluster) => {
            let half = survey
                .seen
                .iter()
                .find(|seen| seen.is_half_founded() && !seen.is_same_machine(&own));
            if let Some(half) = half {
                return Ok(Way::After(half.host.clone()));
            }
            prove_absence(run, &endpoint, &survey, began).await?;
            Ok(Way::Init(Box::new(cluster.clone())))
        }
    }
}

/// Whether this host began `kubeadm init`, and it runs or ended well.
fn goes_on(marker: &Marker, own: &Seen) -> bool {
    // Somebody may have reset the host since.
    let is_done = own.is_init_done() && own.ca_cert_hash.is_some();
    marker.phase == Phase::Init && (own.init == Progress::Running || is_done)
}

/// The host itself and the candidates, each once.
pub fn with_itself(run: &Run, candidates: &[Host]) -> Vec<Host> {
    let others = candidates.iter().filter(|host| host.name() != run.host.name());
    std::iter::once(&run.host).chain(others).cloned().collect()
}

/// Waits, without the cluster's lock, until the host that began to found the cluster has ended or cleaned that.
pub async fn await_founder(run: &Run, founder: &Host) -> Result<(), Failure> {
    let name = format!("the founding on {} ends", founder.name());
    wait_until(run, &name, Duration::from_secs(600), || {
        Box::pin(async {
            let survey = Survey::of(std::slice::from_ref(founder)).await;
            let half = survey.seen.iter().any(Seen::is_half_founded) || !survey.silent.is_empty();
            Ok(if half {
                Look::NotYet(survey.account())
            } else {
                Look::Yes(())
            })
        })
    })
    .await
    .map_err(|failure| match failure.kind {
        FailureKind::Permanent => Failure {
            summary: "Half of a cluster lies on a peer",
            ..failure
        }
        .at("peers")
        .advise(
            "Apply the master on that host too: it goes on with what it began, or cleans it and begins anew.",
        ),
        _ => failure,
    })
}

/// Looks through the hosts; where a master is found whose API server does not answer, waits for it a while: it
/// may just have joined.
pub async fn find_cluster(run: &Run, candidates: &[Host]) -> Result<Survey, Failure> {
    wait_for_cluster(run, candidates, Survey::of(candidates).await).await
}

/// The same, after a first look.
async fn wait_for_cluster(run: &Run, candidates: &[Host], first: Survey) -> Result<Survey, Failure> {
    // A master that is down keeps nobody from joining through another.
    if first.via().is_some_and(|seen| !seen.is_being_founded()) {
        return Ok(first);
    }
    let survey = if first.is_settled() {
        first
    } else {
        Survey::when_reachable(run, candidates).await
    };
    if survey.via().is_some() || survey.masters().next().is_none() {
        return Ok(survey);
    }
    wait_until(run, "a master of the running cluster answers", Duration::from_secs(180), || {
        Box::pin(async {
            let survey = Survey::of(candidates).await;
            Ok(if survey.via().is_some() { Look::Yes(survey) } else { Look::NotYet(survey.account()) })
        })
    })
    .await
    .map_err(|failure| {
        Failure { summary: "Cluster does not answer", ..failure }.advise(
            "A cluster exists on these hosts, so none is founded and nothing can join. Bring its API servers and etcd back first.",
        )
    })
}

/// Waits for every `kubeadm join` on one of the hosts that may yet change etcd's members, which go one by one: an earlier
/// run that was killed may have begun it. One whose member votes has no uploaded certificates on its marker any more.
async fn await_joins(run: &Run, survey: &Survey) -> Result<(), Failure> {
    let joining = survey
        .seen
        .iter()
        .filter(|seen| seen.is_joining() && seen.host.name() != run.host.name());
    for settled in join_all(joining.map(|seen| await_other(run, &seen.host))).await {
        match settled {
            Err(failure) if failure.kind == FailureKind::Cancelled => return Err(failure),
            // Who has just gone down joins nothing; etcd itself refuses a second learner.
            Err(failure) => tracing::debug!(%failure, "cannot see whether kubeadm join runs"),
            Ok(()) => {}
        }
    }
    Ok(())
}

/// Turns what a master said into what a join needs.
pub fn through(seen: &Seen) -> Result<Through, Failure> {
    let missing = || {
        Failure::new(
            "Master gave no usable answer",
            "Its CA certificate or kubeadm-config could not be read.",
        )
        .on(seen.host.name())
    };
    let cluster = seen.cluster.as_ref().ok_or_else(missing)?;
    Ok(Through {
        via: seen.host.clone(),
        ca_cert_hash: seen.ca_cert_hash.clone().ok_or_else(missing)?,
        ca_cert_pem: seen.ca_cert_pem.clone().ok_or_else(missing)?,
        kubernetes_version: cluster.kubernetes_version.clone(),
    })
}

fn check_same_cluster(spec: &MasterSpec, endpoint: &Endpoint, seen: &Seen) -> Result<(), Failure> {
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
    if !found.is(wanted_name, endpoint) {
        return Err(foreign_cluster(seen.host.name(), found, wanted_name, endpoint));
    }
    match &spec.cluster {
        Some(cluster) => check_same_settings(cluster, found).map_err(|failure| failure.on(seen.host.name())),
        None => Ok(()),
    }
}

/// The failure for a host that belongs to a cluster other than the configured one.
pub fn foreign_cluster(
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

/// What kubeadm has read once cannot be changed by what a later apply says: a create that failed after the founding may
/// go on only with the same settings, and so may a master that joins by its `cluster` block. Only what can never change in
/// a cluster counts.
fn check_same_settings(cluster: &ClusterSpec, running: &ClusterSpec) -> Result<(), Failure> {
    let differing: Vec<String> = cluster
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

fn check_same_ca(own: &Seen, other: &Seen) -> Result<(), Failure> {
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

async fn prove_absence(
    run: &Run,
    endpoint: &Endpoint,
    survey: &Survey,
    began: Option<&Marker>,
) -> Result<(), Failure> {
    if !survey.silent.is_empty() {
        let detail = format!(
            "A new cluster is founded only when every host that could have it was reached and has none:\n{}",
            survey.account()
        );
        return Err(Failure::new("Cannot prove that no cluster exists", detail)
            .at("peers")
            .advise("Bring the silent hosts up, or take them out of peers if they are gone for good."));
    }
    let url = quote(&format!("https://{endpoint}/version"));
    let ask = format!("curl -s --noproxy '*' --max-time 3 -o /dev/null {url}");
    // What answers may be this host's own founding that did not come to its end; the CA tells.
    let but_not_own = match began {
        Some(marker) if marker.phase == Phase::Init => format!(" && ! {ask} --cacert {CA_CERTIFICATE}"),
        _ => String::new(),
    };
    let script = Script::new("ask the endpoint", format!("{ask} -k{but_not_own}"));
    if run.host.run(&script).await?.status == 0 {
        let detail = format!(
            "{endpoint} answers as an API server, but none of the hosts in peers has a cluster:\n{}",
            survey.account()
        );
        return Err(Failure::new("Endpoint belongs to another cluster", detail)
            .at("cluster.control_plane_endpoint")
            .advise("Add that cluster's masters to peers to join it, or use another endpoint."));
    }
    Ok(())
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
