//! Takes a node out of its cluster: a master with its etcd member, or a worker; the last master simply ends.
use super::{
    departures::Departures,
    left_behind::{
        cleaned_through, cluster_gone, forgotten, no_master_answers, nobody_to_clean_through, released,
        reset_alone,
    },
    plans,
    remaining::{Remains, look_for_remains},
    turn::{Left, Removal},
};
use crate::{
    kubeadm::ca_cert_hash,
    lifecycle::{
        engine::Run,
        failure::Failure,
        host::{Reached, reach_for_removal, read_facts},
        lock::{Lock, Locks},
        notice::Notice,
        spec::{IfUnreachable, RemovalSpec},
        stages::{Held, run_plan},
    },
    node::Facts,
};

/// Removes a master. Membership changes one at a time, so this holds the cluster's lock while it changes anything. What
/// could not be cleaned is told.
pub(crate) async fn remove_master(
    run: &Run,
    leaving: &RemovalSpec,
    locks: &Locks,
    departures: &Departures,
) -> Result<Vec<Notice>, Failure> {
    let departure = departures.announce(&leaving.endpoint, &leaving.node_name);
    let silence = match reach_for_removal(run, leaving.if_unreachable).await? {
        Reached::Yes => None,
        Reached::No(why) if leaving.if_unreachable == IfUnreachable::Forget => {
            let notice = forgotten(run.host.name(), &why, leaving);
            departure.done(false);
            return Ok(vec![notice]);
        }
        Reached::No(why) => Some(why),
    };
    let is_reached = silence.is_none();
    let removal = Removal {
        run,
        leaving,
        silence,
        departure: &departure,
    };
    let Left { notices, is_end } = if is_reached {
        let lock = locks.lock_host(run).await?;
        lock.around(async |host| {
            check_own_cluster(run, &read_facts(&run.host).await?, leaving)?;
            removal.finish(locks, Some(host)).await
        })
        .await?
    } else {
        run.stop_journal();
        removal.finish(locks, None).await?
    };
    departure.done(is_end);
    Ok(notices)
}

/// Removes a worker; its host is locked meanwhile, if it was reached. What could not be cleaned is told.
pub(crate) async fn remove_worker(
    run: &Run,
    leaving: &RemovalSpec,
    locks: &Locks,
) -> Result<Vec<Notice>, Failure> {
    match reach_for_removal(run, leaving.if_unreachable).await? {
        Reached::Yes => {
            let lock = locks.lock_host(run).await?;
            let removed = lock
                .around(async |lock| remove_reached_worker(run, leaving, lock).await)
                .await?;
            Ok(removed.into_iter().collect())
        }
        Reached::No(why) if leaving.if_unreachable == IfUnreachable::Forget => {
            Ok(vec![forgotten(run.host.name(), &why, leaving)])
        }
        Reached::No(why) => Ok(vec![clean_of_worker(run, leaving, &why).await?]),
    }
}

async fn remove_reached_worker(
    run: &Run,
    leaving: &RemovalSpec,
    lock: &Lock,
) -> Result<Option<Notice>, Failure> {
    let (host, held) = (run.host.name(), Held::by_host(lock));
    check_own_cluster(run, &read_facts(&run.host).await?, leaving)?;
    let notice = match look_for_remains(run, leaving, None).await? {
        Remains::Through(cluster) => {
            run_plan(run, &plans::leave(leaving, &cluster), held).await?;
            return Ok(None);
        }
        Remains::Powerless { .. } => Some(released(host, None, leaving)),
        Remains::Nothing => None,
        Remains::Unknown(account) if leaving.if_unreachable == IfUnreachable::Forget => {
            Some(reset_alone(host, leaving, &account))
        }
        Remains::Unknown(account) => return Err(no_master_answers(&account)),
    };
    run_plan(run, &plans::reset(leaving), held).await?;
    Ok(notice)
}

async fn clean_of_worker(run: &Run, leaving: &RemovalSpec, why: &str) -> Result<Notice, Failure> {
    run.stop_journal();
    let host = run.host.name();
    Ok(match look_for_remains(run, leaving, None).await? {
        Remains::Through(cluster) => {
            run_plan(run, &plans::clean_cluster(leaving, &cluster), Held::default()).await?;
            cleaned_through(host, why, leaving, cluster.via().await.name())
        }
        Remains::Powerless { .. } => released(host, Some(why), leaving),
        Remains::Nothing => cluster_gone(host, why, leaving),
        Remains::Unknown(account) => return Err(nobody_to_clean_through(host, &account)),
    })
}

/// Nothing is removed from a host that has become part of another cluster.
fn check_own_cluster(run: &Run, facts: &Facts, leaving: &RemovalSpec) -> Result<(), Failure> {
    let found = facts
        .kubernetes
        .ca_pem
        .as_deref()
        .and_then(|pem| ca_cert_hash(pem).ok());
    match found {
        Some(found) if found != leaving.ca_cert_hash => {
            let detail = format!(
                "The host's cluster CA is {found}; this resource's cluster has {}.",
                leaving.ca_cert_hash
            );
            Err(Failure::new("Host belongs to another cluster", detail)
                .at("host")
                .on(run.host.name())
                .advise("Nothing was changed. If the machine was given away, remove the resource from the state: terraform state rm."))
        }
        _ => Ok(()),
    }
}
