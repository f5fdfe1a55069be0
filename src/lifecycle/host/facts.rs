//! The first look at a host: facts, read once before an operation's steps are chosen.
use std::time::Duration;

use super::{answers::answers_of, marker::Marker};
use crate::{
    lifecycle::{
        engine::Run,
        failure::{Failure, answer_not_understood},
    },
    node::{
        Facts, Query,
        facts::{self, ETCD_FOLDER},
    },
    remote::{Host, HostError},
};

/// What was seen, or else a look, with etcd's folder in this place.
pub(crate) async fn look_unless(looked: Option<Facts>, run: &Run, etcd: &str) -> Result<Facts, Failure> {
    if let Some(facts) = looked.filter(|facts| facts.etcd.path == etcd) {
        return Ok(facts);
    }
    reach_within(run).await?;
    read_facts_with(&run.host, etcd).await
}

/// Waits until the host answers, at most for the run's time: a machine that is just made may boot, and set itself up.
pub(crate) async fn reach_within(run: &Run) -> Result<(), Failure> {
    reach(run, run.remaining()).await
}

/// The same, at most for so long.
pub(crate) async fn reach(run: &Run, limit: Duration) -> Result<(), Failure> {
    let tell = |error: &HostError| {
        let reason = Failure::from(error.clone()).summary;
        run.progress
            .waits_for(run.subject(), &format!("the host to answer: {reason}"));
    };
    run.host.wait_until_up(limit, &run.cancel, tell).await?;
    Ok(())
}

/// Reads what the host is and has, in one round trip.
pub(crate) async fn read_facts(host: &Host) -> Result<Facts, Failure> {
    read_facts_with(host, ETCD_FOLDER).await
}

/// The same, with etcd's folder in another place.
pub(crate) async fn read_facts_with(host: &Host, etcd: &str) -> Result<Facts, Failure> {
    let script = facts::sections(Query::new(), etcd).script("read facts");
    let stdout = host.look_ok(&script).await?;
    let answers = answers_of(host, &stdout, &["user"])?;
    Facts::parse(&answers).map_err(|error| answer_not_understood(host, &error))
}

/// What was seen before the host's lock was taken, or a new look: who had the lock may have joined or reset the host
/// meanwhile, and the marker tells.
pub(crate) async fn look_again(run: &Run, seen: Facts) -> Result<Facts, Failure> {
    if Marker::read(&run.host).await? == marker_of(&seen)? {
        return Ok(seen);
    }
    look_unless(None, run, &seen.etcd.path).await
}

/// The host's marker, if this provider left one.
pub(crate) fn marker_of(facts: &Facts) -> Result<Option<Marker>, Failure> {
    Marker::of_file(facts.kubernetes.marker.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::Answers;
    use crate::{command::Output, remote::fake::FakeHost};

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
