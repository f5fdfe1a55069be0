//! keepalived, which moves the floating IP: its configuration and its static pod, as text.
//!
//! **Invariant:** pure; what a host has to do with the text is for the caller.
mod config;
mod election;
mod static_pod;

pub use config::{KeepalivedSpec, render_config};
pub use election::{priorities, virtual_router_id};
pub use static_pod::render_static_pod;

/// The configuration file on the host.
pub const CONFIG_PATH: &str = "/etc/kubernetes/keepalived/keepalived.conf";
/// The directory of [`CONFIG_PATH`]. The pod mounts all of it, so that a replaced file is seen inside.
pub const CONFIG_DIRECTORY: &str = "/etc/kubernetes/keepalived";
/// The static pod's manifest on the host.
pub const MANIFEST_PATH: &str = "/etc/kubernetes/manifests/keepalived.yaml";
/// The mode of [`CONFIG_PATH`]. keepalived refuses an executable one.
pub const CONFIG_MODE: &str = "0644";
/// The mode of [`MANIFEST_PATH`].
pub const MANIFEST_MODE: &str = "0600";

/// A command that checks a configuration file on a host that has `keepalived` installed; status 0 when it is
/// good or when there is no `keepalived` to ask.
pub fn validate_command(path: &str) -> String {
    format!(
        "if command -v keepalived >/dev/null 2>&1; then keepalived -t -f {}; fi",
        crate::command::quote(path)
    )
}
