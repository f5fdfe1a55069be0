//! Everything the provider offers, by full type name.
use std::{collections::BTreeMap, sync::Arc};

use super::{
    dynamic_value::{self, DecodeError},
    tfplugin5 as pb,
};
use crate::tf_provider::{
    DataSource, Diagnostic, EphemeralResource, Function, Provider, Resource, Type, Value,
};

/// The provider and what it offers, by full type name.
pub(super) struct Catalog {
    pub(super) provider: Arc<dyn Provider>,
    pub(super) resources: BTreeMap<String, Arc<dyn Resource>>,
    pub(super) data_sources: BTreeMap<String, Arc<dyn DataSource>>,
    pub(super) ephemeral_resources: BTreeMap<String, Arc<dyn EphemeralResource>>,
    pub(super) functions: BTreeMap<String, Arc<dyn Function>>,
}

impl Catalog {
    pub(super) fn new(provider: Arc<dyn Provider>) -> Self {
        Self {
            resources: by_name(provider.resources(), <dyn Resource>::type_name),
            data_sources: by_name(provider.data_sources(), <dyn DataSource>::type_name),
            ephemeral_resources: by_name(provider.ephemeral_resources(), <dyn EphemeralResource>::type_name),
            functions: by_name(provider.functions(), <dyn Function>::name),
            provider,
        }
    }
}

fn by_name<T: ?Sized>(all: Vec<Arc<T>>, name: impl Fn(&T) -> &'static str) -> BTreeMap<String, Arc<T>> {
    all.into_iter()
        .map(|item| (name(&item).to_owned(), item))
        .collect()
}

/// Looks a type name up; the error is for the user.
pub(super) fn find<T: ?Sized>(all: &BTreeMap<String, Arc<T>>, name: &str) -> Result<Arc<T>, Diagnostic> {
    all.get(name).cloned().ok_or_else(|| {
        Diagnostic::error(
            "Unknown type",
            format!("This provider has no {name:?}; is its version the right one?"),
        )
    })
}

/// Reads a value of a request; the error is for the user.
pub(super) fn decode(value: Option<&pb::DynamicValue>, ty: &Type) -> Result<Value, Diagnostic> {
    dynamic_value::decode(value, ty).map_err(|error| unreadable(&error))
}

/// As [`decode`], with null for "does not exist".
pub(super) fn decode_existing(
    value: Option<&pb::DynamicValue>,
    ty: &Type,
) -> Result<Option<Value>, Diagnostic> {
    Ok(Some(decode(value, ty)?).filter(|value| !value.is_null()))
}

pub(super) fn unreadable(error: &DecodeError) -> Diagnostic {
    let cause = std::error::Error::source(error)
        .map(|cause| format!(": {cause}"))
        .unwrap_or_default();
    Diagnostic::error(
        "Unreadable value",
        format!("Terraform sent a value that cannot be read: {error}{cause}."),
    )
}
