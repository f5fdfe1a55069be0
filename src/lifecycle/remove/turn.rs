//! A master leaves when it is its turn: alone, after others, or last.
use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;

use super::{
    departures::Departure,
    left_behind::{cleaned_through, cluster_gone, no_master_answers, nobody_to_clean_through, released},
    plans,
    remaining::{Remains, look_for_remains},
};
use crate::{
    etcd::{Fate, Member, Refusal, Turn, Voter, turn},
    lifecycle::{
        cluster::{Cluster, Health, HostReport, Survey, health, removal_refused, with_itself},
        engine::{Act, Run, Step},
        failure::Failure,
        host::released_members,
        lock::{Lock, Locks},
        notice::Notice,
        spec::RemovalSpec,
        stages::{Decide, Decision, Plan, Site, Stage, drive, step, take_back},
        steps::leave::RemoveEtcdMember,
    },
    remote::Host,
};

/// Terraform asks for removals that do not depend on each other at once.
const MOMENT: Duration = Duration::from_secs(3);

/// How a removal ended.
#[derive(Debug)]
pub(super) struct Left {
    /// What could not be cleaned.
    pub(super) notices: Vec<Notice>,
    /// Whether that was the cluster's end.
    pub(super) is_end: bool,
}

/// The removal of a master whose host was reached, or is to be cleaned away.
#[derive(Debug)]
pub(super) struct Removal<'a> {
    pub(super) run: &'a Run,
    pub(super) leaving: &'a RemovalSpec,
    /// Why the host was not reached.
    pub(super) silence: Option<String>,
    pub(super) departure: &'a Departure,
}

#[async_trait]
impl Decide for Removal<'_> {
    type End = Left;

    async fn decide(&self, _lock: &Lock) -> Result<Decision<'_, Left>, Failure> {
        let Self { run, leaving, .. } = self;
        let host = run.host.name();
        let own = match self.silence {
            None => Some(look_at_own(run).await?),
            Some(_) => None,
        };
        let remains = look_for_remains(run, leaving, own.as_ref()).await?;
        Ok(match (remains, &self.silence) {
            (Remains::Through(cluster), _) => return self.leave_through(&cluster).await,
            (Remains::Powerless { living, health }, None) => {
                return self.leave_powerless(&living, &health).await;
            }
            (Remains::Powerless { living, .. }, Some(why)) => {
                note_on(run, &living, leaving).await?;
                left(Plan::nothing(), vec![released(host, Some(why), leaving)], false)
            }
            (Remains::Nothing, None) => left(plans::reset(leaving), Vec::new(), true),
            (Remains::Nothing, Some(why)) => {
                left(Plan::nothing(), vec![cluster_gone(host, why, leaving)], false)
            }
            (Remains::Unknown(_), Some(why)) if self.departure.has_cluster_ended() => {
                left(Plan::nothing(), vec![cluster_gone(host, why, leaving)], false)
            }
            (Remains::Unknown(account), None) => return Err(no_master_answers(&account)),
            (Remains::Unknown(account), Some(_)) => return Err(nobody_to_clean_through(host, &account)),
        })
    }
}

