//! The Terraform plugin protocol, version 5: a small framework for providers.
//!
//! A provider implements [`Provider`] and [`Resource`] with the words below; [`serve`] does the rest:
//!
//! ```text
//! let settings = Settings::from_env("ha");
//! hclog::init(&settings);
//! serve(provider, settings).await
//! ```
//!
//! **Invariant:** no word of Kubernetes or SSH; nothing of this crate is imported from outside this folder.
//! **Invariant:** only `wire` names tonic, prost or rustls.
mod number;
mod path;
mod types;
mod value;

mod context;
mod diagnostic;
mod schema;
mod secrets;

mod apply;
mod compare;
mod conform;
mod known;
mod plan;
mod serde_bridge;
#[cfg(test)]
mod testing;
mod validate;

mod data_source;
mod ephemeral;
mod function;
mod provider;
mod resource;

mod settings;
mod wire;

pub use context::Context;
pub use data_source::DataSource;
pub use diagnostic::{Diagnostic, Severity};
pub use ephemeral::{EphemeralResource, Opened};
pub use function::{Function, FunctionError, Parameter};
pub use number::{Number, NumberError};
pub use path::{Path, Step};
pub use provider::Provider;
pub use resource::{PlanRequest, Resource};
pub use schema::{Attribute, Block, NestedBlock, Nesting, Presence, Schema, Validator};
pub use serde_bridge::ValueError;
pub use settings::Settings;
pub use types::Type;
pub use value::{Refinements, Value};
#[cfg(test)]
pub(crate) use wire::tests::terraform::{Terraform, Told};
pub use wire::{
    hclog,
    serve::{ServeError, serve},
};
