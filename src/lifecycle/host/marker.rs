//! The note on a host that says what this provider made there: how a later run knows its own half-done work.
use serde::{Deserialize, Serialize};

use crate::{
    command::{Script, quote},
    lifecycle::failure::Failure,
    node::{DIRECTORY, MARKER},
    remote::Host,
};

/// How far the host got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// `kubeadm init` was begun.
    Init,
    /// `kubeadm join` was begun.
    Join,
    /// The host is a node of the cluster.
    Member,
}

/// How a Node was before its removal was begun: so it is again if the removal is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Before {
    /// Pods could come.
    Schedulable,
    /// Somebody had cordoned it.
    Cordoned,
}

/// What lies in [`MARKER`]. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marker {
    /// The cluster's control-plane endpoint.
    pub endpoint: String,
    /// The Node's name.
    pub node_name: String,
    /// How far the host got.
    pub phase: Phase,
    /// The id (never the secret) of the bootstrap token that a begun join uses, so that a later run can revoke it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_id: Option<String>,
    /// Whether the control plane's certificates were uploaded for a begun join and are not removed yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_certificates: bool,
    /// Set as long as the node's removal was begun and has not ended: how its Node was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaving: Option<Before>,
}

impl Marker {
    /// Reads the file's text; a text that is no marker counts as none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Reads it from the host; none if this provider made no node there.
    pub(crate) async fn read(host: &Host) -> Result<Option<Self>, Failure> {
        let script = Script::new("read marker", format!("cat {MARKER} 2>/dev/null || true"));
        Ok(Self::parse(&host.run_ok(&script).await?))
    }

    /// Whether the node was begun and is not known to have become a member.
    pub(crate) fn is_begun(&self) -> bool {
        self.phase != Phase::Member
    }

    /// Replaces the file at once.
    pub(crate) fn write_script(&self) -> Script {
        let text = serde_json::to_string(self).unwrap_or_default();
        let body = format!(
            "set -e\numask 077\nmkdir -p {DIRECTORY}\nprintf '%s\\n' {} > {MARKER}.new\nmv {MARKER}.new {MARKER}",
            quote(&text)
        );
        Script::new("write marker", body)
    }
}
