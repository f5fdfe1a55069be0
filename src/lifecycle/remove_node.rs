//! Takes a node out of its cluster: a master with its etcd member, or a worker; the last master simply ends.
use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use super::{
    cluster_lock::{ClusterLock, ClusterLocks},
    departures::{Departure, Departures},
    failure::Failure,
    find_way::with_itself,
    leaving_steps::{cleaning_steps, leave, or_stay, reset_steps},
    left_behind::{
        IfUnreachable, Notice, cleaned_through, cluster_gone, forgotten, nobody_to_clean_through, released,
        reset_alone,
    },
    look::read_facts,
    membership::{Health, health, member_at},
    reach::{Reached, reach},
    released,
    remaining::{Remains, Survivor, look_for_remains},
    runner::run_some,
    step::{Run, Step},
    steps::{RemoveEtcdMember, removal_refused},
    survey::{Seen, Survey},
};
use crate::{
    etcd::{Fate, Member, Refusal, Turn, Voter, turn},
    kubeadm::ca_cert_hash,
    node::Facts,
    remote::Host,
};

/// The node to remove, as the state knows it.
#[derive(Clone, Debug)]
pub struct Leaving {
    /// The Node's name.
    pub node_name: String,
    /// The cluster's endpoint: the lock's name.
    pub endpoint: String,
    /// Address of its etcd member; none for a worker.
    pub advertise_address: Option<IpAddr>,
    /// Hash of its cluster's CA, so that nothing is removed from another cluster.
    pub ca_cert_hash: String,
    /// Where other masters are looked for; the node itself may be among them.
    pub masters: Vec<Host>,
    /// The runtime's socket.
    pub cri_socket: String,
    /// What happens if the host does not answer.
    pub if_unreachable: IfUnreachable,
}

impl Leaving {
    /// The node's member, if it has one.
    pub(super) fn member_in<'a>(&self, members: &'a [Member]) -> Option<&'a Member> {
        member_at(members, self.advertise_address?)
    }
}

