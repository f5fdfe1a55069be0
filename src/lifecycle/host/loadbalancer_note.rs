//! The note on a host that says which floating IP `ha_loadbalancer` keeps there.
use std::net::IpAddr;

use crate::{
    command::Script,
    lifecycle::failure::{Failure, answer_not_understood},
    node::{DIRECTORY, files::File},
    remote::Host,
};

use serde::{Deserialize, Serialize};

/// What others who work on the host must know of its load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LoadbalancerNote {
    /// The floating IP.
    pub vip: IpAddr,
    /// The interface that carries it.
    pub interface: String,
    /// The API's port on it.
    pub port: u16,
}

impl LoadbalancerNote {
    /// Where it lies.
    pub(crate) fn path() -> String {
        format!("{DIRECTORY}/loadbalancer.json")
    }

    /// As a file to write.
    pub(crate) fn file(&self) -> File {
        let content = serde_json::to_string(self).unwrap_or_default() + "\n";
        File {
            path: Self::path(),
            mode: "0644",
            content,
        }
    }

    /// Reads it from the host; none if there is no load balancer.
    pub(crate) async fn read(host: &Host) -> Result<Option<Self>, Failure> {
        let script = Script::new(
            "read the load balancer's note",
            format!("cat {} 2>/dev/null || true", Self::path()),
        );
        let text = host.run_ok(&script).await?;
        if text.trim().is_empty() {
            return Ok(None);
        }
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| answer_not_understood(host, &error))
    }
}
