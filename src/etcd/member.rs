//! Members and their state as the JSON gateway tells them.
use serde::Deserialize;

/// A member of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Member {
    /// etcd's own number for it; JSON has it as decimal text, etcdctl shows it in hex.
    #[serde(rename = "ID", deserialize_with = "decimal")]
    pub id: u64,
    /// The node's name; empty until the member has started.
    #[serde(default)]
    pub name: String,
    /// `https://address:2380`, from the moment it was added.
    #[serde(default, rename = "peerURLs")]
    pub peer_urls: Vec<String>,
    /// `https://address:2379`; none until the member has started.
    #[serde(default, rename = "clientURLs")]
    pub client_urls: Vec<String>,
    /// Learners follow but do not vote.
    #[serde(default, rename = "isLearner")]
    pub is_learner: bool,
}

impl Member {
    /// Whether it takes part in quorums: all but learners do, also those that never started.
    pub fn is_voter(&self) -> bool {
        !self.is_learner
    }

    /// Whether it has ever published itself.
    pub fn is_started(&self) -> bool {
        !self.name.is_empty()
    }
}

/// How a member is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberStatus {
    /// The client URL that was asked.
    pub url: String,
    /// Its id; `None` if it did not answer.
    pub id: Option<u64>,
    /// It answered and knows a leader.
    pub is_healthy: bool,
    /// It is the leader.
    pub is_leader: bool,
    /// It is a learner.
    pub is_learner: bool,
    /// etcd's version, empty if it did not answer.
    pub version: String,
    /// Size of the database file.
    pub db_size_bytes: u64,
    /// Alarms and the like, in etcd's words.
    pub errors: Vec<String>,
}

/// etcd did not give what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// etcd refused; its own words.
    #[error("etcd refused: {0}")]
    Refused(String),
    /// Not what etcd writes.
    #[error("etcd's answer cannot be read: {0}")]
    Unreadable(String),
}

/// Reads the answer of [`super::member_list_command`] or of [`super::member_remove_script`].
pub fn parse_member_list(stdout: &str) -> Result<Vec<Member>, AnswerError> {
    todo!("{stdout}")
}

/// Reads the lines of [`super::status_command`].
pub fn parse_status(stdout: &str) -> Vec<MemberStatus> {
    todo!("{stdout}")
}

fn decimal<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    String::deserialize(deserializer)?
        .parse()
        .map_err(serde::de::Error::custom)
}