/// Removes a master. Membership changes one at a time, so this holds the cluster's lock while it changes anything. What
/// could not be cleaned is told.
pub async fn remove_master(
    run: &Run,
    leaving: &Leaving,
    locks: &ClusterLocks,
    departures: &Departures,
) -> Result<Vec<Notice>, Failure> {
    let departure = departures.announce(&leaving.endpoint, &leaving.node_name);
    let silence = match reach(run, leaving.if_unreachable).await? {
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
    let (notices, is_end) = if is_reached {
        let lock = locks.lock_host(run).await?;
        lock.around(async |_| {
            check_own_cluster(run, &read_facts(&run.host).await?, leaving)?;
            removal.finish(locks).await
        })
        .await?
    } else {
        run.stop_journal();
        removal.finish(locks).await?
    };
    departure.done(is_end);
    Ok(notices)
}

/// Removes a worker; its host is locked meanwhile, if it was reached. What could not be cleaned is told.
pub async fn remove_worker(
    run: &Run,
    leaving: &Leaving,
    locks: &ClusterLocks,
) -> Result<Vec<Notice>, Failure> {
    match reach(run, leaving.if_unreachable).await? {
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
    leaving: &Leaving,
    lock: &ClusterLock,
) -> Result<Option<Notice>, Failure> {
    let host = run.host.name();
    check_own_cluster(run, &read_facts(&run.host).await?, leaving)?;
    let notice = match look_for_remains(run, leaving, None).await? {
        Remains::Through(survivor) => {
            leave(run, leaving, &survivor, lock).await?;
            return Ok(None);
        }
        Remains::Powerless { .. } => Some(released(host, None, leaving)),
        Remains::Nothing => None,
        Remains::Unknown(account) if leaving.if_unreachable == IfUnreachable::Forget => {
            Some(reset_alone(host, leaving, &account))
        }
        Remains::Unknown(account) => return Err(no_master_answers(&account)),
    };
    run_all(run, &reset_steps(leaving), Some(lock)).await?;
    Ok(notice)
}

async fn clean_of_worker(run: &Run, leaving: &Leaving, why: &str) -> Result<Notice, Failure> {
    run.stop_journal();
    let host = run.host.name();
    Ok(match look_for_remains(run, leaving, None).await? {
        Remains::Through(survivor) => {
            run_all(run, &cleaning_steps(leaving, &survivor), None).await?;
            cleaned_through(host, why, leaving, survivor.via.name())
        }
        Remains::Powerless { .. } => released(host, Some(why), leaving),
        Remains::Nothing => cluster_gone(host, why, leaving),
        Remains::Unknown(account) => return Err(nobody_to_clean_through(host, &account)),
    })
}

async fn run_all(run: &Run, steps: &[Box<dyn Step>], lock: Option<&ClusterLock>) -> Result<(), Failure> {
    run_some(run, steps, 0..steps.len(), lock).await
}

/// What a try to leave came to.
#[derive(Debug)]
enum Tried {
    /// The node has left; whether that was the cluster's end.
    Left(Vec<Notice>, bool),
    /// These others go first.
    After(Vec<String>),
    /// Something has changed: all over again.
    Again,
}

/// The removal of a master whose host was reached, or is to be cleaned away.
#[derive(Debug)]
struct Removal<'a> {
    run: &'a Run,
    leaving: &'a Leaving,
    /// Why the host was not reached.
    silence: Option<String>,
    departure: &'a Departure,
}

impl Removal<'_> {
    /// Waits for its turn and leaves; whether that was the cluster's end.
    async fn finish(&self, locks: &ClusterLocks) -> Result<(Vec<Notice>, bool), Failure> {
        let Self { run, leaving, .. } = self;
        let mut hosts = with_itself(run, &leaving.masters);
        if self.silence.is_some() {
            hosts.retain(|host| host.name() != run.host.name());
        }
        loop {
            let lock = locks.lock(run, &leaving.endpoint, &hosts).await?;
            let tried = lock.around(async |lock| self.try_to_leave(lock).await).await?;
            match tried {
                Tried::Left(notices, is_end) => return Ok((notices, is_end)),
                Tried::After(names) => self.departure.wait_until_over(&names, &run.cancel).await?,
                Tried::Again => {}
            }
        }
    }

    async fn try_to_leave(&self, lock: &ClusterLock) -> Result<Tried, Failure> {
        let Self { run, leaving, .. } = self;
        let host = run.host.name();
        let own = match self.silence {
            None => Some(look_at_own(run).await?),
            Some(_) => None,
        };
        let remains = look_for_remains(run, leaving, own.as_ref()).await?;
        Ok(match (remains, &self.silence) {
            (Remains::Through(survivor), _) => return self.leave_through(&survivor, lock).await,
            (Remains::Powerless { living, health }, None) => {
                return self.leave_powerless(&living, &health, lock).await;
            }
            (Remains::Powerless { living, .. }, Some(why)) => {
                note_on(&living, leaving).await?;
                Tried::Left(vec![released(host, Some(why), leaving)], false)
            }
            (Remains::Nothing, None) => {
                run_all(run, &reset_steps(leaving), Some(lock)).await?;
                Tried::Left(Vec::new(), true)
            }
            (Remains::Nothing, Some(why)) => Tried::Left(vec![cluster_gone(host, why, leaving)], false),
            (Remains::Unknown(_), Some(why)) if self.departure.has_cluster_ended() => {
                Tried::Left(vec![cluster_gone(host, why, leaving)], false)
            }
            (Remains::Unknown(account), None) => return Err(no_master_answers(&account)),
            (Remains::Unknown(account), Some(_)) => return Err(nobody_to_clean_through(host, &account)),
        })
    }

    async fn leave_through(&self, survivor: &Survivor, lock: &ClusterLock) -> Result<Tried, Failure> {
        let Self { run, leaving, .. } = self;
        let via = &survivor.via;
        let health = health(run, via).await?;
        match self.turn(via, &health, &health.healthy).await? {
            Turn::Leave | Turn::Last => {}
            Turn::EndsWith(dead) => {
                self.remove_members(via, &health, &dead, lock).await?;
                return Ok(Tried::Again);
            }
            Turn::After(names) => return Ok(Tried::After(names)),
            Turn::Refused(refusal) => {
                let tried = self.give_up(&refusal, &health).await;
                return match self.silence {
                    None => or_stay(run, leaving, via, tried).await,
                    Some(_) => tried,
                };
            }
        }
        let Some(why) = &self.silence else {
            leave(run, leaving, survivor, lock).await?;
            return Ok(Tried::Left(Vec::new(), false));
        };
        run_all(run, &cleaning_steps(leaving, survivor), Some(lock)).await?;
        let notice = cleaned_through(run.host.name(), why, leaving, via.name());
        Ok(Tried::Left(vec![notice], false))
    }

    /// Leaves a cluster whose etcd cannot decide anything any more.
    async fn leave_powerless(
        &self,
        living: &[Host],
        health: &Health,
        lock: &ClusterLock,
    ) -> Result<Tried, Failure> {
        let Self { run, leaving, .. } = self;
        let notices = match self.turn(&run.host, health, &health.answering).await? {
            Turn::Leave | Turn::Last => Vec::new(),
            Turn::EndsWith(_) => {
                note_on(living, leaving).await?;
                vec![released(run.host.name(), None, leaving)]
            }
            Turn::After(names) => return Ok(Tried::After(names)),
            Turn::Refused(refusal) => return self.give_up(&refusal, health).await,
        };
        run_all(run, &reset_steps(leaving), Some(lock)).await?;
        Ok(Tried::Left(notices, living.is_empty()))
    }

    /// The first refusal waits a moment: those that belong together may be about to be asked for.
    async fn give_up(&self, refusal: &Refusal, health: &Health) -> Result<Tried, Failure> {
        if !self.departure.is_in_company() && self.departure.wait_for_company(MOMENT).await {
            return Ok(Tried::Again);
        }
        Err(removal_refused(refusal, health, &self.leaving.node_name).on(self.run.host.name()))
    }

    /// Whose turn it is, as the master that is asked sees it.
    async fn turn(&self, at: &Host, health: &Health, healthy: &BTreeSet<u64>) -> Result<Turn, Failure> {
        let noted = released::noted(at).await?;
        let voters: Vec<Voter> = health
            .members
            .iter()
            .filter(|member| member.is_voter())
            .map(|member| Voter {
                id: member.id,
                name: member.name.clone(),
                is_healthy: healthy.contains(&member.id),
                fate: match self.departure.fate(member) {
                    Fate::Unknown if noted.contains(&member.name) => Fate::Released,
                    fate => fate,
                },
            })
            .collect();
        let victim = self.leaving.member_in(&health.members);
        let Some(victim) = victim.filter(|member| member.is_voter()) else {
            return Ok(Turn::Leave);
        };
        Ok(turn(&voters, victim.id, self.departure.is_in_company()))
    }

    /// The members of dead masters go, while there is a quorum to agree on it.
    async fn remove_members(
        &self,
        via: &Host,
        health: &Health,
        ids: &[u64],
        lock: &ClusterLock,
    ) -> Result<(), Failure> {
        let steps: Vec<Box<dyn Step>> = health
            .members
            .iter()
            .filter(|member| ids.contains(&member.id))
            .filter_map(Member::peer_address)
            .map(|address| {
                Box::new(RemoveEtcdMember {
                    via: via.clone(),
                    address,
                }) as Box<dyn Step>
            })
            .collect();
        if steps.is_empty() {
            return Err(Failure::new(
                "The API gave an answer that makes no sense",
                "etcd's dead members have no address.",
            )
            .on(via.name()));
        }
        run_all(self.run, &steps, Some(lock)).await
    }
}

async fn note_on(living: &[Host], leaving: &Leaving) -> Result<(), Failure> {
    for host in living {
        released::note(host, &leaving.node_name).await?;
    }
    Ok(())
}

async fn look_at_own(run: &Run) -> Result<Seen, Failure> {
    let own = Survey::of(std::slice::from_ref(&run.host)).await;
    own.seen
        .first()
        .cloned()
        .ok_or_else(|| Failure::new("Host does not answer any more", own.account()))
}

fn no_master_answers(account: &str) -> Failure {
    let detail =
        format!("Other masters of the cluster exist or may exist, and none of them answers:\n{account}");
    Failure::new("No master answers that could let this node leave", detail).advise(
        "Bring one of the other masters back and apply again; its API server and etcd must take the node out.",
    )
}

/// Nothing is removed from a host that has become part of another cluster.
fn check_own_cluster(run: &Run, facts: &Facts, leaving: &Leaving) -> Result<(), Failure> {
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

/// Terraform asks for removals that do not depend on each other at once.
const MOMENT: Duration = Duration::from_secs(3);
