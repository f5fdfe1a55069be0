//! The protocol on the wire: handshake, mutual TLS, gRPC, msgpack, logs.
//!
//! **Invariant:** the only place that names tonic, prost or rustls.
mod calls;
mod catalog;
mod dynamic_value;
mod runner;
mod server;
mod tfplugin5;
mod to_proto;
