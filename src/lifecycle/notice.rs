//! What an operation that ended well has to tell.

/// Something that people are told beside the result: a warning in Terraform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    /// Without values.
    pub summary: &'static str,
    /// What was seen or left, and what to do about it.
    pub detail: String,
}
