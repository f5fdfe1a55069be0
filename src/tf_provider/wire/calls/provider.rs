//! Calls about the provider itself.
use std::{collections::HashMap, sync::Arc};

use super::super::{
    catalog::{Catalog, decode},
    tfplugin5::{self as pb, get_metadata as metadata},
    to_proto,
};
use crate::tf_provider::{Context, Diagnostic, Schema, path::Path, validate::check_block};

fn capabilities() -> pb::ServerCapabilities {
    pb::ServerCapabilities {
        plan_destroy: true,
        get_provider_schema_optional: true,
        ..Default::default()
    }
}

pub(in super::super) fn metadata(catalog: &Catalog) -> metadata::Response {
    let owned = String::clone;
    let resources = catalog.resources.keys().map(owned);
    let data_sources = catalog.data_sources.keys().map(owned);
    let ephemeral_resources = catalog.ephemeral_resources.keys().map(owned);
    let functions = catalog.functions.keys().map(owned);
    metadata::Response {
        server_capabilities: Some(capabilities()),
        resources: resources
            .map(|type_name| metadata::ResourceMetadata { type_name })
            .collect(),
        data_sources: data_sources
            .map(|type_name| metadata::DataSourceMetadata { type_name })
            .collect(),
        ephemeral_resources: ephemeral_resources
            .map(|type_name| metadata::EphemeralMetadata { type_name })
            .collect(),
        functions: functions
            .map(|name| metadata::FunctionMetadata { name })
            .collect(),
        ..Default::default()
    }
}

pub(in super::super) async fn schema(
    catalog: Arc<Catalog>,
    _: Context,
    _: pb::get_provider_schema::Request,
) -> Result<pb::get_provider_schema::Response, Diagnostic> {
    let entry = |name: &String, schema: &Schema| (name.clone(), to_proto::schema(schema));
    let resources = catalog.resources.iter();
    let data_sources = catalog.data_sources.iter();
    let ephemeral_resources = catalog.ephemeral_resources.iter();
    Ok(pb::get_provider_schema::Response {
        provider: Some(to_proto::provider_schema(&catalog.provider.schema())),
        server_capabilities: Some(capabilities()),
        resource_schemas: resources
            .map(|(name, item)| entry(name, &item.schema()))
            .collect(),
        data_source_schemas: data_sources
            .map(|(name, item)| entry(name, &item.schema()))
            .collect(),
        ephemeral_resource_schemas: ephemeral_resources
            .map(|(name, item)| entry(name, &item.schema()))
            .collect(),
        functions: functions(&catalog),
        ..Default::default()
    })
}

pub(in super::super) fn functions(catalog: &Catalog) -> HashMap<String, pb::Function> {
    catalog
        .functions
        .iter()
        .map(|(name, item)| (name.clone(), to_proto::function(&**item)))
        .collect()
}

pub(in super::super) async fn validate(
    catalog: Arc<Catalog>,
    cx: Context,
    config: Option<pb::DynamicValue>,
) -> Result<(), Diagnostic> {
    let schema = catalog.provider.schema();
    let config = decode(config.as_ref(), &schema.value_type())?;
    check_block(&cx, &schema.block, &config, &Path::root());
    catalog.provider.validate(&cx, &config).await;
    Ok(())
}

pub(in super::super) async fn configure(
    catalog: Arc<Catalog>,
    cx: Context,
    request: pb::configure::Request,
) -> Result<(), Diagnostic> {
    let schema = catalog.provider.schema();
    let config = decode(request.config.as_ref(), &schema.value_type())?;
    // Again, as values that were unknown at validation may be known by now.
    check_block(&cx, &schema.block, &config, &Path::root());
    if !cx.has_errors() {
        catalog
            .provider
            .configure(&cx, &schema.with_defaults(config))
            .await;
    }
    Ok(())
}
