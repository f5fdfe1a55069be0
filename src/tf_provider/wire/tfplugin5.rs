//! The code generated from `proto/`, in one place.
#![allow(
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::allow_attributes_without_reason,
    dead_code,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    elided_lifetimes_in_paths,
    reason = "generated; the outer messages exist only to hold others"
)]
tonic::include_proto!("tfplugin5");

/// The process around the protocol: shutdown and output.
pub mod plugin {
    tonic::include_proto!("plugin");
}
