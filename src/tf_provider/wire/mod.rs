//! The protocol on the wire: handshake, mutual TLS, gRPC, msgpack, logs.
//!
//! **Invariant:** the only place that names tonic, prost or rustls.
pub mod hclog;
pub(super) mod serve;

mod lifetime;
mod mtls;
mod socket;

mod controller;
mod server;

mod calls;
mod catalog;
mod runner;

mod dynamic_value;
mod tfplugin5;
mod to_proto;

#[cfg(test)]
pub(super) mod tests;
