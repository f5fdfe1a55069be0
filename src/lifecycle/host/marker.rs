//! The note on a host that says what this provider made there: how a later run knows its own half-done work.
use serde::{Deserialize, Serialize};

use super::note;
use crate::{
    command::{Look, Script, quote},
    lifecycle::failure::Failure,
    node::{DIRECTORY, MARKER},
    remote::Host,
};

/// What lies in [`MARKER`]. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    /// The cluster's control-plane endpoint.
    pub(crate) endpoint: String,
    /// The Node's name.
    pub(crate) node_name: String,
    /// Whether the host has become a node of the cluster.
    pub(crate) is_member: bool,
    /// What was begun there and is not known to have ended.
    pub(crate) in_progress: Option<InProgress>,
}

/// What was begun on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum InProgress {
    /// `kubeadm init`.
    Init(Credentials),
    /// `kubeadm join`.
    Join(Credentials),
    /// The node's removal.
    Leave {
        /// How its Node was before: so it is again if the removal is taken back.
        before: Schedulability,
    },
}

/// What was made in the cluster for an init or a join, and is to be revoked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Credentials {
    /// The id (never the secret) of the bootstrap token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token_id: Option<String>,
    /// Whether the control plane's certificates were uploaded and are not removed yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) has_certificates: bool,
}

/// Whether pods could come to a Node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Schedulability {
    /// They could.
    Schedulable,
    /// Somebody had cordoned it.
    Cordoned,
}

/// The format that this version writes.
const VERSION: u64 = 2;

/// The file of version 2.
#[derive(Debug, Serialize, Deserialize)]
struct Version2 {
    endpoint: String,
    node_name: String,
    member: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    in_progress: Option<InProgress>,
}

/// The file before it had a version.
#[derive(Debug, Deserialize)]
struct Version1 {
    endpoint: String,
    node_name: String,
    phase: Phase1,
    #[serde(flatten)]
    credentials: Credentials,
    leaving: Option<Schedulability>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Phase1 {
    Init,
    Join,
    Member,
}

impl Marker {
    /// A node on which `kubeadm init` or `kubeadm join` is about to begin.
    pub(crate) fn begun(endpoint: String, node_name: String, what: InProgress) -> Self {
        Self {
            endpoint,
            node_name,
            is_member: false,
            in_progress: Some(what),
        }
    }

    /// A node that is there.
    pub(crate) fn member(endpoint: String, node_name: String) -> Self {
        Self {
            endpoint,
            node_name,
            is_member: true,
            in_progress: None,
        }
    }

    /// The same with something else in progress.
    #[must_use]
    pub(crate) fn with(self, in_progress: Option<InProgress>) -> Self {
        Self { in_progress, ..self }
    }

    /// The same with the credentials changed, where an init or a join has any.
    #[must_use]
    pub(crate) fn with_credentials(mut self, change: impl FnOnce(&mut Credentials)) -> Self {
        if let Some(InProgress::Init(credentials) | InProgress::Join(credentials)) = &mut self.in_progress {
            change(credentials);
        }
        self
    }

    /// What was made for an init or a join that was begun.
    pub(crate) fn credentials(&self) -> Option<&Credentials> {
        match &self.in_progress {
            Some(InProgress::Init(credentials) | InProgress::Join(credentials)) => Some(credentials),
            _ => None,
        }
    }

    /// Whether `kubeadm init` was begun and is not known to have ended well.
    pub(crate) fn has_begun_init(&self) -> bool {
        matches!(self.in_progress, Some(InProgress::Init(_)))
    }

    /// Whether `kubeadm join` was begun and is not known to have ended well.
    pub(crate) fn has_begun_join(&self) -> bool {
        matches!(self.in_progress, Some(InProgress::Join(_)))
    }

    /// How the Node was before its removal was begun, as long as that has not ended.
    pub(crate) fn leaving(&self) -> Option<Schedulability> {
        match self.in_progress {
            Some(InProgress::Leave { before }) => Some(before),
            _ => None,
        }
    }

    /// Reads the file's text, if there is a file; one without a text, as a loss of power may leave it, is none.
    pub(crate) fn of_file(text: Option<&str>) -> Result<Option<Self>, Failure> {
        let text = text.filter(|text| !text.trim().is_empty());
        text.map(Self::parse).transpose()
    }

    fn parse(text: &str) -> Result<Self, Failure> {
        Ok(match note::version(MARKER, text, VERSION)? {
            (1, fields) => Self::of_version_1(note::read(MARKER, fields)?),
            (_, fields) => Self::of_version_2(note::read(MARKER, fields)?),
        })
    }

