//! Reads a load balancer's files as they are, in one round trip to its host.
use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use crate::{
    haproxy, keepalived,
    lifecycle::{
        failure::{Failure, answer_not_understood},
        host::answers_of,
    },
    node::{
        Query,
        files::read_section,
        query::SLOW_SECONDS,
        vip::{VipLook, look_at_vip_command},
    },
    remote::Host,
};

/// A load balancer, as its host tells it.
#[derive(Clone, Debug)]
pub(crate) struct LoadbalancerSeen {
    /// `/etc/machine-id`.
    pub machine_id: String,
    /// The files that are there, by path.
    pub files: BTreeMap<String, String>,
    /// What the host says of the floating IP; none if it was not asked, or did not say in time.
    pub vip: Option<VipLook>,
}

/// Reads the files, and who has the floating IP. Never writes.
pub(crate) async fn read_loadbalancer(
    host: &Host,
    vip: Option<IpAddr>,
    limit: Duration,
) -> Result<LoadbalancerSeen, Failure> {
    let paths = [
        haproxy::CONFIG_PATH,
        keepalived::CONFIG_PATH,
        haproxy::MANIFEST_PATH,
        keepalived::MANIFEST_PATH,
    ];
    let mut query = Query::new().section("machine_id", "cat /etc/machine-id");
    if let Some(vip) = vip {
        // It looks through all processes.
        let look = look_at_vip_command(vip, &keepalived::RELOADED);
        query = query.section_within("vip", look, SLOW_SECONDS);
    }
    let query = paths
        .iter()
        .fold(query, |query, path| read_section(query, path, path));
    let stdout = host
        .look_ok(&query.script("read load balancer").limit(limit))
        .await?;
    let answers = answers_of(host, &stdout, &["vip"])?;
    // Only a look that says "not there" means gone; one that failed or took too long does not.
    if let Some(path) = paths
        .iter()
        .find(|path| !matches!(answers.status(path), Some(0 | 1)))
    {
        return Err(answer_not_understood(host, &format!("{path} could not be read")));
    }
    Ok(LoadbalancerSeen {
        machine_id: answers.text("machine_id").unwrap_or_default().trim().to_owned(),
        files: paths
            .iter()
            .filter_map(|path| Some(((*path).to_owned(), answers.text(path)?.to_owned())))
            .collect(),
        vip: answers.text("vip").and_then(VipLook::parse),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{command::Output, node::Answers, remote::fake::FakeHost};

    #[tokio::test]
    async fn only_the_look_at_the_floating_ip_may_be_late() {
        let read = async |late: &str| {
            let paths = [
                haproxy::CONFIG_PATH,
                keepalived::CONFIG_PATH,
                haproxy::MANIFEST_PATH,
                keepalived::MANIFEST_PATH,
            ];
            let sections = [&["machine_id", "vip"], paths.as_slice()].concat();
            let sections = sections.into_iter().map(|key| match key {
                _ if key == late => (key, 124, ""),
                "machine_id" => (key, 0, "0123\n"),
                _ => (key, 1, ""),
            });
            let stdout = Answers::from_sections(sections).render();
            let fake = FakeHost::new("m1").on("read load balancer", move |_, _| Output {
                stdout: stdout.clone(),
                ..Output::default()
            });
            let vip = "10.0.0.100".parse().ok();
            read_loadbalancer(&fake.host(), vip, Duration::from_secs(60)).await
        };
        let seen = read("vip").await.unwrap();
        assert_eq!((seen.machine_id.as_str(), seen.vip), ("0123", None));
        assert_eq!(
            read(haproxy::CONFIG_PATH).await.unwrap_err().summary,
            "Host is too slow to answer"
        );
    }
}
