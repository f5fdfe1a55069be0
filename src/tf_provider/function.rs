//! The trait of a provider function (Terraform 1.8 and later): pure and offline.
use super::{Type, Value};

/// A parameter of a [`Function`].
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name in the documentation.
    pub name: &'static str,
    /// Its type.
    pub ty: Type,
    /// Markdown.
    pub description: &'static str,
}

/// Why a [`Function`] has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct FunctionError {
    /// A sentence for the user.
    pub text: String,
    /// The argument at fault, from 0.
    pub argument: Option<usize>,
}

/// `provider::ha::name(…)` in configurations. Arguments are never null or unknown: Terraform does not call it then.
pub trait Function: Send + Sync + 'static {
    /// Its name.
    fn name(&self) -> &'static str;

    /// One line.
    fn summary(&self) -> &'static str;

    /// Markdown.
    fn description(&self) -> &'static str;

    /// Its parameters.
    fn parameters(&self) -> Vec<Parameter>;

    /// The type of any further arguments.
    fn variadic_parameter(&self) -> Option<Parameter> {
        None
    }

    /// The type of its result.
    fn return_type(&self) -> Type;

    /// Its result.
    fn call(&self, arguments: &[Value]) -> Result<Value, FunctionError>;
}
