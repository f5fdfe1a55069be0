//! kubeadm's configuration files as texts, in the API version that fits the kubeadm at hand.
use std::time::Duration;

use serde::Serialize;

use super::{
    ApiVersion, BootstrapToken, CertificateKey, ClusterSpec, JoinSpec, NodeSpec, SkewError,
    UnsupportedVersion, Version, check_skew,
    documents::{ClusterConfiguration, ComponentDocument, UploadCerts},
    v1beta2, v1beta3, v1beta4,
};
use crate::command::Secret;

/// A file for `--config`. It holds credentials: write it with mode 0600 and delete it after use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFile {
    /// The YAML documents.
    pub text: Secret,
    /// What this API version cannot say in the file, as flags that may stand beside `--config`.
    pub flags: Vec<String>,
    /// The secret values in the text, for the redaction of outputs.
    pub secrets: Vec<Secret>,
}

/// No file can be made.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RenderError {
    /// The host's kubeadm is older than all of this.
    #[error("cannot write a configuration for the host's kubeadm")]
    Unsupported(#[source] UnsupportedVersion),
    /// The host's kubeadm does not fit the wanted version.
    #[error("cannot set up the wanted version with the host's kubeadm")]
    Skew(#[source] SkewError),
    /// Something was asked for that this kubeadm does not know.
    #[error("kubeadm {kubeadm} knows no {feature}: {needed} or later is needed")]
    TooOldFor {
        /// What was asked for.
        feature: &'static str,
        /// What the host has.
        kubeadm: Version,
        /// The first version that has it.
        needed: &'static str,
    },
    /// A value cannot be written as YAML.
    #[error("cannot write the configuration as YAML: {0}")]
    Yaml(String),
}

/// The file of `kubeadm init`: how this node is set up, the cluster, the kubelets and the kube-proxies.
pub fn render_init(
    kubeadm: &Version,
    cluster: &ClusterSpec,
    node: &NodeSpec,
    token: &BootstrapToken,
) -> Result<ConfigFile, RenderError> {
    let api = ApiVersion::for_kubeadm(kubeadm).map_err(RenderError::Unsupported)?;
    let first = match api {
        ApiVersion::V1beta2 => document(&v1beta2::InitConfiguration::new(node, token)),
        ApiVersion::V1beta3 => document(&v1beta3::InitConfiguration::new(node, token)),
        ApiVersion::V1beta4 => document(&v1beta4::InitConfiguration::new(node, token)),
    }?;
    Ok(ConfigFile {
        text: Secret::new(format!("{first}---\n{}", render_cluster(kubeadm, cluster)?)),
        flags: flags(api, kubeadm, node)?,
        secrets: vec![token.text().clone(), token.secret()],
    })
}

/// What of [`render_init`]'s file holds for the whole cluster: no secret in it.
pub fn render_cluster(kubeadm: &Version, cluster: &ClusterSpec) -> Result<String, RenderError> {
    check_skew(kubeadm, &cluster.kubernetes_version).map_err(RenderError::Skew)?;
    let api = ApiVersion::for_kubeadm(kubeadm).map_err(RenderError::Unsupported)?;
    let configuration = match api {
        ApiVersion::V1beta2 => document(&ClusterConfiguration::<v1beta2::Args>::new(
            v1beta2::API_VERSION,
            cluster,
        )),
        ApiVersion::V1beta3 => document(&ClusterConfiguration::<v1beta3::Args>::new(
            v1beta3::API_VERSION,
            cluster,
        )),
        ApiVersion::V1beta4 => document(&ClusterConfiguration::<v1beta4::Args>::new(
            v1beta4::API_VERSION,
            cluster,
        )),
    }?;
    let mut documents = vec![
        configuration,
        document(&ComponentDocument::kubelet(cluster.kubelet_config.as_ref()))?,
    ];
    if let Some(kube_proxy) = ComponentDocument::kube_proxy(cluster.kube_proxy_config.as_ref()) {
        documents.push(document(&kube_proxy)?);
    }
    Ok(documents.join("---\n"))
}

/// The file of `kubeadm join`, for a master if [`JoinSpec::control_plane`] has a key, else for a worker.
pub fn render_join(kubeadm: &Version, join: &JoinSpec<'_>) -> Result<ConfigFile, RenderError> {
    let api = ApiVersion::for_kubeadm(kubeadm).map_err(RenderError::Unsupported)?;
    let text = match api {
        ApiVersion::V1beta2 => document(&v1beta2::JoinConfiguration::new(join)),
        ApiVersion::V1beta3 => document(&v1beta3::JoinConfiguration::new(join)),
        ApiVersion::V1beta4 => document(&v1beta4::JoinConfiguration::new(join)),
    }?;
    let mut secrets = vec![join.token.text().clone(), join.token.secret()];
    secrets.extend(join.control_plane.map(|key| key.text().clone()));
    Ok(ConfigFile {
        text: Secret::new(text),
        flags: flags(api, kubeadm, join.node)?,
        secrets,
    })
}

/// The file of `kubeadm init phase upload-certs`. The version is in it because kubeadm would otherwise ask the
/// internet for the newest one.
pub fn render_upload_certs(
    kubeadm: &Version,
    kubernetes: &Version,
    key: &CertificateKey,
) -> Result<ConfigFile, RenderError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct OnlyVersion {
        api_version: &'static str,
        kind: &'static str,
        kubernetes_version: String,
    }
    let api_version = match ApiVersion::for_kubeadm(kubeadm).map_err(RenderError::Unsupported)? {
        ApiVersion::V1beta2 => v1beta2::API_VERSION,
        ApiVersion::V1beta3 => v1beta3::API_VERSION,
        ApiVersion::V1beta4 => v1beta4::API_VERSION,
    };
    let init = document(&UploadCerts::new(api_version, key))?;
    let cluster = document(&OnlyVersion {
        api_version,
        kind: "ClusterConfiguration",
        kubernetes_version: kubernetes.tag(),
    })?;
    Ok(ConfigFile {
        text: Secret::new(format!("{init}---\n{cluster}")),
        flags: Vec::new(),
        secrets: vec![key.text().clone()],
    })
}

/// Go's notation, as `metav1.Duration` reads it.
pub(super) fn go_duration(duration: Duration) -> String {
    if duration.subsec_millis() == 0 {
        format!("{}s", duration.as_secs())
    } else {
        format!("{}ms", duration.as_millis())
    }
}

fn document(value: &impl Serialize) -> Result<String, RenderError> {
    serde_saphyr::to_string(value).map_err(|error| RenderError::Yaml(error.to_string()))
}

fn flags(api: ApiVersion, kubeadm: &Version, node: &NodeSpec) -> Result<Vec<String>, RenderError> {
    if api != ApiVersion::V1beta2 {
        return Ok(Vec::new());
    }
    let mut flags = Vec::new();
    if !node.skip_phases.is_empty() {
        flags.push(format!("--skip-phases={}", node.skip_phases.join(",")));
    }
    if let Some(directory) = &node.patches_directory {
        if kubeadm.minor() < 19 {
            return Err(RenderError::TooOldFor {
                feature: "patches",
                kubeadm: kubeadm.clone(),
                needed: "1.19",
            });
        }
        flags.push(format!("--experimental-patches={directory}"));
    }
    Ok(flags)
}
