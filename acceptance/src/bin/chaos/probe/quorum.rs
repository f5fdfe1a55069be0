//! Whether etcd decides: asked on each master twice a second; and by whose doing if it does not.
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use acceptance::hosts::Hosts;
use acceptance::lab::address::NodeName;
use acceptance::lab::program;
use anyhow::{Context as _, Result, anyhow, ensure};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;

const INTERVAL: Duration = Duration::from_millis(500);
/// etcd's own limit for a decision is longer; who takes so long has no leader.
const PATIENCE: Duration = Duration::from_millis(1500);
/// An answer counts so long.
const FRESH: Duration = Duration::from_millis(2500);
/// An election is not a loss of quorum; on a loaded machine one takes a few seconds.
const ELECTION: Duration = Duration::from_secs(6);
/// A removal that was decided just before or after the fault struck cannot know of it.
const BLIND: Duration = Duration::from_secs(5);
/// A member that was down needs so long to be back after its host is.
const RECOVERY: Duration = Duration::from_secs(60);
/// kubeadm's etcd tells its health here without a certificate; the answer needs a decision of the whole cluster.
const HEALTH: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 2381);

/// What was seen at one time.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    at: Instant,
    /// Members that could have something decided.
    healthy: BTreeSet<String>,
    /// Members that vote, as last heard.
    voters: BTreeSet<String>,
}

/// What a fault did to a member's host, and when.
#[derive(Clone, Debug)]
pub(crate) struct Blame {
    pub(crate) member: String,
    pub(crate) from: Instant,
    /// None while it lasts.
    pub(crate) until: Option<Instant>,
}

/// What became of the quorum.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// There was no etcd.
    Absent,
    Kept,
    /// Lost for so long, by the fault alone: it hit more members than the cluster can miss.
    LostToFault(Duration),
    /// Lost for so long, and without Terraform it would not have been.
    LostToTerraform(Duration),
}

/// A probe at work.
#[derive(Debug)]
pub(crate) struct QuorumProbe {
    stops: Vec<Sender<()>>,
    threads: Vec<JoinHandle<()>>,
    collector: Option<(Sender<()>, JoinHandle<Vec<Sample>>)>,
}

#[derive(Debug, Default)]
struct Heard {
    healthy: BTreeMap<String, Instant>,
    voters: Option<(Instant, BTreeSet<String>)>,
}

impl QuorumProbe {
    /// Watches these hosts.
    pub(crate) fn start(hosts: &Hosts, names: &[NodeName]) -> Self {
        let heard = Arc::new(Mutex::new(Heard::default()));
        let (mut stops, mut threads) = (Vec::new(), Vec::new());
        for name in names {
            let (stop, stopped) = channel();
            let member = Member {
                name: *name,
                certificates: hosts.cache.node(*name).join("upper/etc/kubernetes/pki/etcd"),
            };
            let heard = heard.clone();
            threads.push(thread::spawn(move || member.watch(&heard, &stopped)));
            stops.push(stop);
        }
        let (stop, stopped) = channel();
        let collector = thread::spawn(move || {
            let mut samples = Vec::new();
            while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                samples.push(lock(&heard).sample(Instant::now()));
            }
            samples
        });
        Self {
            stops,
            threads,
            collector: Some((stop, collector)),
        }
    }

    /// All samples, in their order.
    pub(crate) fn stop(mut self) -> Result<Vec<Sample>> {
        self.stops.clear();
        for thread in self.threads.drain(..) {
            thread.join().map_err(|_| anyhow!("a probe of etcd panicked"))?;
        }
        let Some((stop, collector)) = self.collector.take() else {
            return Ok(Vec::new());
        };
        drop(stop);
        collector
            .join()
            .map_err(|_| anyhow!("the probe of etcd panicked"))
    }
}

fn lock(heard: &Mutex<Heard>) -> std::sync::MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Heard {
    fn sample(&self, at: Instant) -> Sample {
        let fresh =
            |(name, when): (&String, &Instant)| (at.duration_since(*when) < FRESH).then(|| name.clone());
        Sample {
            at,
            healthy: self.healthy.iter().filter_map(fresh).collect(),
            voters: self
                .voters
                .as_ref()
                .map(|(_, voters)| voters.clone())
                .unwrap_or_default(),
        }
    }
}

