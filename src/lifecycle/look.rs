//! The first look at a host: facts, read once before an operation's steps are chosen.
use std::time::Duration;

use super::{
    failure::Failure,
    marker::Marker,
    step::{Check, Run},
};
use crate::{
    command::Script,
    kube::KUBELET_CONF,
    node::{
        Answers, Facts, Query,
        facts::{self, ETCD_FOLDER},
        files::{File, read_section},
        query::ParseAnswersError,
    },
    remote::{Host, HostError},
};

/// What was seen, or else a look, with etcd's folder in this place.
pub(super) async fn look_unless(looked: Option<Facts>, run: &Run, etcd: &str) -> Result<Facts, Failure> {
    if let Some(facts) = looked.filter(|facts| facts.etcd.path == etcd) {
        return Ok(facts);
    }
    reach_within(run).await?;
    read_facts_with(&run.host, etcd).await
}

/// Waits until the host answers (it may still boot), then reads what it is and has.
pub async fn look_at(run: &Run) -> Result<Facts, Failure> {
    reach_within(run).await?;
    read_facts(&run.host).await
}

/// Waits until the host answers, at most for the run's time: a machine that is just made may boot, and set itself up.
pub(super) async fn reach_within(run: &Run) -> Result<(), Failure> {
    reach(run, run.remaining()).await
}

/// The same, at most for so long.
pub(super) async fn reach(run: &Run, limit: Duration) -> Result<(), Failure> {
    let tell = |error: &HostError| {
        let reason = Failure::from(error.clone()).summary;
        run.progress
            .waits_for(run, &format!("the host to answer: {reason}"));
    };
    run.host.wait_until_up(limit, &run.cancel, tell).await?;
    Ok(())
}

/// Reads what the host is and has, in one round trip.
pub async fn read_facts(host: &Host) -> Result<Facts, Failure> {
    read_facts_with(host, ETCD_FOLDER).await
}

/// The same, with etcd's folder in another place.
pub(super) async fn read_facts_with(host: &Host, etcd: &str) -> Result<Facts, Failure> {
    let script = facts::sections(Query::new(), etcd).script("read facts");
    let stdout = host.run_ok(&script).await?;
    let answers = answers_of(host, &stdout, &["user"])?;
    Facts::parse(&answers).map_err(|error| nonsense(host, &error))
}

/// What was seen before the host's lock was taken, or a new look: who had the lock may have joined or reset the host
/// meanwhile, and the marker tells.
pub(super) async fn look_again(run: &Run, seen: Facts) -> Result<Facts, Failure> {
    if Marker::read(&run.host).await? == marker_of(&seen) {
        return Ok(seen);
    }
    look_unless(None, run, &seen.etcd.path).await
}

/// Whether what kubeadm made is there still; its good result alone does not say so once somebody reset the host.
pub(super) async fn has_credentials(run: &Run, kubeconfig: &str) -> Result<Check, Failure> {
    let script = Script::new("look for credentials", format!("test -e {kubeconfig}"));
    Ok(match run.host.run(&script).await?.status {
        0 => Check::Done,
        _ => Check::Needed(format!("kubeadm ended well, and {kubeconfig} is gone")),
    })
}

/// Whether the host is a node that was finished: recorded, and with its credentials and its CA. A reset takes one of these
/// first, so nothing that has anything left to undo looks like that.
pub(super) async fn is_finished_node(run: &Run, marker: Option<&Marker>) -> Result<bool, Failure> {
    if marker.is_none_or(Marker::is_begun) {
        return Ok(false);
    }
    let files = format!("test -e {KUBELET_CONF} && test -e /etc/kubernetes/pki/ca.crt");
    let script = Script::new("look for credentials", files);
    Ok(run.host.run(&script).await?.status == 0)
}

/// Refuses to make a finished node anew: whoever gets here has looked too early, or not at all.
pub(super) async fn refuse_finished_node(run: &Run, marker: Option<&Marker>) -> Result<(), Failure> {
    if !is_finished_node(run, marker).await? {
        return Ok(());
    }
    let detail =
        "The host is recorded as a node, and has a node's files: another run may have finished it just now.";
    Err(Failure::new("Host is a node already", detail)
        .at("host")
        .on(run.host.name())
        .advise("Nothing was changed. Apply again: the node is taken over as it is."))
}

