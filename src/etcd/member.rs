//! Members and their state as the JSON gateway tells them.
use std::net::IpAddr;

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

    /// Whether its peers reach it at this address.
    pub fn has_address(&self, address: IpAddr) -> bool {
        self.peer_urls.iter().any(|url| host_in(url) == Some(address))
    }

    /// The first address that its peers reach it at.
    pub fn peer_address(&self) -> Option<IpAddr> {
        self.peer_urls.iter().find_map(|url| host_in(url))
    }

    /// Whether it has ever published itself.
    pub fn is_started(&self) -> bool {
        !self.name.is_empty()
    }
}

/// The member whose peer URL has this address.
pub fn member_at(members: &[Member], address: IpAddr) -> Option<&Member> {
    members.iter().find(|member| member.has_address(address))
}

fn host_in(url: &str) -> Option<IpAddr> {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    host.trim_matches(['[', ']']).parse().ok()
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

impl AnswerError {
    /// Whether etcd was only between two leaders, so that the same again may succeed.
    pub fn is_transient(&self) -> bool {
        const WORDS: [&str; 4] = ["leader changed", "no leader", "request timed out", "not leader"];
        matches!(self, Self::Refused(message) if WORDS.iter().any(|words| message.contains(words)))
    }
}

/// Reads the answer of [`super::member_list_command`] or of [`super::member_remove_script`].
pub fn parse_member_list(stdout: &str) -> Result<Vec<Member>, AnswerError> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Answer {
        Members {
            members: Vec<Member>,
        },
        /// Since 3.7 there is no `error` beside it any more.
        Refusal {
            message: String,
        },
    }
    let unreadable = |error: serde_json::Error| AnswerError::Unreadable(error.to_string());
    match serde_json::from_str(stdout).map_err(unreadable)? {
        Answer::Members { members } => Ok(members),
        Answer::Refusal { message } => Err(AnswerError::Refused(message)),
    }
}

/// Reads the lines of [`super::status_command`]. An answer that cannot be read counts as none.
pub fn parse_status(stdout: &str) -> Vec<MemberStatus> {
    stdout
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(url, answer)| status(url, answer))
        .collect()
}

fn status(url: &str, answer: &str) -> MemberStatus {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        header: Header,
        version: String,
        #[serde(default, deserialize_with = "decimal")]
        db_size: u64,
        #[serde(default, deserialize_with = "decimal")]
        leader: u64,
        #[serde(default)]
        errors: Vec<String>,
        #[serde(default)]
        is_learner: bool,
    }
    #[derive(Deserialize)]
    struct Header {
        #[serde(deserialize_with = "decimal")]
        member_id: u64,
    }
    let url = url.to_owned();
    match serde_json::from_str::<Answer>(answer) {
        Ok(answer) => MemberStatus {
            url,
            id: Some(answer.header.member_id),
            is_healthy: answer.leader != 0,
            is_leader: answer.leader == answer.header.member_id,
            is_learner: answer.is_learner,
            version: answer.version,
            db_size_bytes: answer.db_size,
            errors: answer.errors,
        },
        Err(_silent) => MemberStatus {
            url,
            id: None,
            is_healthy: false,
            is_leader: false,
            is_learner: false,
            version: String::new(),
            db_size_bytes: 0,
            errors: Vec::new(),
        },
    }
}

fn decimal<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    String::deserialize(deserializer)?
        .parse()
        .map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"{"header":{"cluster_id":"14841639068965178418","member_id":"10276657743932975437",
        "revision":"0","raft_term":"2"},"members":[
        {"ID":"10276657743932975437","name":"m1","peerURLs":["https://10.88.0.11:2380"],
         "clientURLs":["https://10.88.0.11:2379"]},
        {"ID":"18446744073709551615","peerURLs":["https://10.88.0.12:2380"],"isLearner":true}]}"#;

    #[test]
    fn a_change_of_leader_passes_by_itself() {
        let refused = |message: &str| AnswerError::Refused(message.to_owned());
        assert!(refused("etcdserver: leader changed").is_transient());
        assert!(refused("etcdserver: request timed out").is_transient());
        assert!(!refused("etcdserver: member not found").is_transient());
        assert!(!AnswerError::Unreadable("etcdserver: leader changed".into()).is_transient());
    }

    #[test]
    fn reads_members_with_ids_beyond_what_a_float_can_hold() {
        let members = parse_member_list(LIST).unwrap();
        assert_eq!(members[0].id, 10_276_657_743_932_975_437);
        assert!(members[0].is_voter() && members[0].is_started());
        assert_eq!(members[0].client_urls, ["https://10.88.0.11:2379"]);
        assert_eq!(members[1].id, u64::MAX);
        assert!(!members[1].is_voter() && !members[1].is_started());
    }

    #[test]
    fn a_refusal_is_in_etcds_words() {
        let answer = r#"{"error":"etcdserver: re-configuration failed due to not enough started members","code":9,
            "message":"etcdserver: re-configuration failed due to not enough started members"}"#;
        assert_eq!(
            parse_member_list(answer),
            Err(AnswerError::Refused(
                "etcdserver: re-configuration failed due to not enough started members".into()
            ))
        );
    }

    #[test]
    fn a_refusal_of_etcd_3_7_is_read_too() {
        let answer = r#"{"code":5, "message":"etcdserver: member not found"}"#;
        assert_eq!(
            parse_member_list(answer),
            Err(AnswerError::Refused("etcdserver: member not found".into()))
        );
    }

    #[test]
    fn what_is_not_json_is_unreadable() {
        for text in ["", "404 page not found", "{}"] {
            assert!(
                matches!(parse_member_list(text), Err(AnswerError::Unreadable(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn a_member_is_healthy_if_it_answers_and_knows_a_leader() {
        let answer = |leader: &str| {
            format!(
                r#"{{"header":{{"cluster_id":"1","member_id":"7","revision":"9","raft_term":"2"}},"version":"3.7.0",
                "dbSize":"5255168","leader":"{leader}","raftIndex":"9","errors":["memberID:7 alarm:NOSPACE "]}}"#
            )
            .replace('\n', "")
        };
        let lines = format!(
            "https://a\t{}\nhttps://b\t{}\nhttps://c\t\n",
            answer("7"),
            answer("0")
        );
        let all = parse_status(&lines);
        let healthy: Vec<bool> = all.iter().map(|status| status.is_healthy).collect();
        assert_eq!(healthy, [true, false, false]);
        assert_eq!(
            (all[0].id, all[0].is_leader, all[0].db_size_bytes),
            (Some(7), true, 5_255_168)
        );
        assert_eq!(all[0].errors, ["memberID:7 alarm:NOSPACE "]);
        assert_eq!((all[2].id, all[2].url.as_str()), (None, "https://c"));
    }
}
