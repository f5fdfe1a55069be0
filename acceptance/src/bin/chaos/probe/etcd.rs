//! Asks etcd on each master twice a second whether it can have something decided, and who votes.
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
/// kubeadm's etcd tells its health here without a certificate; the answer needs a decision of the whole cluster.
const HEALTH: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 2381);

/// An answer counts so long.
pub(crate) const FRESH: Duration = Duration::from_millis(2500);

/// What was seen at one time.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) at: Instant,
    /// Members that could have something decided.
    pub(crate) healthy: BTreeSet<String>,
    /// Members that vote, as last heard.
    pub(crate) voters: BTreeSet<String>,
}

/// A probe at work.
#[derive(Debug)]
pub(crate) struct EtcdProbe {
    stops: Vec<Sender<()>>,
    threads: Vec<JoinHandle<()>>,
    collector: Option<(Sender<()>, JoinHandle<Vec<Sample>>)>,
}

#[derive(Debug, Default)]
struct Heard {
    healthy: BTreeMap<String, Instant>,
    voters: Option<(Instant, BTreeSet<String>)>,
}

impl EtcdProbe {
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

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learners_do_not_vote() {
        let json =
            r#"{"members":[{"ID":"1","name":"m1"},{"ID":"2","name":"m2","isLearner":true},{"ID":"3"}]}"#;
        let voters = voters_of(json).unwrap();
        assert_eq!(voters, ["3", "m1"].map(str::to_owned).into());
        assert!(voters_of(r#"{"members":[]}"#).is_err());
    }
}
