//! keepalived, which moves the floating IP: its configuration and its static pod, as text.
//!
//! **Invariant:** pure; what a host has to do with the text is for the caller.
mod config;
mod election;
mod read_back;
mod static_pod;

pub use config::{KeepalivedSpec, render_config};
pub use election::{priorities, virtual_router_id};
pub use read_back::{FoundKeepalived, read_config};
pub use static_pod::render_static_pod;

use crate::node::reload::Reader;

/// The configuration file on the host.
pub const CONFIG_PATH: &str = "/etc/kubernetes/keepalived/keepalived.conf";
/// The directory of [`CONFIG_PATH`]. The pod mounts all of it, so that a replaced file is seen inside.
pub const CONFIG_DIRECTORY: &str = "/etc/kubernetes/keepalived";
/// How a running keepalived takes a new [`CONFIG_PATH`]; the floating IP stays where it is.
pub const RELOADED: Reader = Reader {
    program: "keepalived",
    file: CONFIG_PATH,
    inside: "/etc/keepalived/keepalived.conf",
    signal: "HUP",
};
/// The static pod's manifest on the host.
pub const MANIFEST_PATH: &str = "/etc/kubernetes/manifests/keepalived.yaml";
/// The mode of [`CONFIG_PATH`]. keepalived refuses an executable one.
pub const CONFIG_MODE: &str = "0644";
/// The mode of [`MANIFEST_PATH`].
pub const MANIFEST_MODE: &str = "0600";
