//! Calls of provider functions.
use std::sync::Arc;

use super::super::{
    catalog::{Catalog, decode, find},
    dynamic_value::encode,
    tfplugin5 as pb,
};
use crate::tf_provider::{Context, Diagnostic, Type};

pub(in super::super) async fn call(
    catalog: Arc<Catalog>,
    _: Context,
    request: pb::call_function::Request,
) -> Result<pb::call_function::Response, Diagnostic> {
    let function = find(&catalog.functions, &request.name)?;
    let (parameters, variadic) = (function.parameters(), function.variadic_parameter());
    let types = parameters
        .iter()
        .chain(variadic.iter().cycle())
        .map(|parameter| &parameter.ty);
    // Too many arguments are Terraform's error to tell; they are read as whatever they are.
    let types = types.chain(std::iter::repeat(&Type::Dynamic));
    let arguments = request
        .arguments
        .iter()
        .zip(types)
        .map(|(argument, ty)| decode(Some(argument), ty));
    let arguments = arguments.collect::<Result<Vec<_>, _>>()?;
    Ok(match function.call(&arguments) {
        Ok(value) => {
            let result = Some(encode(&value, &function.return_type()));
            pb::call_function::Response { result, error: None }
        }
        Err(error) => {
            let function_argument = error.argument.and_then(|index| index.try_into().ok());
            let error = pb::FunctionError {
                text: error.text,
                function_argument,
            };
            pb::call_function::Response {
                result: None,
                error: Some(error),
            }
        }
    })
}
