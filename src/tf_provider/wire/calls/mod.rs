//! The work of each call: request to framework, framework to response.
//!
//! Every function takes the request and gives the response without its diagnostics, which the context collects; an
//! `Err` is an error after which there is no response.
pub(super) mod data_source;
pub(super) mod ephemeral;
pub(super) mod function;
pub(super) mod provider;
pub(super) mod resource;
