//! Looks through the hosts on which a cluster may run: is one there, which, and through whom can it be joined.
use futures::future::join_all;

use crate::{
    etcd::{self, Member},
    kube::{self, RunningCluster},
    kubeadm::{self, Endpoint, Topology},
    lifecycle::{
        engine::Run,
        failure::{Failure, answer_not_understood},
        host::{Marker, UNREADABLE, answers_of, detached},
    },
    node::{
        MARKER, Machine, Query,
        detached::{Progress, running_command, state_command},
        query::SLOW_SECONDS,
    },
    remote::Host,
};

/// What one host knows of a cluster.
#[derive(Clone, Debug)]
pub(crate) struct HostReport {
    /// The host.
    pub host: Host,
    /// Which machine it is, so that one under two names counts once.
    pub machine: Machine,
    /// Hash of the CA that lies there; none if the host has no cluster.
    pub ca_cert_hash: Option<String>,
    /// The CA's certificate.
    pub ca_cert_pem: Option<String>,
    /// Whether its own API server says it is ready.
    pub api_ready: bool,
    /// What the cluster says of itself; only where the API answers.
    pub cluster: Option<RunningCluster>,
    /// etcd's members; empty where etcd does not answer.
    pub members: Vec<Member>,
    /// This provider's note.
    pub marker: Option<Marker>,
    /// What has become of a `kubeadm init` there.
    pub init: Progress,
    /// What has become of a `kubeadm join` there.
    pub join: Progress,
}

impl HostReport {
    /// Whether both are one machine under two names.
    pub(crate) fn is_same_machine(&self, other: &Self) -> bool {
        self.machine.is(&other.machine)
    }

    /// Whether the host is a master of some cluster, or was one that is down now. An init that was begun
    /// and has not ended well is none.
    pub(crate) fn is_master(&self) -> bool {
        let is_one = match &self.marker {
            Some(marker) if marker.has_begun_init() => self.is_init_done(),
            Some(marker) if marker.has_begun_join() => self.api_ready,
            _ => true,
        };
        self.ca_cert_hash.is_some() && is_one
    }

    /// Whether half of a cluster lies there, which only this host itself may finish or clean away.
    pub(crate) fn has_unfinished_init(&self) -> bool {
        self.ca_cert_hash.is_some() && self.has_begun_init() && !self.is_init_done()
    }

    /// Whether `kubeadm init` ended there with 0 and its result lies there still.
    pub(crate) fn is_init_done(&self) -> bool {
        matches!(self.init, Progress::Ended { status: 0, .. })
    }

    /// Whether `kubeadm init` was begun there and is not known to have ended well.
    pub(crate) fn has_begun_init(&self) -> bool {
        self.marker.as_ref().is_some_and(Marker::has_begun_init)
    }

    /// Whether a `kubeadm join` runs there that has not made the host a member yet.
    pub(crate) fn is_joining(&self) -> bool {
        let is_member = self.marker.as_ref().is_some_and(|marker| {
            marker
                .credentials()
                .is_none_or(|credentials| !credentials.has_certificates)
        });
        self.join == Progress::Running && !is_member
    }

    /// Whether the cluster can be changed through it: its API server is ready and etcd answers. Of an etcd elsewhere only
    /// the API server speaks.
    pub(crate) fn is_usable(&self) -> bool {
        let has_etcd =
            |cluster: &RunningCluster| cluster.topology == Topology::ExternalEtcd || !self.members.is_empty();
        self.is_master() && self.api_ready && self.cluster.as_ref().is_some_and(has_etcd)
    }
}

/// Everything that was seen, and who could not be asked.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// Hosts that answered.
    pub seen: Vec<HostReport>,
    /// Hosts that did not, and why.
    pub silent: Vec<(Host, Failure)>,
}

impl Survey {
    /// Asks all hosts at once, each in one round trip.
    pub(crate) async fn of(hosts: &[Host]) -> Self {
        let mut survey = Self::default();
        for (host, result) in join_all(hosts.iter().map(async |host| (host.clone(), ask(host).await))).await {
            match result {
                Ok(seen) => survey.seen.push(seen),
                Err(failure) => survey.silent.push((host, failure)),
            }
        }
        survey
    }

    /// Why a host's note cannot be read, if one cannot: that is no silence, and ends by itself never.
    pub(crate) fn take_unreadable(&mut self) -> Option<Failure> {
        let mut silent = self.silent.iter();
        let index = silent.position(|(_, failure)| failure.summary == UNREADABLE)?;
        Some(self.silent.remove(index).1)
    }

    /// Whether nothing is in the way of believing it: every host answered, and none is in the middle of
    /// `kubeadm init` or `kubeadm join`.
    pub(crate) fn is_settled(&self) -> bool {
        let rests = |seen: &HostReport| seen.init != Progress::Running && seen.join != Progress::Running;
        self.silent.is_empty() && self.seen.iter().all(rests)
    }

    /// Takes out what was seen of one of the hosts.
    pub(crate) fn take(&mut self, host: &Host) -> Option<HostReport> {
        let index = self
            .seen
            .iter()
            .position(|seen| seen.host.name() == host.name())?;
        Some(self.seen.remove(index))
    }

