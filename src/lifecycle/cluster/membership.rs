//! What a master says of the cluster's members and Nodes.
use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use futures::future::BoxFuture;

use crate::{
    command::Look,
    etcd::{self, Member, member_at},
    kube::{self, Node},
    lifecycle::{
        engine::{Act, Condition, Run, wait_until},
        failure::{Failure, FailureKind},
    },
    remote::{Host, HostError},
};

/// How long etcd may be busy with itself, for example with choosing a leader.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a new member may take from its vote to its first answer: 7 s and more (see `joining.rs`).
const FIRST_ANSWER: Duration = Duration::from_secs(20);

/// etcd's members, asked on a master.
pub(crate) async fn members(run: &Run, via: &Host) -> Result<Vec<Member>, Failure> {
    let script = Look::new("etcd member list", etcd::member_list_command());
    ask_etcd(run, via, || Box::pin(via.look_ok(&script))).await
}

/// etcd's members and how they are.
#[derive(Clone, Debug)]
pub(crate) struct Health {
    /// All members.
    pub members: Vec<Member>,
    /// Those that answer and know a leader.
    pub healthy: BTreeSet<u64>,
    /// Those that answer.
    pub answering: BTreeSet<u64>,
}

impl Health {
    /// The voters among the members.
    pub(crate) fn voters(&self) -> BTreeSet<u64> {
        let voters = self.members.iter().filter(|member| member.is_voter());
        voters.map(|member| member.id).collect()
    }

    /// Whether too few voters answer for any decision: no waiting for a leader helps.
    pub(crate) fn has_lost_quorum(&self) -> bool {
        let voters = self.voters();
        self.answering.intersection(&voters).count() < etcd::quorum(voters.len())
    }

    /// Names of these members, for messages.
    pub(crate) fn names(&self, ids: &BTreeSet<u64>) -> String {
        let names = self.members.iter().filter(|member| ids.contains(&member.id));
        let names: Vec<&str> = names.map(|member| member.name.as_str()).collect();
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    }
}

/// The members, and how each of them is, as a master sees it. A voter without a name has only just begun to vote, which
/// ends the cluster's lock, and is not dead: it gets [`FIRST_ANSWER`] to tell its name.
pub(crate) async fn health(run: &Run, via: &Host) -> Result<Health, Failure> {
    let has_begun = |member: &Member| member.is_learner || member.is_started();
    let begun = wait_until(run, "each etcd member has begun to answer", FIRST_ANSWER, || {
        Box::pin(async {
            let members = members(run, via).await?;
            Ok(if members.iter().all(has_begun) {
                Condition::Met(members)
            } else {
                Condition::NotYet("one has not told its name yet".to_owned())
            })
        })
    })
    .await;
    let members = match begun {
        Err(failure) if failure.kind == FailureKind::Permanent => members(run, via).await?,
        begun => begun?,
    };
    health_of(via, members).await
}

/// The same as far as the host's own member knows, also without a quorum; none if it does not answer.
pub(crate) async fn known_health(via: &Host) -> Result<Option<Health>, Failure> {
    let script = Look::new(
        "known etcd members",
        format!("{} || true", etcd::known_members_command()),
    );
    let stdout = via.look_ok(&script).await?;
    match etcd::parse_member_list(&stdout) {
        Ok(members) => health_of(via, members).await.map(Some),
        Err(_silent) => Ok(None),
    }
}

async fn health_of(via: &Host, members: Vec<Member>) -> Result<Health, Failure> {
    let urls: Vec<&str> = members
        .iter()
        .filter_map(|member| member.client_urls.first().map(String::as_str))
        .collect();
    let script = Look::new("etcd status", etcd::status_command(&urls));
    let all = etcd::parse_status(&via.look_ok(&script).await?);
    Ok(Health {
        members,
        healthy: all
            .iter()
            .filter(|status| status.is_healthy)
            .filter_map(|status| status.id)
            .collect(),
        answering: all.iter().filter_map(|status| status.id).collect(),
    })
}

/// Asks again while etcd has no leader.
async fn ask_etcd<'a>(
    run: &'a Run,
    via: &'a Host,
    ask: impl Fn() -> BoxFuture<'a, Result<String, HostError>> + Send + Sync,
) -> Result<Vec<Member>, Failure> {
    wait_until(run, "etcd has a leader", PATIENCE, || {
        let answer = ask();
        Box::pin(async move {
            match etcd::parse_member_list(&answer.await?) {
                Ok(members) => Ok(Condition::Met(members)),
                Err(error) if error.is_transient() => Ok(Condition::NotYet(error.to_string())),
                Err(error) => {
                    Err(Failure::new("etcd did not do what was asked", error.to_string()).on(via.name()))
                }
            }
        })
    })
    .await
}

/// Removes the member with this address, if there is one, and looks whether it is gone.
///
/// The removal of the leader may be answered with "leader changed" although it took effect, so the list decides.
pub(crate) async fn remove_member_at(act: Act<'_>, via: &Host, address: IpAddr) -> Result<(), Failure> {
    let Some(member) = member_at(&members(&act, via).await?, address).cloned() else {
        return Ok(());
    };
    let answer = act.change(via, &etcd::member_remove_script(member.id)).await?;
    let refusal = etcd::parse_member_list(&answer).err();
    match (member_at(&members(&act, via).await?, address), refusal) {
        (None, _) => Ok(()),
        (Some(_), Some(error)) if !error.is_transient() => {
            Err(Failure::new("etcd did not do what was asked", error.to_string()).on(via.name()))
        }
        (Some(left), _) => {
            let script = etcd::member_remove_script(left.id);
            ask_etcd(&act, via, || Box::pin(act.change(via, &script))).await?;
            Ok(())
        }
    }
}

/// The Node of this name, if there is one.
pub(crate) async fn node_of(via: &Host, name: &str) -> Result<Option<Node>, Failure> {
    let stdout = via
        .look_ok(&Look::new(
            "get node",
            kube::get_node_command(kube::ADMIN_CONF, name),
        ))
        .await?;
    kube::parse_node(&stdout).map_err(|error| {
        Failure::new("The API gave an answer that makes no sense", error.to_string()).on(via.name())
    })
}
