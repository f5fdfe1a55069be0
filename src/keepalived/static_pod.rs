//! The manifest of keepalived's static pod.
use askama::Template;

use super::{CONFIG_DIRECTORY, RELOADED};

// The kubelet ends the pod with SIGTERM, on which keepalived gives the VIP up and says so to its peers.
// SETGID: keepalived calls setgroups before it starts the check; where that fails, 2.2.7 takes the check for
// passed without running it (measured), and the VIP stays on a host whose HAProxy is dead.
#[derive(Template)]
#[template(
    ext = "txt",
    escape = "none",
    source = r#"# Written by terraform-provider-ha. Changes made here are undone by the next apply.
apiVersion: v1
kind: Pod
metadata:
  name: keepalived
  namespace: kube-system
  labels:
    component: keepalived
    tier: control-plane
spec:
  hostNetwork: true
  priorityClassName: system-node-critical
  terminationGracePeriodSeconds: 5
  automountServiceAccountToken: false
  containers:
    - name: keepalived
      image: {{ image }}
      imagePullPolicy: IfNotPresent
      command: [keepalived, -n, -l, -D, -P, -f, {{ inside }}]
      securityContext:
        runAsUser: 0
        allowPrivilegeEscalation: false
        capabilities:
          drop: [ALL]
          add: [NET_ADMIN, NET_RAW, NET_BROADCAST, SETGID]
      resources:
        requests:
          cpu: 10m
          memory: 16Mi
      volumeMounts:
        - name: config
          mountPath: /etc/keepalived
          readOnly: true
  volumes:
    - name: config
      hostPath:
        path: {{ directory }}
        type: Directory
"#
)]
struct StaticPod {
    image: serde_json::Value,
    inside: &'static str,
    directory: &'static str,
}

/// Renders the manifest of a static pod that runs keepalived from `image` with the text at
/// [`CONFIG_PATH`](super::CONFIG_PATH).
///
/// The text is no part of the manifest: another text is read by [`RELOADED`](super::RELOADED), without another pod.
///
/// No maintained public image of keepalived exists, so the user names one; it must hold `/usr/bin/curl`.
pub fn render_static_pod(image: &str) -> String {
    let pod = StaticPod {
        image: image.into(),
        inside: RELOADED.inside,
        directory: CONFIG_DIRECTORY,
    };
    pod.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_the_manifest() {
        let text = render_static_pod("registry.example.net/keepalived:2.4.3");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn asks_for_four_capabilities_and_no_privilege() {
        let pod: serde_json::Value = serde_saphyr::from_str(&render_static_pod("k")).unwrap();
        let security = &pod["spec"]["containers"][0]["securityContext"];
        assert_eq!(
            security["capabilities"]["add"],
            serde_json::json!(["NET_ADMIN", "NET_RAW", "NET_BROADCAST", "SETGID"])
        );
        assert_eq!(security.get("privileged"), None);
    }
}
