//! Calls about data sources.
use std::sync::Arc;

use super::super::{
    catalog::{Catalog, decode, find},
    dynamic_value::encode,
    tfplugin5 as pb,
};
use crate::tf_provider::{Context, Diagnostic, apply::settle, path::Path, validate::check_block};

pub(in super::super) async fn validate(
    catalog: Arc<Catalog>,
    cx: Context,
    request: pb::validate_data_source_config::Request,
) -> Result<(), Diagnostic> {
    let source = find(&catalog.data_sources, &request.type_name)?;
    let schema = source.schema();
    let config = decode(request.config.as_ref(), &schema.value_type())?;
    check_block(&cx, &schema.block, &config, &Path::root());
    source.validate(&cx, &config).await;
    Ok(())
}

pub(in super::super) async fn read(
    catalog: Arc<Catalog>,
    cx: Context,
    request: pb::read_data_source::Request,
) -> Result<Option<pb::DynamicValue>, Diagnostic> {
    let source = find(&catalog.data_sources, &request.type_name)?;
    let schema = source.schema();
    let ty = schema.value_type();
    let config = schema.with_defaults(decode(request.config.as_ref(), &ty)?);
    check_block(&cx, &schema.block, &config, &Path::root());
    if cx.has_errors() {
        return Ok(None);
    }
    let state = source.read(&cx, &config).await;
    if state.is_none() && !cx.has_errors() {
        return Err(Diagnostic::bug(
            "The data source gave neither a value nor an error.",
        ));
    }
    Ok(state.map(|state| encode(&settle(&cx, &schema, state, None), &ty)))
}
