//! The note on a host that says which floating IP `ha_loadbalancer` keeps there.
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::note;
use crate::{
    command::Look,
    lifecycle::failure::Failure,
    node::{DIRECTORY, files::File},
    remote::Host,
};

/// The format of the file.
const VERSION: u64 = 1;

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
        let content = note::write(VERSION, self) + "\n";
        File {
            path: Self::path(),
            mode: "0644",
            content,
        }
    }

    /// Reads it from the host; none if there is no load balancer.
    pub(crate) async fn read(host: &Host) -> Result<Option<Self>, Failure> {
        let script = Look::new(
            "read the load balancer's note",
            format!("cat {} 2>/dev/null || true", Self::path()),
        );
        let text = host.look_ok(&script).await?;
        Self::of_file(&text).map_err(|failure| failure.on(host.name()))
    }

    fn of_file(text: &str) -> Result<Option<Self>, Failure> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        let (_, fields) = note::version(&Self::path(), text, VERSION)?;
        note::read(&Self::path(), fields).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One example of each form that a landed version wrote. Never remove one.
    #[test]
    fn reads_every_form_that_was_ever_written() {
        let wanted = LoadbalancerNote {
            vip: "10.0.0.100".parse().unwrap(),
            interface: "eth0".to_owned(),
            port: 8443,
        };
        for text in [
            r#"{"vip":"10.0.0.100","interface":"eth0","port":8443}"#,
            r#"{"version":1,"written_by":"0.1.0","vip":"10.0.0.100","interface":"eth0","port":8443}"#,
            &wanted.file().content,
        ] {
            assert_eq!(
                LoadbalancerNote::of_file(text).unwrap().as_ref(),
                Some(&wanted),
                "{text}"
            );
        }
    }
}
