//! The whole layer as Terraform sees it: a client over a real Unix socket and mutual TLS drives every call.
mod client;
mod provider;
pub(crate) mod terraform;

mod lifecycle_calls;
mod other_calls;
mod process;
mod resource_calls;