impl Removal<'_> {
    /// Waits for its turn and leaves. `host`: the host's lock, if it was reached.
    pub(super) async fn finish(&self, locks: &Locks, host: Option<&Lock>) -> Result<Left, Failure> {
        let Self { run, leaving, .. } = self;
        let mut hosts = with_itself(run, &leaving.masters);
        if self.silence.is_some() {
            hosts.retain(|host| host.name() != run.host.name());
        }
        let site = Site {
            locks,
            endpoint: leaving.endpoint.clone(),
            hosts,
        };
        drive(run, &site, host, self).await
    }

    async fn leave_through(&self, cluster: &Cluster) -> Result<Decision<'_, Left>, Failure> {
        let Self { run, leaving, .. } = self;
        let via = &cluster.via().await;
        let health = health(run, via).await?;
        match self.turn(via, &health, &health.healthy).await? {
            Turn::Leave | Turn::Last => {}
            Turn::EndsWith(dead) => return remove_members(cluster, &health, &dead),
            Turn::After(names) => return Ok(self.after(names)),
            Turn::Refused(refusal) => {
                let refused = self.give_up(&refusal, &health).await;
                return match self.silence {
                    None => take_back(run, &plans::stay(leaving, cluster), refused).await,
                    Some(_) => refused,
                };
            }
        }
        Ok(match &self.silence {
            None => left(plans::leave(leaving, cluster), Vec::new(), false),
            Some(why) => {
                let notice = cleaned_through(run.host.name(), why, leaving, via.name());
                left(plans::clean_cluster(leaving, cluster), vec![notice], false)
            }
        })
    }

    /// Leaves a cluster whose etcd cannot decide anything any more.
    async fn leave_powerless(&self, living: &[Host], health: &Health) -> Result<Decision<'_, Left>, Failure> {
        let Self { run, leaving, .. } = self;
        let notices = match self.turn(&run.host, health, &health.answering).await? {
            Turn::Leave | Turn::Last => Vec::new(),
            Turn::EndsWith(_) => {
                note_on(run, living, leaving).await?;
                vec![released(run.host.name(), None, leaving)]
            }
            Turn::After(names) => return Ok(self.after(names)),
            Turn::Refused(refusal) => return self.give_up(&refusal, health).await,
        };
        Ok(left(plans::reset(leaving), notices, living.is_empty()))
    }

    fn after(&self, names: Vec<String>) -> Decision<'_, Left> {
        Decision::WaitFor(Box::pin(async move {
            self.departure.wait_until_over(&names, &self.run.cancel).await
        }))
    }

    /// The first refusal waits a moment: those that belong together may be about to be asked for.
    async fn give_up(&self, refusal: &Refusal, health: &Health) -> Result<Decision<'_, Left>, Failure> {
        if !self.departure.is_in_company() && self.departure.wait_for_company(MOMENT).await {
            return Ok(Decision::Again);
        }
        Err(removal_refused(refusal, health, &self.leaving.node_name).on(self.run.host.name()))
    }

    /// Whose turn it is, as the master that is asked sees it.
    async fn turn(&self, at: &Host, health: &Health, healthy: &BTreeSet<u64>) -> Result<Turn, Failure> {
        let noted = released_members::noted(at).await?;
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
}

fn left<'a>(plan: Plan, notices: Vec<Notice>, is_end: bool) -> Decision<'a, Left> {
    Decision::Go(plan, Left { notices, is_end })
}

/// The members of dead masters go, while there is a quorum to agree on it.
fn remove_members<'a>(
    cluster: &Cluster,
    health: &Health,
    ids: &[u64],
) -> Result<Decision<'a, Left>, Failure> {
    let steps: Vec<Option<Box<dyn Step>>> = health
        .members
        .iter()
        .filter(|member| ids.contains(&member.id))
        .filter_map(Member::peer_address)
        .map(|address| {
            step(RemoveEtcdMember {
                cluster: cluster.clone(),
                address,
            })
        })
        .collect();
    if steps.is_empty() {
        return Err(Failure::new(
            "The API gave an answer that makes no sense",
            "etcd's dead members have no address.",
        ));
    }
    Ok(Decision::First(Plan::new([Stage::under_cluster_lock(steps)])))
}

async fn note_on(run: &Run, living: &[Host], leaving: &RemovalSpec) -> Result<(), Failure> {
    for host in living {
        released_members::note(Act::on(run), host, &leaving.node_name).await?;
    }
    Ok(())
}

async fn look_at_own(run: &Run) -> Result<HostReport, Failure> {
    let own = Survey::of(std::slice::from_ref(&run.host)).await;
    own.seen
        .first()
        .cloned()
        .ok_or_else(|| Failure::new("Host does not answer any more", own.account()))
}
