//! The manifest of HAProxy's static pod.
//!
//! Why a static pod: decision 2. Why root below port 1024: decision 41.
use askama::Template;

use super::{CONFIG_DIRECTORY, HaproxySpec, RELOADED};

// No user is named: the official image runs as 99, others as root, and neither needs a capability for a port
// above 1023. Below, the process needs NET_BIND_SERVICE, and Kubernetes has no way to give that to another user than
// root (KEP-2763, ambient capabilities): root then, with this capability only and a read-only image. Liveness asks HAProxy itself only: a probe that goes through to an API server would restart the
// balancer whenever none answers, thus all through `kubeadm init`.
#[derive(Template)]
#[template(
    ext = "txt",
    escape = "none",
    source = r#"# Written by terraform-provider-ha. Changes made here are undone by the next apply.
apiVersion: v1
kind: Pod
metadata:
  name: haproxy
  namespace: kube-system
  labels:
    component: haproxy
    tier: control-plane
spec:
  hostNetwork: true
  priorityClassName: system-node-critical
  terminationGracePeriodSeconds: 3
  automountServiceAccountToken: false
  containers:
    - name: haproxy
      image: {{ image }}
      imagePullPolicy: IfNotPresent
      command: [haproxy, -W, -db, -f, {{ inside }}]
      securityContext:
{%- if is_privileged_port %}
        runAsUser: 0
{%- endif %}
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
{%- if is_privileged_port %}
          add: [NET_BIND_SERVICE]
{%- endif %}
      livenessProbe:
        httpGet:
          host: 127.0.0.1
          port: {{ health_port }}
          path: /livez
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 8
      resources:
        requests:
          cpu: 25m
          memory: 32Mi
      volumeMounts:
        - name: config
          mountPath: /usr/local/etc/haproxy
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
    health_port: u16,
    is_privileged_port: bool,
    inside: &'static str,
    directory: &'static str,
}

/// Renders the manifest of a static pod that runs HAProxy with the text at [`CONFIG_PATH`](super::CONFIG_PATH).
///
/// The text is no part of the manifest: another text is read by [`RELOADED`](super::RELOADED), without another pod.
pub fn render_static_pod(spec: &HaproxySpec) -> String {
    let pod = StaticPod {
        image: spec.image.as_str().into(),
        health_port: spec.health_port,
        is_privileged_port: spec.port.min(spec.health_port) < 1024,
        inside: RELOADED.inside,
        directory: CONFIG_DIRECTORY,
    };
    pod.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> HaproxySpec {
        HaproxySpec::new(8443, [("m1".to_owned(), "10.0.0.11".to_owned())].into())
    }

    #[test]
    fn renders_the_manifest() {
        insta::assert_snapshot!(render_static_pod(&spec()));
    }

    #[test]
    fn a_port_below_1024_needs_one_capability() {
        let on = |port, health_port| {
            render_static_pod(&HaproxySpec {
                port,
                health_port,
                ..spec()
            })
        };
        insta::assert_snapshot!(on(443, 8404));
        assert_eq!(on(1024, 8404), on(8443, 8404));
        assert!(on(8443, 1023).contains("NET_BIND_SERVICE"));
    }

    #[test]
    fn is_yaml_whatever_the_image_is_called() {
        let image = "registry.example.net:5000/a\": [b] # c";
        let text = render_static_pod(&HaproxySpec {
            image: image.to_owned(),
            ..spec()
        });
        let pod: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(pod["spec"]["containers"][0]["image"], image);
    }
}
