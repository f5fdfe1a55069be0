//! A Deployment with a `PodDisruptionBudget` that must keep running, and how long none of its pods did.
use std::fs;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use acceptance::lab::address::NodeName;
use acceptance::lab::cgroup;
use acceptance::outages::Outages;
use acceptance::running_cluster::RunningCluster;
use anyhow::{Result, anyhow};

const INTERVAL: Duration = Duration::from_millis(500);
/// What a pod runs; nothing else sleeps so long.
const COMMAND_LINE: &[u8] = b"sleep\x003141592\x00";
/// Two pods on different nodes where there are two; evicted from nodes that left, soon.
const MANIFEST: &str = r#"{"apiVersion":"v1","kind":"List","items":[
{"apiVersion":"policy/v1","kind":"PodDisruptionBudget","metadata":{"name":"chaos","namespace":"default"},
 "spec":{"minAvailable":1,"selector":{"matchLabels":{"app":"chaos"}}}},
{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"chaos","namespace":"default"},
 "spec":{"replicas":2,"selector":{"matchLabels":{"app":"chaos"}},
  "template":{"metadata":{"labels":{"app":"chaos"}},
   "spec":{"terminationGracePeriodSeconds":0,"automountServiceAccountToken":false,
    "tolerations":[{"key":"node-role.kubernetes.io/control-plane","operator":"Exists"},
     {"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute","tolerationSeconds":20},
     {"key":"node.kubernetes.io/unreachable","operator":"Exists","effect":"NoExecute","tolerationSeconds":20}],
    "topologySpreadConstraints":[{"maxSkew":1,"topologyKey":"kubernetes.io/hostname",
     "whenUnsatisfiable":"ScheduleAnyway","labelSelector":{"matchLabels":{"app":"chaos"}}}],
    "containers":[{"name":"sleep","image":"docker.io/library/lab-tools:lab","imagePullPolicy":"IfNotPresent",
     "command":["sleep","3141592"]}]}}}}]}"#;

/// Puts the workload into a cluster, and waits until both pods run.
pub(crate) fn deploy(cluster: &RunningCluster<'_>) -> Result<()> {
    cluster.kubectl(&format!("apply -f - >/dev/null <<'end'\n{MANIFEST}\nend"))?;
    let wait = "rollout status deployment/chaos --timeout=90s";
    cluster.kubectl(wait).map(drop)
}

/// A probe at work. It looks for the pods' processes, so it needs no API.
#[derive(Debug)]
pub(crate) struct WorkloadProbe {
    stop: Sender<()>,
    thread: JoinHandle<Vec<(Instant, bool)>>,
}

impl WorkloadProbe {
    pub(crate) fn start(names: &[NodeName]) -> Self {
        let groups: Vec<String> = names.iter().map(|name| name.cgroup()).collect();
        let (stop, stopped) = channel();
        let thread = thread::spawn(move || {
            let mut samples = Vec::new();
            while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                let runs = groups.iter().any(|group| runs_in(group));
                samples.push((Instant::now(), runs));
            }
            samples
        });
        Self { stop, thread }
    }

    /// How long no pod ran since one first did; none if none ever did.
    pub(crate) fn stop(self) -> Result<Option<Outages>> {
        drop(self.stop);
        let samples = self
            .thread
            .join()
            .map_err(|_| anyhow!("the workload's probe panicked"))?;
        Ok(Outages::of(&samples))
    }
}

fn runs_in(group: &str) -> bool {
    cgroup::processes(group).into_iter().any(|process| {
        let line = fs::read(format!("/proc/{}/cmdline", process.as_raw_nonzero()));
        line.is_ok_and(|line| line == COMMAND_LINE)
    })
}