/// The host's marker, if this provider left one.
pub fn marker_of(facts: &Facts) -> Option<Marker> {
    facts.kubernetes.marker.as_deref().and_then(Marker::parse)
}

/// Reads the answers to a query. What took too long is not "not there": a failure, unless it is one of `may_be_late`.
pub(super) fn answers_of(host: &Host, stdout: &str, may_be_late: &[&str]) -> Result<Answers, Failure> {
    let answers = match Answers::parse(stdout) {
        Ok(answers) => answers,
        Err(error @ ParseAnswersError::Missing { .. }) => {
            return Err(Failure::new("A program is missing", error.to_string())
                .at("host")
                .on(host.name()));
        }
        Err(error) => return Err(nonsense(host, &error)),
    };
    let late: Vec<&str> = answers
        .timed_out()
        .filter(|key| !may_be_late.contains(key))
        .collect();
    if late.is_empty() {
        return Ok(answers);
    }
    let detail = format!(
        "The host did not answer in time to: {}. So it is not known what it has.",
        late.join(", ")
    );
    Err(Failure::new("Host is too slow to answer", detail)
        .at("host")
        .on(host.name())
        .advise("Nothing was changed. Apply again when the host has less to do; look there for what keeps its processors or its disk busy, or for a file system that hangs."))
}

pub(super) fn nonsense(host: &Host, error: &impl std::fmt::Display) -> Failure {
    Failure::new("Host gave an answer that makes no sense", error.to_string()).on(host.name())
}

/// What lies on a host where a file is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    /// Nothing.
    Missing,
    /// Another text.
    Different,
    /// The wanted text.
    Same,
}

/// Compares files with what lies on the host, in one round trip; in the order of `files`.
pub async fn compare_files(host: &Host, files: &[File]) -> Result<Vec<FileState>, Failure> {
    let query = files.iter().fold(Query::new(), |query, file| {
        read_section(query, &file.path, &file.path)
    });
    let stdout = host.run_ok(&query.script("read files")).await?;
    let answers = answers_of(host, &stdout, &[])?;
    let state = |file: &File| match answers.text(&file.path) {
        None => FileState::Missing,
        Some(text) if text == file.content => FileState::Same,
        Some(_) => FileState::Different,
    };
    Ok(files.iter().map(state).collect())
}

/// The first file that is not there as it is wanted.
pub async fn differing_file(host: &Host, files: &[File]) -> Result<Option<String>, Failure> {
    if files.is_empty() {
        return Ok(None);
    }
    let states = compare_files(host, files).await?;
    let mut pairs = files.iter().zip(states);
    Ok(pairs
        .find(|(_, state)| *state != FileState::Same)
        .map(|(file, _)| file.path.clone()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{command::Output, remote::fake::FakeHost};

    #[test]
    fn what_took_too_long_is_not_taken_for_missing() {
        let host = Host::new("m1", Arc::new(FakeHost::new("m1")));
        let late = Answers::from_sections([("kubeadm", 124, ""), ("clock", 0, "1")]).render();
        let failure = answers_of(&host, &late, &[]).unwrap_err();
        assert_eq!(failure.summary, "Host is too slow to answer");
        assert!(failure.detail.contains("in time to: kubeadm."), "{failure}");
        assert!(answers_of(&host, &late, &["kubeadm"]).is_ok());
        let failure = answers_of(&host, "missing base64\n", &[]).unwrap_err();
        assert_eq!(failure.summary, "A program is missing");
        assert!(failure.detail.contains("`base64`"), "{failure}");
    }

    #[tokio::test]
    async fn a_user_whom_a_directory_knows_too_late_is_not_known() {
        let sections = [
            ("hostname", 0, "m1"),
            ("architecture", 0, "x86_64"),
            ("cpus", 0, "2"),
            ("memory", 0, "MemTotal: 4000000 kB"),
            ("clock", 0, "1800000000"),
            ("user", 124, ""),
        ];
        let stdout = Answers::from_sections(sections).render();
        let fake = FakeHost::new("m1").on("read facts", move |_, script| {
            assert!(script.body.contains("section user "), "{}", script.body);
            Output {
                stdout: stdout.clone(),
                ..Output::default()
            }
        });
        assert_eq!(read_facts(&fake.host()).await.unwrap().user, None);
    }
}
