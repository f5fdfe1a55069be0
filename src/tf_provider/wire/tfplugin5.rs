//! The code generated from `proto/`, in one place.
#![allow(
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::allow_attributes_without_reason,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    elided_lifetimes_in_paths,
    reason = "generated"
)]
tonic::include_proto!("tfplugin5");

/// The process around the protocol: shutdown and output.
pub mod plugin {
    tonic::include_proto!("plugin");
}
