//! Calls about ephemeral resources.
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
    request: pb::validate_ephemeral_resource_config::Request,
) -> Result<(), Diagnostic> {
    let resource = find(&catalog.ephemeral_resources, &request.type_name)?;
    let schema = resource.schema();
    let config = decode(request.config.as_ref(), &schema.value_type())?;
    check_block(&cx, &schema.block, &config, &Path::root());
    resource.validate(&cx, &config).await;
    Ok(())
}

pub(in super::super) async fn open(
    catalog: Arc<Catalog>,
    cx: Context,
    request: pb::open_ephemeral_resource::Request,
) -> Result<pb::open_ephemeral_resource::Response, Diagnostic> {
    let resource = find(&catalog.ephemeral_resources, &request.type_name)?;
    let schema = resource.schema();
    let ty = schema.value_type();
    let config = schema.with_defaults(decode(request.config.as_ref(), &ty)?);
    check_block(&cx, &schema.block, &config, &Path::root());
    if cx.has_errors() {
        return Ok(pb::open_ephemeral_resource::Response::default());
    }
    let Some(opened) = resource.open(&cx, &config).await else {
        if !cx.has_errors() {
            return Err(Diagnostic::bug(
                "The ephemeral resource gave neither a value nor an error.",
            ));
        }
        return Ok(pb::open_ephemeral_resource::Response::default());
    };
    Ok(pb::open_ephemeral_resource::Response {
        result: Some(encode(&settle(&cx, &schema, opened.result, None), &ty)),
        renew_at: opened.renew_at.map(Into::into),
        private: Some(opened.private),
        ..Default::default()
    })
}

pub(in super::super) async fn renew(
    catalog: Arc<Catalog>,
    cx: Context,
    request: pb::renew_ephemeral_resource::Request,
) -> Result<pb::renew_ephemeral_resource::Response, Diagnostic> {
    let resource = find(&catalog.ephemeral_resources, &request.type_name)?;
    let mut private = request.private.unwrap_or_default();
    let renew_at = resource.renew(&cx, &mut private).await.map(Into::into);
    Ok(pb::renew_ephemeral_resource::Response {
        renew_at,
        private: Some(private),
        ..Default::default()
    })
}

pub(in super::super) async fn close(
    catalog: Arc<Catalog>,
    cx: Context,
    request: pb::close_ephemeral_resource::Request,
) -> Result<(), Diagnostic> {
    let resource = find(&catalog.ephemeral_resources, &request.type_name)?;
    resource.close(&cx, &request.private.unwrap_or_default()).await;
    Ok(())
}
