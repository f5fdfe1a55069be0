//! The first look at a host: facts, read once before an operation's steps are chosen.
use super::{failure::Failure, marker::Marker, step::Run};
use crate::{
    node::{Answers, Facts, Query, facts},
    remote::Host,
};

/// Waits until the host answers (it may still boot), then reads what it is and has.
pub async fn look_at(run: &Run) -> Result<Facts, Failure> {
    run.host
        .wait_until_reachable(run.remaining(), &run.cancel)
        .await?;
    read_facts(&run.host).await
}

/// Reads what the host is and has, in one round trip.
pub async fn read_facts(host: &Host) -> Result<Facts, Failure> {
    let stdout = host
        .run_ok(&facts::sections(Query::new()).script("read facts"))
        .await?;
    let answers = Answers::parse(&stdout).map_err(|error| nonsense(host, &error))?;
    Facts::parse(&answers).map_err(|error| nonsense(host, &error))
}

/// The host's marker, if this provider left one.
pub fn marker_of(facts: &Facts) -> Option<Marker> {
    facts.kubernetes.marker.as_deref().and_then(Marker::parse)
}

pub(super) fn nonsense(host: &Host, error: &impl std::fmt::Display) -> Failure {
    Failure::new("Host gave an answer that makes no sense", error.to_string()).on(host.name())
}
