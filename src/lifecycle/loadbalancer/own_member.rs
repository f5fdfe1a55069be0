//! Which of the members a host is.
use std::net::IpAddr;

use crate::{
    lifecycle::{
        engine::Run,
        failure::Failure,
        host::{reach_within, read_facts},
    },
    remote::Host,
};

/// The host's own address among the members: the one that it is reached by, or one that is on an interface. Waits for
/// the host where it has to be looked at.
pub(crate) async fn own_member(run: &Run, members: &[IpAddr]) -> Result<IpAddr, Failure> {
    if named_member(&run.host, members).is_none() {
        reach_within(run).await?;
    }
    look_for_own_member(&run.host, members).await
}

/// The same without waiting.
pub(crate) async fn look_for_own_member(host: &Host, members: &[IpAddr]) -> Result<IpAddr, Failure> {
    if let Some(named) = named_member(host, members) {
        return Ok(named);
    }
    let facts = read_facts(host).await?;
    let own = members.iter().find(|member| facts.has_address(**member));
    own.copied().ok_or_else(|| {
        Failure::new(
            "Host is none of the members",
            "No address in members is this host's own.",
        )
        .at("members")
        .on(host.name())
        .advise("Add this host's name and address to members.")
    })
}

fn named_member(host: &Host, members: &[IpAddr]) -> Option<IpAddr> {
    let named = host.name().parse().ok()?;
    members.contains(&named).then_some(named)
}