    /// The same, after waiting for each host to answer: it may still boot, or be in the middle of `kubeadm init` or
    /// `kubeadm join`.
    pub(crate) async fn when_reachable(run: &Run, hosts: &[Host]) -> Self {
        join_all(hosts.iter().map(async |host| {
            // Who never answers shows as silent below.
            let _ = host.wait_until_reachable(run.remaining(), &run.cancel).await;
            for name in [detached::KUBEADM_INIT, detached::KUBEADM_JOIN] {
                if let Err(failure) = detached::settle(run, host, name).await {
                    tracing::debug!(host = host.name(), %failure, "cannot see whether kubeadm runs");
                }
            }
        }))
        .await;
        Self::of(hosts).await
    }

    /// A master through which the cluster can be changed.
    pub(crate) fn via(&self) -> Option<&HostReport> {
        self.masters().find(|seen| seen.is_usable())
    }

    /// All hosts that are masters.
    pub(crate) fn masters(&self) -> impl Iterator<Item = &HostReport> {
        self.seen.iter().filter(|seen| seen.is_master())
    }

    /// Names of all hosts that were asked, with what each said, for messages.
    pub(crate) fn account(&self) -> String {
        let seen = self.seen.iter().map(|seen| {
            let said = match (seen.is_master(), seen.api_ready) {
                (true, true) => "master of a running cluster",
                (true, false) => "has a cluster whose API server does not answer",
                (false, _) if seen.has_unfinished_init() => {
                    "kubeadm init was begun there and has not ended well"
                }
                (false, _) => "no cluster",
            };
            format!("- {}: {said}", seen.host.name())
        });
        let silent = self
            .silent
            .iter()
            .map(|(host, failure)| format!("- {}: not reached ({})", host.name(), failure.detail));
        seen.chain(silent).collect::<Vec<_>>().join("\n")
    }
}

/// The host itself and the candidates, each once.
pub(crate) fn with_itself(run: &Run, candidates: &[Host]) -> Vec<Host> {
    let others = candidates.iter().filter(|host| host.name() != run.host.name());
    std::iter::once(&run.host).chain(others).cloned().collect()
}

/// What is only about to start may take seconds to answer; until its join has ended a master is asked nothing.
fn unless_joining(command: &str) -> String {
    format!(
        "! {{ {}; }} && {command}",
        running_command(detached::KUBEADM_JOIN)
    )
}

async fn ask(host: &Host) -> Result<HostReport, Failure> {
    let query = Machine::sections(Query::new())
        .section(
            "ca",
            "test -e /etc/kubernetes/admin.conf && cat /etc/kubernetes/pki/ca.crt",
        )
        .section(
            "ready",
            unless_joining(&kube::readyz_command(&Endpoint::local_api_server())),
        )
        .section("cluster", unless_joining(&kube::cluster_config_command()))
        .section("members", unless_joining(&etcd::member_list_command()))
        .section("marker", format!("cat {MARKER}"))
        .section_within("init", state_command(detached::KUBEADM_INIT), SLOW_SECONDS)
        .section_within("join", state_command(detached::KUBEADM_JOIN), SLOW_SECONDS);
    let stdout = host.look_ok(&query.script("survey")).await?;
    let answers = answers_of(host, &stdout, &["ready", "cluster", "members"])?;
    // A look that took too long is no proof of absence.
    let ca_cert_pem = match (answers.status("ca"), answers.text("ca")) {
        (Some(0), Some(pem)) => Some(pem.to_owned()),
        (Some(1), _) => None,
        _ => {
            return Err(answer_not_understood(
                host,
                &"whether it has a cluster's CA could not be read",
            ));
        }
    };
    let progress = |name| {
        answers
            .text(name)
            .and_then(|text| Progress::parse(text).ok())
            .ok_or_else(|| answer_not_understood(host, &"whether kubeadm runs could not be read"))
    };
    Ok(HostReport {
        host: host.clone(),
        machine: Machine::parse(&answers),
        ca_cert_hash: ca_cert_pem
            .as_deref()
            .and_then(|pem| kubeadm::ca_cert_hash(pem).ok()),
        ca_cert_pem,
        api_ready: answers.status("ready") == Some(0),
        cluster: answers
            .text("cluster")
            .and_then(|text| kube::parse_cluster_config(text).ok()),
        members: answers
            .text("members")
            .and_then(|text| etcd::parse_member_list(text).ok())
            .unwrap_or_default(),
        marker: Marker::of_file(answers.text("marker")).map_err(|failure| failure.on(host.name()))?,
        init: progress("init")?,
        join: progress("join")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_master_that_is_joining_is_asked_nothing() {
        let asked = |systemctl: i32| {
            let script = format!(
                "systemctl() {{ return {systemctl}; }}\n{}",
                unless_joining("echo asked")
            );
            let output = std::process::Command::new("sh")
                .args(["-c", &script])
                .output()
                .unwrap();
            (output.status.success(), String::from_utf8(output.stdout).unwrap())
        };
        assert_eq!(asked(0), (false, String::new()), "kubeadm join runs");
        assert_eq!(
            asked(3),
            (true, "asked\n".to_owned()),
            "systemd knows no such unit"
        );
    }
}
