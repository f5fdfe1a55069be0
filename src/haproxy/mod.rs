//! HAProxy in front of the API servers: its configuration and its static pod, as text.
//!
//! **Invariant:** pure; what a host has to do with the text is for the caller.
mod config;
mod read_back;
mod static_pod;

pub use config::{HaproxySpec, render_config};
pub use read_back::{FoundHaproxy, read_config};
pub use static_pod::render_static_pod;

use crate::node::reload::Reader;

/// The configuration file on the host.
pub const CONFIG_PATH: &str = "/etc/kubernetes/haproxy/haproxy.cfg";
/// The directory of [`CONFIG_PATH`]. The pod mounts all of it, so that a replaced file is seen inside.
pub const CONFIG_DIRECTORY: &str = "/etc/kubernetes/haproxy";
/// How a running HAProxy takes a new [`CONFIG_PATH`]: its first process starts new workers, and the old ones end when
/// their connections do.
pub const RELOADED: Reader = Reader {
    program: "haproxy",
    file: CONFIG_PATH,
    inside: "/usr/local/etc/haproxy/haproxy.cfg",
    signal: "USR2",
};
/// The static pod's manifest on the host.
pub const MANIFEST_PATH: &str = "/etc/kubernetes/manifests/haproxy.yaml";
/// The mode of [`CONFIG_PATH`]: the image's own user (99 in the official one) must be able to read it.
pub const CONFIG_MODE: &str = "0644";
/// The mode of [`MANIFEST_PATH`].
pub const MANIFEST_MODE: &str = "0600";