    fn of_version_1(note: Version1) -> Self {
        let in_progress = match note.phase {
            Phase1::Init => Some(InProgress::Init(note.credentials)),
            Phase1::Join => Some(InProgress::Join(note.credentials)),
            Phase1::Member => note.leaving.map(|before| InProgress::Leave { before }),
        };
        Self {
            endpoint: note.endpoint,
            node_name: note.node_name,
            is_member: matches!(note.phase, Phase1::Member),
            in_progress,
        }
    }

    fn of_version_2(note: Version2) -> Self {
        Self {
            endpoint: note.endpoint,
            node_name: note.node_name,
            is_member: note.member,
            in_progress: note.in_progress,
        }
    }

    /// Reads it from the host; none if this provider made no node there.
    pub(crate) async fn read(host: &Host) -> Result<Option<Self>, Failure> {
        let script = Look::new("read marker", format!("cat {MARKER} 2>/dev/null || true"));
        let text = host.look_ok(&script).await?;
        Self::of_file(Some(&text)).map_err(|failure| failure.on(host.name()))
    }

    /// Replaces the file at once.
    pub(crate) fn write_script(&self) -> Script {
        let fields = Version2 {
            endpoint: self.endpoint.clone(),
            node_name: self.node_name.clone(),
            member: self.is_member,
            in_progress: self.in_progress.clone(),
        };
        let text = note::write(VERSION, &fields);
        let body = format!(
            "set -e\numask 077\nmkdir -p {DIRECTORY}\nprintf '%s\\n' {} > {MARKER}.new\nmv {MARKER}.new {MARKER}",
            quote(&text)
        );
        Script::new("write marker", body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(is_member: bool, in_progress: Option<InProgress>) -> Marker {
        Marker {
            endpoint: "10.0.0.100:8443".into(),
            node_name: "m2".into(),
            is_member,
            in_progress,
        }
    }

    fn credentials() -> Credentials {
        Credentials {
            token_id: Some("abcdef".into()),
            has_certificates: true,
        }
    }

    /// One example of each form that a landed version wrote. Never remove one.
    #[test]
    fn reads_every_form_that_was_ever_written() {
        let member = r#"{"endpoint":"10.0.0.100:8443","node_name":"m2","phase":"member"}"#;
        let begun = r#"{"endpoint":"10.0.0.100:8443","node_name":"m2","phase":"init"}"#;
        let joining = r#"{"endpoint":"10.0.0.100:8443","node_name":"m2","phase":"join","token_id":"abcdef","has_certificates":true}"#;
        let leaving =
            r#"{"endpoint":"10.0.0.100:8443","node_name":"m2","phase":"member","leaving":"cordoned"}"#;
        let leave = InProgress::Leave {
            before: Schedulability::Cordoned,
        };
        for (text, wanted) in [
            (member, marker(true, None)),
            (
                begun,
                marker(false, Some(InProgress::Init(Credentials::default()))),
            ),
            (joining, marker(false, Some(InProgress::Join(credentials())))),
            (leaving, marker(true, Some(leave.clone()))),
            (
                r#"{"version":2,"written_by":"0.1.0","endpoint":"10.0.0.100:8443","node_name":"m2","member":true}"#,
                marker(true, None),
            ),
            (
                r#"{"version":2,"written_by":"0.1.0","endpoint":"10.0.0.100:8443","node_name":"m2","member":false,"in_progress":{"kind":"join","token_id":"abcdef","has_certificates":true}}"#,
                marker(false, Some(InProgress::Join(credentials()))),
            ),
            (
                r#"{"version":2,"written_by":"0.1.0","endpoint":"10.0.0.100:8443","node_name":"m2","member":true,"in_progress":{"kind":"leave","before":"cordoned"}}"#,
                marker(true, Some(leave)),
            ),
        ] {
            assert_eq!(Marker::parse(text).unwrap(), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for wanted in [
            marker(true, None),
            marker(false, Some(InProgress::Init(credentials()))),
            marker(false, Some(InProgress::Join(Credentials::default()))),
        ] {
            let body = wanted.write_script().body;
            let text = body.split("printf '%s\\n' '").nth(1).unwrap().split('\'').next();
            assert_eq!(Marker::parse(text.unwrap()).unwrap(), wanted);
        }
    }

    #[test]
    fn an_empty_file_is_no_note() {
        assert_eq!(Marker::of_file(Some("\n")).unwrap(), None);
        assert_eq!(Marker::of_file(None).unwrap(), None);
    }
}
