//! The first look at a host: facts, read once before an operation's steps are chosen.
use super::{
    failure::Failure,
    marker::Marker,
    step::{Check, Run},
};
use crate::{
    command::Script,
    kube::KUBELET_CONF,
    node::{
        Answers, Facts, Query, facts,
        files::{File, read_section},
    },
    remote::{Host, HostError},
};

/// What was seen, or else a look.
pub(super) async fn look_unless(looked: Option<Facts>, run: &Run) -> Result<Facts, Failure> {
    match looked {
        Some(facts) => Ok(facts),
        None => look_at(run).await,
    }
}

/// Waits until the host answers (it may still boot), then reads what it is and has.
pub async fn look_at(run: &Run) -> Result<Facts, Failure> {
    reach_within(run).await?;
    read_facts(&run.host).await
}

/// Waits until the host answers, at most for the run's time: a machine that is just made may boot, and set itself up.
pub(super) async fn reach_within(run: &Run) -> Result<(), Failure> {
    let tell = |error: &HostError| {
        let reason = Failure::from(error.clone()).summary;
        run.progress.waits_for_host(run, reason);
    };
    run.host.wait_until_up(run.remaining(), &run.cancel, tell).await?;
    Ok(())
}

/// Reads what the host is and has, in one round trip.
pub async fn read_facts(host: &Host) -> Result<Facts, Failure> {
    let stdout = host
        .run_ok(&facts::sections(Query::new()).script("read facts"))
        .await?;
    let answers = Answers::parse(&stdout).map_err(|error| nonsense(host, &error))?;
    Facts::parse(&answers).map_err(|error| nonsense(host, &error))
}

/// What was seen before the host's lock was taken, or a new look: who had the lock may have joined or reset the host
/// meanwhile, and the marker tells.
pub(super) async fn look_again(run: &Run, seen: Facts) -> Result<Facts, Failure> {
    if Marker::read(&run.host).await? == marker_of(&seen) {
        return Ok(seen);
    }
    look_at(run).await
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
    let answers = Answers::parse(&stdout).map_err(|error| nonsense(host, &error))?;
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
