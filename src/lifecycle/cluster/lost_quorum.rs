//! Tells at a refresh that etcd has lost its quorum: too few of its members answer for any change of the cluster.
use super::{
    membership::{Health, known_health},
    survey::Survey,
};
use crate::{etcd::quorum, lifecycle::notice::Notice, remote::Host};

/// Asks on a master whose etcd gave no list of members that a majority agrees on, after the other masters were asked: one of
/// them may be part of a majority, and then this host alone is cut off. `None`: enough members answer, or the host's own
/// member does not and nothing can be said. Reads only; takes up to 10 s.
pub(crate) async fn look_for_lost_quorum(host: &Host, masters: &[Host]) -> Option<Notice> {
    let health = known_health(host).await.ok().flatten()?;
    if !health.has_lost_quorum() {
        return None;
    }
    let others = masters.iter().filter(|master| master.name() != host.name());
    let survey = Survey::of(&others.cloned().collect::<Vec<_>>()).await;
    Some(match survey.via() {
        Some(seen) => cut_off(host.name(), seen.host.name(), &health),
        None => lost_quorum(host.name(), &health),
    })
}

fn cut_off(host: &str, other: &str, health: &Health) -> Notice {
    let silent = health.voters().difference(&health.answering).copied().collect();
    Notice {
        summary: "etcd member is cut off from the others",
        detail: format!(
            "Host: {host}\n\nIts etcd member does not reach {}, while {other} has a majority: the cluster works without this member, and its own API server answers with errors. Look for a firewall or a route between the masters (ports 2379 and 2380), and at the log of etcd there.",
            health.names(&silent)
        ),
    }
}

fn lost_quorum(host: &str, health: &Health) -> Notice {
    let voters = health.voters();
    let answering = voters.intersection(&health.answering).copied().collect();
    let silent = voters.difference(&health.answering).copied().collect();
    Notice {
        summary: "etcd has lost its quorum",
        detail: format!(
            "Asked on: {host}\n\n{} of etcd's {} voting members answer, {} are needed. Answering: {}. Silent: {}.\n\nUntil then the cluster takes no change, its API server answers with errors, and nothing is rescheduled; containers that run go on. Start the silent hosts, or the kubelet on them: etcd goes on by itself. If they are gone for good, restore etcd on one master from a snapshot (https://etcd.io/docs/latest/op-guide/recovery), then replace the others with `terraform apply -replace=…`. Do not remove them first: etcd cannot agree on a removal now.",
            health.answering.intersection(&voters).count(),
            voters.len(),
            quorum(voters.len()),
            health.names(&answering),
            health.names(&silent),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        command::{Output, Script},
        remote::fake::{FakeHost, FakeState},
    };

    const LIST: &str = r#"{"members":[
        {"ID":"1","name":"m1","peerURLs":["https://10.0.0.11:2380"],"clientURLs":["https://10.0.0.11:2379"]},
        {"ID":"2","name":"m2","peerURLs":["https://10.0.0.12:2380"],"clientURLs":["https://10.0.0.12:2379"]},
        {"ID":"3","name":"m3","peerURLs":["https://10.0.0.13:2380"],"clientURLs":["https://10.0.0.13:2379"]}]}"#;

    fn says(stdout: &str) -> impl FnMut(&mut FakeState, &Script) -> Output + use<> {
        let stdout = stdout.to_owned();
        move |_, _| Output {
            stdout: stdout.clone(),
            ..Output::default()
        }
    }

    async fn told(answering: &[u8]) -> Option<Notice> {
        let line = |id: u8| {
            let answer = if answering.contains(&id) {
                format!(r#"{{"header":{{"member_id":"{id}"}},"version":"3.6.4","dbSize":"1"}}"#)
            } else {
                String::new()
            };
            format!("https://10.0.0.1{id}:2379\t{answer}\n")
        };
        let status = [1, 2, 3].map(line).concat();
        let host = FakeHost::new("10.0.0.11")
            .on("known etcd members", says(LIST))
            .on("etcd status", says(&status));
        look_for_lost_quorum(&host.host(), &[]).await
    }

    #[tokio::test]
    async fn says_who_is_silent_and_how_many_are_needed() {
        let told = told(&[1]).await.unwrap();
        assert_eq!(told.summary, "etcd has lost its quorum");
        assert!(
            told.detail.contains(
                "1 of etcd's 3 voting members answer, 2 are needed. Answering: m1. Silent: m2, m3."
            ),
            "{}",
            told.detail
        );
    }

    #[tokio::test]
    async fn a_majority_that_only_chooses_a_leader_is_no_loss() {
        assert!(told(&[1, 3]).await.is_none());
    }
}
