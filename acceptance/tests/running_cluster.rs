//! Questions to a running cluster, asked on its first master.
use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::hosts::Hosts;

const ETCDCTL: &str = "-- etcdctl --endpoints https://127.0.0.1:2379 --cacert /etc/kubernetes/pki/etcd/ca.crt \
    --cert /etc/kubernetes/pki/etcd/healthcheck-client.crt --key /etc/kubernetes/pki/etcd/healthcheck-client.key";

/// Runs kubectl as the cluster's administrator.
pub(crate) fn kubectl(hosts: &Hosts, arguments: &str) -> Result<String> {
    hosts.on(
        "m1",
        &format!("kubectl --kubeconfig /etc/kubernetes/admin.conf --cache-dir=/dev/null {arguments}"),
    )
}

/// Waits until there are exactly these nodes, all Ready, and the API behind the floating IP is.
pub(crate) fn assert_whole(hosts: &Hosts, vip_endpoint: &str) -> Result<()> {
    kubectl(hosts, "wait --for=condition=Ready nodes --all --timeout=120s")?;
    let names = kubectl(hosts, "get nodes -o jsonpath='{.items[*].metadata.name}'")?;
    assert_eq!(names, "m1 m2 m3 w1");
    assert_eq!(
        kubectl(
            hosts,
            &format!("--server https://{vip_endpoint} get --raw /readyz")
        )?,
        "ok"
    );
    assert_eq!(voters(hosts)?, ["m1", "m2", "m3"]);
    Ok(())
}

/// Names of the members of etcd that vote and run, sorted; fails if there are others.
pub(crate) fn voters(hosts: &Hosts) -> Result<Vec<String>> {
    let json = kubectl(
        hosts,
        &format!("-n kube-system exec etcd-m1 {ETCDCTL} member list -w json"),
    )?;
    let list: Value = serde_json::from_str(&json).with_context(|| json.clone())?;
    let members = list["members"].as_array().with_context(|| json.clone())?;
    let mut names = Vec::new();
    for member in members {
        let is_learner = member["isLearner"] == true;
        let name = member["name"].as_str().unwrap_or_default();
        assert!(
            !is_learner && !name.is_empty(),
            "a member does not vote yet: {json}"
        );
        names.push(name.to_owned());
    }
    names.sort();
    Ok(names)
}

/// Fails if credentials of a join are still valid: a bootstrap token, or uploaded certificates.
pub(crate) fn assert_no_join_credentials(hosts: &Hosts) -> Result<()> {
    let names = kubectl(hosts, "-n kube-system get secrets -o name")?;
    let left: Vec<&str> = names
        .lines()
        .filter(|name| name.contains("bootstrap-token") || name.contains("kubeadm-certs"))
        .collect();
    assert!(
        left.is_empty(),
        "join credentials that were not revoked: {left:?}"
    );
    Ok(())
}

/// Fails unless a pod on the worker finds a Service by its name.
pub(crate) fn assert_pod_resolves_service(hosts: &Hosts) -> Result<()> {
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
    assert!(answer.starts_with("10.96.0.1 "), "{answer}");
    kubectl(hosts, "delete pod lookup --now")?;
    Ok(())
}
