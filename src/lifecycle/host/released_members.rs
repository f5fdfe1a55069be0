//! The note on living masters of members that could not be removed: their masters were destroyed while etcd had no
//! quorum. With it the last living master knows, also in a later run, that it is the last.
use std::collections::BTreeSet;

use crate::{
    command::{Look, Script, quote},
    lifecycle::{engine::Act, failure::Failure},
    node::DIRECTORY,
    remote::Host,
};

/// One Node's name a line.
pub(crate) const RELEASED: &str = "/var/lib/terraform-provider-ha/released-members";

/// Adds a Node's name to the note on a host.
pub(crate) async fn note(act: Act<'_>, host: &Host, node_name: &str) -> Result<(), Failure> {
    let name = quote(node_name);
    let body = format!(
        "set -e\nmkdir -p {DIRECTORY}\ngrep -qxF {name} {RELEASED} 2>/dev/null || printf '%s\\n' {name} >> {RELEASED}"
    );
    act.change(host, &Script::new("note a released member", body))
        .await?;
    Ok(())
}

/// The Nodes' names in the note on a host.
pub(crate) async fn noted(host: &Host) -> Result<BTreeSet<String>, Failure> {
    let script = Look::new(
        "read released members",
        format!("cat {RELEASED} 2>/dev/null || true"),
    );
    let text = host.look_ok(&script).await?;
    Ok(text.lines().map(str::to_owned).collect())
}
