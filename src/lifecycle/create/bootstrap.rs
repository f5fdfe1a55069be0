//! Decides how a host becomes a master: by `kubeadm init`, by a join, or not at all as it is one. Runs under the cluster's lock.
use std::time::Duration;

use futures::future::join_all;

use crate::{
    command::{Look, quote},
    kubeadm::{ClusterSpec, Endpoint},
    lifecycle::{
        cluster::{
            HostReport, JoinTarget, Survey, await_other, check_same_ca, check_same_cluster, join_target,
            taken_out_by, wait_for_cluster, with_itself,
        },
        engine::{Condition, Run, wait_until},
        failure::{Failure, FailureKind},
        host::Marker,
        spec::MasterSpec,
    },
    node::detached::Progress,
    remote::Host,
};

const CA_CERTIFICATE: &str = "/etc/kubernetes/pki/ca.crt";

/// What the look for a running cluster came to.
#[derive(Debug)]
pub(crate) enum Bootstrap {
    /// There is none, proven; or this host's own init is under way.
    Init(Box<ClusterSpec>),
    /// There is one.
    Join(JoinTarget),
    /// There is one, and the host was a master of it: it was taken out while it was down.
    Rejoin(JoinTarget),
    /// The host is a master of it already.
    Member,
    /// `kubeadm init` was begun on that other host and has not ended well: it has to end or to clean that first, for which it
    /// needs the cluster's lock.
    After(Host),
}

/// A cluster is initialised only on proof that there is none: every host that could have it was
/// reached and has none, and the endpoint does not answer.
pub(crate) async fn decide_bootstrap(run: &Run, spec: &MasterSpec) -> Result<Bootstrap, Failure> {
    let endpoint = spec.endpoint().cloned().ok_or_else(|| {
        Failure::new(
            "Missing cluster or join",
            "The resource has neither a cluster block nor a join argument.",
        )
        .at("cluster")
    })?;
    let candidates = spec.candidates();
    let mut survey = Survey::of(&with_itself(run, &candidates)).await;
    if let Some(failure) = survey.take_unreadable() {
        return Err(failure);
    }
    let own = survey
        .take(&run.host)
        .ok_or_else(|| Failure::new("Host does not answer any more", survey.account()))?;
    let began = own.marker.as_ref().filter(|marker| !marker.is_member);
    if let Some(marker) = began.filter(|marker| marker.endpoint != endpoint.to_string())
        && own.is_init_done()
        && own.ca_cert_hash.is_some()
    {
        let detail = format!(
            "kubeadm init made a cluster with endpoint {} there; the configuration says {endpoint}.",
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
        return Ok(Bootstrap::Init(Box::new(cluster.clone())));
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
            return join_target(seen, candidates.clone(), Some(own.machine.clone())).map(Bootstrap::Rejoin);
        }
        return Ok(Bootstrap::Member);
    }
    let survey = wait_for_cluster(run, &candidates, survey).await?;
    let mut others = survey.masters().filter(|seen| !seen.is_same_machine(&own));
    // The host itself may be among the candidates, with half of a cluster that is about to go.
    let via = others.find(|seen| seen.is_usable());
    if let Some(seen) = via {
        check_same_cluster(spec, &endpoint, seen)?;
        await_joins(run, &survey).await?;
        return join_target(seen, candidates.clone(), Some(own.machine.clone())).map(Bootstrap::Join);
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
                .find(|seen| seen.has_unfinished_init() && !seen.is_same_machine(&own));
            if let Some(half) = half {
                return Ok(Bootstrap::After(half.host.clone()));
            }
            prove_absence(run, &endpoint, &survey, began).await?;
            Ok(Bootstrap::Init(Box::new(cluster.clone())))
        }
    }
}

/// Whether this host began `kubeadm init`, and it runs or ended well.
fn goes_on(marker: &Marker, own: &HostReport) -> bool {
    // Somebody may have reset the host since.
    let is_done = own.is_init_done() && own.ca_cert_hash.is_some();
    marker.has_begun_init() && (own.init == Progress::Running || is_done)
}

/// Waits, without the cluster's lock, until the host that began `kubeadm init` has ended or cleaned it.
pub(crate) async fn await_init_on(run: &Run, initialiser: &Host) -> Result<(), Failure> {
    let name = format!("kubeadm init on {} ends", initialiser.name());
    wait_until(run, &name, Duration::from_secs(600), || {
        Box::pin(async {
            let mut survey = Survey::of(std::slice::from_ref(initialiser)).await;
            if let Some(failure) = survey.take_unreadable() {
                return Err(failure);
            }
            let half = survey.seen.iter().any(HostReport::has_unfinished_init) || !survey.silent.is_empty();
            Ok(if half {
                Condition::NotYet(survey.account())
            } else {
                Condition::Met(())
            })
        })
    })
    .await
    .map_err(|failure| match failure.kind {
        FailureKind::Permanent => Failure {
            summary: "Unfinished kubeadm init on a peer",
            ..failure
        }
        .at("peers")
        .advise(
            "Apply the master on that host too: it goes on with what it began, or cleans it and begins anew.",
        ),
        _ => failure,
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

async fn prove_absence(
    run: &Run,
    endpoint: &Endpoint,
    survey: &Survey,
    began: Option<&Marker>,
) -> Result<(), Failure> {
    if !survey.silent.is_empty() {
        let detail = format!(
            "A new cluster is initialised only when every host that could have it was reached and has none:\n{}",
            survey.account()
        );
        return Err(Failure::new("Cannot prove that no cluster exists", detail)
            .at("peers")
            .advise("Bring the silent hosts up, or take them out of peers if they are gone for good."));
    }
    let url = quote(&format!("https://{endpoint}/version"));
    let ask = format!("curl -s --noproxy '*' --max-time 3 -o /dev/null {url}");
    // What answers may be this host's own init that did not come to its end; the CA tells.
    let but_not_own = match began {
        Some(marker) if marker.has_begun_init() => format!(" && ! {ask} --cacert {CA_CERTIFICATE}"),
        _ => String::new(),
    };
    let script = Look::new("ask the endpoint", format!("{ask} -k{but_not_own}"));
    if run.host.look(&script).await?.status == 0 {
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
