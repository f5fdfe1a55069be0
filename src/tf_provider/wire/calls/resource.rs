//! Calls about managed resources.
use std::{cmp::Ordering, sync::Arc};

use super::super::{
    catalog::{Catalog, decode, decode_existing, find, unreadable},
    dynamic_value::{decode_json, encode},
    tfplugin5 as pb, to_proto,
};
use crate::tf_provider::{
    Context, Diagnostic, PlanRequest, Value,
    apply::{self, Change, settle},
    path::Path,
    plan,
    validate::check_block,
};

pub(in super::super) async fn validate(
    catalog: Arc<Catalog>,
    cx: Context,
    request: pb::validate_resource_type_config::Request,
) -> Result<(), Diagnostic> {
    let resource = find(&catalog.resources, &request.type_name)?;
    let schema = resource.schema();
    let config = decode(request.config.as_ref(), &schema.value_type())?;
    check_block(&cx, &schema.block, &config, &Path::root());
    resource.validate(&cx, &config).await;
    Ok(())
}

pub(in super::super) async fn upgrade(
    catalog: Arc<Catalog>,
    cx: Context,
    request: pb::upgrade_resource_state::Request,
) -> Result<Option<pb::DynamicValue>, Diagnostic> {
    let resource = find(&catalog.resources, &request.type_name)?;
    let (schema, name) = (resource.schema(), &request.type_name);
    let ty = schema.value_type();
    let json = request
        .raw_state
        .map(|raw| raw.json)
        .filter(|json| !json.is_empty());
    let json = json.ok_or_else(|| {
        Diagnostic::error(
            "Unreadable state",
            format!("The state of {name} is of a Terraform older than 0.12."),
        )
    })?;
    let state = match request.version.cmp(&schema.version) {
        Ordering::Equal => {
            let mut state = decode_json(&json, Some(&ty)).map_err(|error| unreadable(&error))?;
            // An attribute that came with a newer provider has its default, or the upgrade alone would make a diff.
            schema.block.conform(&mut state, &|attribute| {
                attribute.default.clone().unwrap_or_default()
            });
            state
        }
        Ordering::Less => {
            let old = decode_json(&json, None).map_err(|error| unreadable(&error))?;
            resource
                .upgrade(&cx, request.version, old)
                .await
                .unwrap_or_default()
        }
        Ordering::Greater => {
            let detail =
                format!("A newer version of this provider wrote the state of {name}. Use that version.");
            return Err(Diagnostic::error("State of a newer provider", detail));
        }
    };
    if cx.has_errors() {
        return Ok(None);
    }
    if state.is_null() {
        return Err(Diagnostic::bug(format!(
            "The upgrade of {name} gave neither a state nor an error."
        )));
    }
    Ok(Some(encode(&settle(&cx, &schema, state, None), &ty)))
}

pub(in super::super) async fn read(
    catalog: Arc<Catalog>,
    cx: Context,
    request: pb::read_resource::Request,
) -> Result<pb::read_resource::Response, Diagnostic> {
    let resource = find(&catalog.resources, &request.type_name)?;
    let schema = resource.schema();
    let ty = schema.value_type();
    let state = decode(request.current_state.as_ref(), &ty)?;
    let mut private = request.private;
    let state = resource.read(&cx, state, &mut private).await.unwrap_or_default();
    let state = settle(&cx, &schema, state, None);
    Ok(pb::read_resource::Response {
        new_state: Some(encode(&state, &ty)),
        private,
        ..Default::default()
    })
}

pub(in super::super) async fn plan(
    catalog: Arc<Catalog>,
    cx: Context,
    request: pb::plan_resource_change::Request,
) -> Result<pb::plan_resource_change::Response, Diagnostic> {
    let resource = find(&catalog.resources, &request.type_name)?;
    let ty = resource.schema().value_type();
    let prior = decode_existing(request.prior_state.as_ref(), &ty)?;
    let private = if request.prior_private.is_empty() {
        new_instance()
    } else {
        request.prior_private
    };
    let Some(proposed) = decode_existing(request.proposed_new_state.as_ref(), &ty)? else {
        if let Some(prior) = prior {
            resource.plan_destroy(&cx, &prior).await;
        }
        return Ok(pb::plan_resource_change::Response {
            planned_state: Some(encode(&Value::Null, &ty)),
            planned_private: private,
            ..Default::default()
        });
    };
    let config = decode(request.config.as_ref(), &ty)?;
    let asked = PlanRequest {
        prior: prior.as_ref(),
        config: &config,
        private: &private,
    };
    let planned = plan::plan(&cx, &*resource, asked, proposed).await;
    Ok(pb::plan_resource_change::Response {
        planned_state: Some(encode(&planned.state, &ty)),
        requires_replace: planned.requires_replace.iter().map(to_proto::path).collect(),
        planned_private: private,
        ..Default::default()
    })
}

/// A name for a resource's instance that has none yet: no call says which one it is about, but Terraform brings back
/// what is stored beside the state, also from the first plan of a replacement to the second.
fn new_instance() -> Vec<u8> {
    let mut name = [0; 16];
    match rustix::rand::getrandom(&mut name, rustix::rand::GetRandomFlags::empty()) {
        Ok(_) => name
            .iter()
            .flat_map(|byte| format!("{byte:02x}").into_bytes())
            .collect(),
        Err(_) => Vec::new(),
    }
}

pub(in super::super) async fn apply(
    catalog: Arc<Catalog>,
    cx: Context,
    request: pb::apply_resource_change::Request,
) -> Result<pb::apply_resource_change::Response, Diagnostic> {
    let resource = find(&catalog.resources, &request.type_name)?;
    let ty = resource.schema().value_type();
    let change = Change {
        prior: decode_existing(request.prior_state.as_ref(), &ty)?,
        planned: decode_existing(request.planned_state.as_ref(), &ty)?,
        config: decode(request.config.as_ref(), &ty)?,
    };
    let mut private = request.planned_private;
    let state = apply::apply(&cx, &*resource, change, &mut private).await;
    Ok(pb::apply_resource_change::Response {
        new_state: Some(encode(&state, &ty)),
        private,
        ..Default::default()
    })
}

pub(in super::super) async fn import(
    catalog: Arc<Catalog>,
    cx: Context,
    request: pb::import_resource_state::Request,
) -> Result<Vec<pb::import_resource_state::ImportedResource>, Diagnostic> {
    let resource = find(&catalog.resources, &request.type_name)?;
    let schema = resource.schema();
    let state = resource.import(&cx, &request.id).await;
    if cx.has_errors() {
        return Ok(Vec::new());
    }
    let state = state.ok_or_else(|| Diagnostic::bug("The import gave neither a state nor an error."))?;
    let state = settle(&cx, &schema, state, None);
    Ok(vec![pb::import_resource_state::ImportedResource {
        type_name: request.type_name,
        state: Some(encode(&state, &schema.value_type())),
        ..Default::default()
    }])
}
