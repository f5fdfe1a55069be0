//! Looks for a load balancer that this provider put on a host, and for what its resource has to know of it.
use std::time::Duration;

use crate::{
    haproxy::{self, FoundHaproxy},
    keepalived::{self, FoundKeepalived},
    kube::image_of_manifest,
    lifecycle::{
        failure::{Failure, answer_not_understood},
        host::{LoadbalancerNote, answers_of},
    },
    node::{Query, files::read_section},
    remote::Host,
};

/// A load balancer that this provider has put on a host, with whatever state.
#[derive(Clone, Debug)]
pub(crate) struct FoundLoadbalancer {
    /// HAProxy's settings.
    pub haproxy: FoundHaproxy,
    /// Its image.
    pub haproxy_image: String,
    /// keepalived's settings.
    pub keepalived: FoundKeepalived,
    /// Its image.
    pub keepalived_image: String,
}

const FILES: [&str; 4] = [
    haproxy::CONFIG_PATH,
    haproxy::MANIFEST_PATH,
    keepalived::CONFIG_PATH,
    keepalived::MANIFEST_PATH,
];

/// Looks at the host, in two round trips; a failure if there is no load balancer, or another hand's.
pub(crate) async fn find_loadbalancer(host: &Host, limit: Duration) -> Result<FoundLoadbalancer, Failure> {
    let is_ours = LoadbalancerNote::read(host).await?.is_some();
    let query = FILES
        .iter()
        .fold(Query::new(), |query, path| read_section(query, path, path));
    let stdout = host
        .look_ok(&query.script("look for a load balancer").limit(limit))
        .await?;
    let answers = answers_of(host, &stdout, &[])?;
    let texts = FILES.map(|path| answers.text(path));
    if !is_ours {
        return Err(not_ours(host, texts.iter().any(Option::is_some)));
    }
    let changed = |path: &str| {
        let what = format!(
            "{path} is not as this provider writes it, so what the load balancer is made of cannot be read"
        );
        answer_not_understood(host, &what)
    };
    let [config, manifest, keepalived_config, keepalived_manifest] = texts;
    let image = |text: Option<&str>, path| text.and_then(image_of_manifest).ok_or_else(|| changed(path));
    Ok(FoundLoadbalancer {
        haproxy: config
            .and_then(haproxy::read_config)
            .ok_or_else(|| changed(haproxy::CONFIG_PATH))?,
        haproxy_image: image(manifest, haproxy::MANIFEST_PATH)?,
        keepalived: keepalived_config
            .and_then(keepalived::read_config)
            .ok_or_else(|| changed(keepalived::CONFIG_PATH))?,
        keepalived_image: image(keepalived_manifest, keepalived::MANIFEST_PATH)?,
    })
}

fn not_ours(host: &Host, is_another: bool) -> Failure {
    let (summary, detail) = if is_another {
        (
            "Load balancer of another hand",
            "HAProxy or keepalived are static pods on the host, and this provider did not write them; it imports its own load balancers only. To have it keep one there, remove these files, host by host, and apply the resource without an import.",
        )
    } else {
        (
            "No load balancer to import",
            "The host has no load balancer of this provider. To make it one, write the resource and apply, without an import.",
        )
    };
    Failure::new(summary, detail).at("host").on(host.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        command::Output, haproxy::HaproxySpec, keepalived::KeepalivedSpec, node::Answers,
        remote::fake::FakeHost,
    };

    fn texts() -> [String; 4] {
        let spec = HaproxySpec::new(8443, [("m1".to_owned(), "10.0.0.11".to_owned())].into());
        let keepalived = KeepalivedSpec {
            vip: "10.0.0.100".parse().unwrap(),
            interface: "eth0".to_owned(),
            virtual_router_id: 51,
            priority: 200,
            address: "10.0.0.11".parse().unwrap(),
            peers: vec!["10.0.0.12".parse().unwrap()],
            preempt: false,
            advert_int: KeepalivedSpec::ADVERT_INT,
            health_port: 8404,
        };
        [
            haproxy::render_config(&spec),
            haproxy::render_static_pod(&spec),
            keepalived::render_config(&keepalived),
            keepalived::render_static_pod("keepalived:1"),
        ]
    }

    fn output(stdout: &str) -> Output {
        Output {
            stdout: stdout.to_owned(),
            ..Output::default()
        }
    }

    async fn find(note: &'static str, texts: [Option<String>; 4]) -> Result<FoundLoadbalancer, Failure> {
        let sections: Vec<_> = FILES
            .iter()
            .zip(&texts)
            .map(|(path, text)| {
                (
                    *path,
                    i32::from(text.is_none()),
                    text.as_deref().unwrap_or_default(),
                )
            })
            .collect();
        let stdout = Answers::from_sections(sections).render();
        let fake = FakeHost::new("m1")
            .on("read the load balancer's note", move |_, _| output(note))
            .on("look for a load balancer", move |_, _| output(&stdout));
        find_loadbalancer(&fake.host(), Duration::from_secs(60)).await
    }

    const NOTE: &str = r#"{"version":1,"vip":"10.0.0.100","interface":"eth0","port":8443}"#;

    #[tokio::test]
    async fn what_was_written_is_found() {
        let found = find(NOTE, texts().map(Some)).await.unwrap();
        assert_eq!(found.keepalived_image, "keepalived:1");
        assert_eq!(found.haproxy_image, HaproxySpec::IMAGE);
        assert_eq!(
            (found.haproxy.port, found.keepalived.virtual_router_id),
            (8443, 51)
        );
    }

    #[tokio::test]
    async fn what_is_not_ours_or_not_whole_is_refused() {
        let summary = async |note, texts| find(note, texts).await.unwrap_err().summary;
        assert_eq!(
            summary("", [None, None, None, None]).await,
            "No load balancer to import"
        );
        assert_eq!(
            summary("", texts().map(Some)).await,
            "Load balancer of another hand"
        );
        let mut edited = texts().map(Some);
        edited[0] = Some("global\n".to_owned());
        assert_eq!(
            summary(NOTE, edited).await,
            "Host gave an answer that makes no sense"
        );
    }
}
