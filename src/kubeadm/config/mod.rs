//! kubeadm's configuration files as texts, in the API version that fits the kubeadm at hand.
use std::net::IpAddr;

use serde::Serialize;

use super::{
    ApiVersion, BootstrapToken, CertificateKey, ClusterSpec, JoinSpec, NodeSpec, Phases, SkewError,
    UnsupportedVersion, Version, check_skew,
    cluster_document::ClusterConfiguration,
    config_api::{ConfigApi, V1beta2, V1beta3, V1beta4},
    documents::{ComponentDocument, InitConfiguration, JoinConfiguration, UploadCerts},
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
    let node = &with_phases_of(Phases::Init, kubeadm, node);
    let first = (Writer::for_api(api).init)(node, token)?;
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
    let mut documents = vec![
        (Writer::for_api(api).cluster)(cluster)?,
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
    let node = &with_phases_of(Phases::Join, kubeadm, join.node);
    let join = JoinSpec { node, ..*join };
    let text = (Writer::for_api(api).join)(&join)?;
    let mut secrets = vec![join.token.text().clone(), join.token.secret()];
    secrets.extend(join.control_plane.map(|key| key.text().clone()));
    Ok(ConfigFile {
        text: Secret::new(text),
        flags: flags(api, kubeadm, join.node)?,
        secrets,
    })
}

/// The file of `kubeadm init phase upload-certs` on the master with this advertised address: kubeadm 1.37 talks to
/// that address instead of the endpoint. The version is in it because kubeadm would otherwise ask the
/// internet for the newest one.
pub fn render_upload_certs(
    kubeadm: &Version,
    kubernetes: &Version,
    key: &CertificateKey,
    advertise_address: IpAddr,
) -> Result<ConfigFile, RenderError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct OnlyVersion {
        api_version: &'static str,
        kind: &'static str,
        kubernetes_version: String,
    }
    let api = ApiVersion::for_kubeadm(kubeadm).map_err(RenderError::Unsupported)?;
    let api_version = Writer::for_api(api).api_version;
    let init = document(&UploadCerts::new(api_version, key, advertise_address))?;
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

/// What writes the documents of one API version.
struct Writer {
    api_version: &'static str,
    init: fn(&NodeSpec, &BootstrapToken) -> Result<String, RenderError>,
    cluster: fn(&ClusterSpec) -> Result<String, RenderError>,
    join: fn(&JoinSpec<'_>) -> Result<String, RenderError>,
}

impl Writer {
    fn for_api(api: ApiVersion) -> Self {
        match api {
            ApiVersion::V1beta2 => Self::of::<V1beta2>(),
            ApiVersion::V1beta3 => Self::of::<V1beta3>(),
            ApiVersion::V1beta4 => Self::of::<V1beta4>(),
        }
    }

    fn of<V: ConfigApi>() -> Self {
        Self {
            api_version: V::API_VERSION,
            init: |node, token| document(&InitConfiguration::new::<V>(node, token)),
            cluster: |cluster| document(&ClusterConfiguration::new::<V>(cluster)),
            join: |join| document(&JoinConfiguration::new::<V>(join)),
        }
    }
}

fn document(value: &impl Serialize) -> Result<String, RenderError> {
    serde_saphyr::to_string(value).map_err(|error| RenderError::Yaml(error.to_string()))
}

/// Masters of one cluster have the same `skip_phases`, and each command refuses the other's phases.
fn with_phases_of(command: Phases, kubeadm: &Version, node: &NodeSpec) -> NodeSpec {
    NodeSpec {
        skip_phases: command.skipped(&node.skip_phases, kubeadm.minor()),
        ..node.clone()
    }
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

#[cfg(test)]
mod tests;
