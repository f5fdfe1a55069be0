//! Questions to a running cluster, asked on its first master.
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::hosts::{Hosts, MASTERS};

/// Where clusters on the lab have their API, behind the first floating address.
pub const ENDPOINT: &str = "10.88.0.100:8443";

/// etcd's JSON gateway on a master, with the certificate that kubeadm made for health checks.
const MEMBERS: &str = "curl -sS --max-time 10 --cacert /etc/kubernetes/pki/etcd/ca.crt \
    --cert /etc/kubernetes/pki/etcd/healthcheck-client.crt --key /etc/kubernetes/pki/etcd/healthcheck-client.key \
    -X POST -d '{}' https://127.0.0.1:2379/v3/cluster/member/list";

/// A cluster, asked on one of its masters.
#[derive(Clone, Copy, Debug)]
pub struct RunningCluster<'a> {
    /// The machines.
    pub hosts: &'a Hosts,
    /// The master's name.
    pub via: &'a str,
}

impl RunningCluster<'_> {
    /// Runs kubectl as the cluster's administrator.
    pub fn kubectl(&self, arguments: &str) -> Result<String> {
        let kubectl = "kubectl --kubeconfig /etc/kubernetes/admin.conf --cache-dir=/dev/null";
        self.hosts.on(self.via, &format!("{kubectl} {arguments}"))
    }

    /// Waits until there are exactly these nodes, all Ready, and the API behind the floating IP is; etcd's voters are the
    /// masters. Both in the order of their names.
    pub fn assert_whole(&self, masters: &[String], workers: &[String]) -> Result<()> {
        self.kubectl("wait --for=condition=Ready nodes --all --timeout=120s")?;
        let names = self.kubectl("get nodes -o jsonpath='{.items[*].metadata.name}'")?;
        let mut found: Vec<&str> = names.split_whitespace().collect();
        found.sort_unstable();
        let mut wanted: Vec<&String> = masters.iter().chain(workers).collect();
        wanted.sort_unstable();
        ensure!(found == wanted, "Nodes {found:?} instead of {wanted:?}");
        let cordoned = self.kubectl("get nodes --field-selector spec.unschedulable=true -o name")?;
        ensure!(cordoned.is_empty(), "Nodes that take no pods: {cordoned}");
        let answer = self.kubectl(&format!("--server https://{ENDPOINT} get --raw /readyz"))?;
        ensure!(answer == "ok", "the API behind the floating IP: {answer}");
        let voters = self.voters()?;
        ensure!(
            voters == masters,
            "voters of etcd {voters:?} instead of {masters:?}"
        );
        Ok(())
    }

    /// Names of the members of etcd that vote and run, sorted; fails if there are others.
    pub fn voters(&self) -> Result<Vec<String>> {
        let json = self.hosts.on(self.via, MEMBERS)?;
        let list: Value = serde_json::from_str(&json).with_context(|| json.clone())?;
        let members = list.get("members").and_then(Value::as_array);
        let members = members.with_context(|| json.clone())?;
        let mut names = Vec::new();
        for member in members {
            let is_learner = member.get("isLearner") == Some(&Value::Bool(true));
            let name = member.get("name").and_then(Value::as_str).unwrap_or_default();
            ensure!(
                !is_learner && !name.is_empty(),
                "a member does not vote yet: {json}"
            );
            names.push(name.to_owned());
        }
        names.sort();
        Ok(names)
    }

    /// Fails if credentials of a join are still valid: a bootstrap token, or uploaded certificates.
    pub fn assert_no_join_credentials(&self) -> Result<()> {
        let names = self.kubectl("-n kube-system get secrets -o name")?;
        let mut left = names
            .lines()
            .filter(|name| name.contains("bootstrap-token") || name.contains("kubeadm-certs"));
        ensure!(
            left.next().is_none(),
            "join credentials that were not revoked: {names}"
        );
        Ok(())
    }
}

/// The examples' cluster, asked on its first master.
fn of_example(hosts: &Hosts) -> RunningCluster<'_> {
    RunningCluster { hosts, via: "m1" }
}

/// Runs kubectl as the administrator of the examples' cluster.
pub fn kubectl(hosts: &Hosts, arguments: &str) -> Result<String> {
    of_example(hosts).kubectl(arguments)
}

/// Waits until the examples' cluster is whole.
pub fn assert_whole(hosts: &Hosts) -> Result<()> {
    let masters = MASTERS.map(str::to_owned);
    of_example(hosts).assert_whole(&masters, &["w1".to_owned()])
}

/// Fails if credentials of a join are still valid in the examples' cluster.
pub fn assert_no_join_credentials(hosts: &Hosts) -> Result<()> {
    of_example(hosts).assert_no_join_credentials()
}

/// Fails unless a pod on the worker finds a Service by its name.
pub fn assert_pod_resolves_service(hosts: &Hosts) -> Result<()> {
    kubectl(
        hosts,
        "-n kube-system rollout status deployment/coredns --timeout=180s",
    )?;
    let overrides = r#"{"spec":{"nodeName":"w1","automountServiceAccountToken":false}}"#;
    let lookup = "for try in $(seq 60); do getent hosts kubernetes.default && exit 0; sleep 1; done; exit 1";
    kubectl(
        hosts,
        &format!(
            "run lookup --image=docker.io/library/lab-tools:lab --image-pull-policy=IfNotPresent --restart=Never \
             --overrides='{overrides}' --command -- sh -c '{lookup}'"
        ),
    )?;
    let wait = "wait --for=jsonpath='{.status.phase}'=Succeeded pod/lookup --timeout=90s";
    kubectl(hosts, wait)
        .with_context(|| kubectl(hosts, "describe pod/lookup").unwrap_or_else(|error| error.to_string()))?;
    let answer = kubectl(hosts, "logs lookup")?;
    ensure!(answer.starts_with("10.96.0.1 "), "{answer}");
    kubectl(hosts, "delete pod lookup --now")?;
    Ok(())
}