/// A host that may have a member.
struct Member {
    name: NodeName,
    certificates: PathBuf,
}

impl Member {
    fn watch(&self, heard: &Mutex<Heard>, stopped: &Receiver<()>) {
        while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
            // A host that is off has no namespace, one without etcd refuses: both are no member.
            if !self.is_healthy().unwrap_or(false) {
                continue;
            }
            let now = Instant::now();
            let asks = {
                let mut heard = lock(heard);
                heard.healthy.insert(self.name.to_string(), now);
                let is_old = heard
                    .voters
                    .as_ref()
                    .is_none_or(|(at, _)| now.duration_since(*at) > 2 * INTERVAL);
                if is_old && let Some((at, _)) = &mut heard.voters {
                    // The others need not ask as well.
                    *at = now;
                }
                is_old
            };
            if asks && let Ok(voters) = self.voters() {
                lock(heard).voters = Some((now, voters));
            }
        }
    }

    /// Within the node's network; its namespace is another one after each boot.
    fn is_healthy(&self) -> Result<bool> {
        let netns = File::open(format!("/run/netns/{}", self.name.netns()))?;
        move_into_link_name_space(netns.as_fd(), Some(LinkNameSpaceType::Network))?;
        let mut stream = TcpStream::connect_timeout(&HEALTH, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.contains(r#""health":"true""#))
    }

    fn voters(&self) -> Result<BTreeSet<String>> {
        let file = |name: &str| self.certificates.join(name).display().to_string();
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--max-time", "2", "--cacert", &file("ca.crt")]);
        curl.args([
            "--cert",
            &file("healthcheck-client.crt"),
            "--key",
            &file("healthcheck-client.key"),
        ]);
        curl.args([
            "-X",
            "POST",
            "-d",
            "{}",
            "https://127.0.0.1:2379/v3/cluster/member/list",
        ]);
        voters_of(&program::run(&mut curl)?)
    }
}

/// The names of the members that vote. One that was promoted but has not said its name is another voter all the same.
fn voters_of(json: &str) -> Result<BTreeSet<String>> {
    let list: Value = serde_json::from_str(json)?;
    let members = list
        .get("members")
        .and_then(Value::as_array)
        .context("no members")?;
    let voters: BTreeSet<String> = members
        .iter()
        .filter(|member| member.get("isLearner") != Some(&Value::Bool(true)))
        .map(|member| {
            let text = |key: &str| member.get(key).and_then(Value::as_str).unwrap_or_default();
            let name = if text("name").is_empty() {
                text("ID")
            } else {
                text("name")
            };
            name.to_owned()
        })
        .collect();
    ensure!(!voters.is_empty(), "a cluster without voters");
    Ok(voters)
}

/// Judges the samples of a round.
pub(crate) fn judge(samples: &[Sample], blame: Option<&Blame>) -> Verdict {
    let mut verdict = Verdict::Absent;
    let mut lost_since: Option<&Sample> = None;
    for (index, sample) in samples.iter().enumerate() {
        let decides =
            sample.voters.iter().any(|name| sample.healthy.contains(name)) || !sample.healthy.is_empty();
        if decides && verdict == Verdict::Absent {
            verdict = Verdict::Kept;
        }
        if verdict == Verdict::Absent {
            continue;
        }
        if !decides && lost_since.is_none() {
            lost_since = Some(sample);
        }
        if let Some(since) = lost_since
            && (decides || index + 1 == samples.len())
        {
            let length = sample.at.duration_since(since.at) + FRESH;
            lost_since = None;
            if length < ELECTION {
                continue;
            }
            let by_fault = blame.is_some_and(|blame| is_to_blame(blame, since, samples));
            verdict = worse(verdict, by_fault, length);
        }
    }
    verdict
}

/// Whether the fault by itself, with the voters of that moment, leaves fewer than a majority.
fn is_to_blame(blame: &Blame, lost: &Sample, samples: &[Sample]) -> bool {
    let is_over = blame.until.is_some_and(|until| lost.at > until + RECOVERY);
    if is_over || lost.at + FRESH < blame.from {
        return false;
    }
    let near = samples
        .iter()
        .filter(|sample| sample.at + BLIND >= blame.from && sample.at <= blame.from + BLIND);
    near.map(|sample| &sample.voters).any(|voters| {
        let left = voters.iter().filter(|name| **name != blame.member).count();
        !voters.is_empty() && left < voters.len() / 2 + 1
    })
}

fn worse(verdict: Verdict, by_fault: bool, length: Duration) -> Verdict {
    match (verdict, by_fault) {
        (Verdict::LostToTerraform(before), false) => Verdict::LostToTerraform(before + length),
        (before @ Verdict::LostToTerraform(_), true) => before,
        (Verdict::LostToFault(before), true) => Verdict::LostToFault(before + length),
        (_, true) => Verdict::LostToFault(length),
        (_, false) => Verdict::LostToTerraform(length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sample a second: the voters, and those of them that are healthy.
    fn samples(start: Instant, seconds: &[(&str, &str, u32)]) -> Vec<Sample> {
        let set = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        let mut samples: Vec<Sample> = Vec::new();
        for (voters, healthy, length) in seconds {
            for _ in 0..*length {
                let at = start + Duration::from_secs(samples.len() as u64);
                samples.push(Sample {
                    at,
                    healthy: set(healthy),
                    voters: set(voters),
                });
            }
        }
        samples
    }

    fn blame(start: Instant, member: &str, from: u64, until: u64) -> Blame {
        Blame {
            member: member.into(),
            from: start + Duration::from_secs(from),
            until: Some(start + Duration::from_secs(until)),
        }
    }

    #[test]
    fn a_cluster_that_is_made_has_kept_its_quorum() {
        let start = Instant::now();
        assert_eq!(judge(&samples(start, &[("", "", 5)]), None), Verdict::Absent);
        let made = samples(start, &[("", "", 5), ("m1", "m1", 9), ("m1 m2", "m1", 1)]);
        assert_eq!(judge(&made, None), Verdict::Kept);
    }

    #[test]
    fn an_election_is_no_loss() {
        let seen = samples(
            Instant::now(),
            &[("m1 m2 m3", "m1", 3), ("m1 m2 m3", "", 3), ("m1 m2 m3", "m2", 3)],
        );
        assert_eq!(judge(&seen, None), Verdict::Kept);
    }

    #[test]
    fn a_dead_member_of_two_is_the_faults_doing() {
        let start = Instant::now();
        let seen = samples(
            start,
            &[("m1 m2", "m1 m2", 5), ("m1 m2", "", 20), ("m1 m2", "m1 m2", 5)],
        );
        assert!(matches!(
            judge(&seen, Some(&blame(start, "m2", 4, 20))),
            Verdict::LostToFault(_)
        ));
        assert!(matches!(judge(&seen, None), Verdict::LostToTerraform(_)));
        let long_ago = samples(start, &[("m1 m2", "m1 m2", 100), ("m1 m2", "", 20)]);
        let blame = blame(start, "m2", 4, 20);
        assert!(matches!(
            judge(&long_ago, Some(&blame)),
            Verdict::LostToTerraform(_)
        ));
    }

    #[test]
    fn a_removal_beside_a_dead_member_is_terraforms() {
        let start = Instant::now();
        let seen = samples(
            start,
            &[
                ("m1 m2 m3", "m1 m2 m3", 10),
                ("m1 m2 m3", "m1 m2", 20),
                ("m1 m3", "", 20),
            ],
        );
        assert!(matches!(
            judge(&seen, Some(&blame(start, "m3", 10, 60))),
            Verdict::LostToTerraform(_)
        ));
        // At the same moment nobody could know.
        let seen = samples(start, &[("m1 m2 m3", "m1 m2 m3", 10), ("m1 m3", "", 20)]);
        assert!(matches!(
            judge(&seen, Some(&blame(start, "m3", 10, 60))),
            Verdict::LostToFault(_)
        ));
    }

    #[test]
    fn learners_do_not_vote() {
        let json =
            r#"{"members":[{"ID":"1","name":"m1"},{"ID":"2","name":"m2","isLearner":true},{"ID":"3"}]}"#;
        let voters = voters_of(json).unwrap();
        assert_eq!(voters, ["3", "m1"].map(str::to_owned).into());
        assert!(voters_of(r#"{"members":[]}"#).is_err());
    }
}
