//! What remains of a cluster beside a node that is to leave: a master that can act, masters without a majority, nothing.
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt as _};

use crate::{
    lifecycle::{
        cluster::{Cluster, Health, HostReport, Survey, known_health},
        engine::{Condition, Run, wait_until},
        failure::{Failure, FailureKind},
        host::Marker,
        spec::RemovalSpec,
    },
    node::detached::Progress,
    remote::Host,
};

/// How long masters that were reached and cannot act are looked at again: etcd may choose a leader.
const PATIENCE: Duration = Duration::from_secs(15);
/// The same where one of them is in the middle of its join.
const JOIN_PATIENCE: Duration = Duration::from_secs(180);

/// What the look came to.
#[derive(Debug)]
pub(crate) enum Remains {
    /// A master that can take the node out.
    Through(Cluster),
    /// Masters were reached, and etcd has no quorum: too few of its members answer.
    Powerless {
        /// Other masters that were reached.
        living: Vec<Host>,
        /// What is known of etcd.
        health: Health,
    },
    /// No other master: every host that could be one was reached and is none, or etcd's list has nobody else.
    Nothing,
    /// Masters exist or may exist, and none can act or say more; what each host said.
    Unknown(String),
}

/// Looks for it. `own` is what was seen on the leaving host, if it was reached and is a master.
pub(crate) async fn look_for_remains(
    run: &Run,
    leaving: &RemovalSpec,
    own: Option<&HostReport>,
) -> Result<Remains, Failure> {
    let (first, patience) = look(run, leaving, own).await?;
    if patience.is_zero() || matches!(first, Remains::Through(_) | Remains::Nothing) {
        return Ok(first);
    }
    let found = wait_until(run, "a master of the cluster answers", patience, || {
        Box::pin(async {
            Ok(match look(run, leaving, own).await?.0 {
                Remains::Powerless { .. } | Remains::Unknown(_) => {
                    Condition::NotYet("no master can act".into())
                }
                found => Condition::Met(found),
            })
        })
    })
    .await;
    match found {
        Err(failure) if failure.kind == FailureKind::Permanent => Ok(look(run, leaving, own).await?.0),
        found => found,
    }
}

/// One look, and how long it is worth to look again.
async fn look(
    run: &Run,
    leaving: &RemovalSpec,
    own: Option<&HostReport>,
) -> Result<(Remains, Duration), Failure> {
    let others = leaving
        .masters
        .iter()
        .filter(|host| host.name() != run.host.name());
    let mut looks: FuturesUnordered<_> = others
        .map(|host| async move { Survey::of(std::slice::from_ref(host)).await })
        .collect();
    let mut survey = Survey::default();
    while let Some(one) = looks.next().await {
        let usable = one
            .masters()
            .find(|seen| is_other(leaving, own, seen) && seen.is_usable());
        // Nobody waits for a host that is down where another can act.
        if let Some(seen) = usable {
            let others = leaving
                .masters
                .iter()
                .filter(|host| host.name() != run.host.name());
            let cluster = Cluster::of(
                seen,
                others.cloned().collect(),
                own.map(|own| own.machine.clone()),
            );
            return Ok((Remains::Through(cluster), Duration::ZERO));
        }
        survey.seen.extend(one.seen);
        survey.silent.extend(one.silent);
    }
    let living: Vec<Host> = survey
        .masters()
        .filter(|seen| is_other(leaving, own, seen))
        .map(|seen| seen.host.clone())
        .collect();
    let own = own.filter(|own| own.ca_cert_hash.as_deref() == Some(leaving.ca_cert_hash.as_str()));
    let is_joining = |seen: &HostReport| seen.join == Progress::Running && is_other(leaving, own, seen);
    let patience = if survey.seen.iter().any(is_joining) {
        JOIN_PATIENCE
    } else if own.is_some() || !living.is_empty() {
        PATIENCE
    } else {
        Duration::ZERO
    };
    for host in own.map(|own| &own.host).into_iter().chain(&living) {
        let Some(health) = known_health(host).await? else {
            continue;
        };
        let is_own = |id: &u64| {
            leaving
                .member_in(&health.members)
                .is_some_and(|member| member.id == *id)
        };
        let remains = if health.voters().iter().all(is_own) {
            Remains::Nothing
        } else if health.has_lost_quorum() {
            Remains::Powerless { living, health }
        } else {
            Remains::Unknown(survey.account())
        };
        return Ok((remains, patience));
    }
    let nobody = living.is_empty() && survey.silent.is_empty();
    let remains = if nobody {
        Remains::Nothing
    } else {
        Remains::Unknown(survey.account())
    };
    Ok((remains, patience))
}

/// Whether the host that was seen is another master of the same cluster, and not the leaving node under another name.
/// A worker has a CA file and no admin.conf, so only a master shows its cluster here.
fn is_other(leaving: &RemovalSpec, own: Option<&HostReport>, seen: &HostReport) -> bool {
    let is_named = |marker: &Marker| marker.node_name == leaving.node_name;
    let is_itself = match own {
        Some(own) => seen.is_same_machine(own),
        None => seen.marker.as_ref().is_some_and(is_named),
    };
    seen.ca_cert_hash.as_deref() == Some(leaving.ca_cert_hash.as_str()) && !is_itself
}
