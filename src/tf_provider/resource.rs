//! The trait of a managed resource: each method says when Terraform calls it and what must come back.
use async_trait::async_trait;

use super::{Context, Diagnostic, Schema, Value};

/// What `plan` may look at.
#[derive(Clone, Copy, Debug)]
pub struct PlanRequest<'a> {
    /// The state as it is; `None` when the resource is to be created.
    pub prior: Option<&'a Value>,
    /// The configuration, with write-only values.
    pub config: &'a Value,
    /// What the last create, update or read stored beside the state, which stays as it is unless they change it. Where
    /// nothing is stored yet, it is random, and the same in both plans of a replacement: it tells instances apart.
    pub private: &'a [u8],
}

/// A kind of thing Terraform can make, change and remove.
///
/// Errors go into the context, as many as there are. Methods may return sparse objects: the framework fills what
/// is missing with null and takes write-only values out. A panic becomes an error and the prior state stays.
#[async_trait]
pub trait Resource: Send + Sync + 'static {
    /// The full name in configurations, `ha_master`.
    fn type_name(&self) -> &'static str;

    /// Its schema; the same at each call.
    fn schema(&self) -> Schema;

    /// At `terraform validate` and before each plan, without a configured provider: checks that concern several
    /// attributes. The framework has already run the validators of the schema. Unknown values are no errors.
    async fn validate(&self, _cx: &Context, _config: &Value) {}

    /// At plan, twice (the second time at apply, with more known). `planned` holds configuration, defaults and
    /// computed values: unknown on create, prior on update. May set computed attributes to what is known already,
    /// or to unknown if an update will change them. Non-null configuration values must stay as they are.
    async fn plan(&self, _cx: &Context, _request: PlanRequest<'_>, _planned: &mut Value) {}

    /// At the plan of a removal: may warn or refuse.
    async fn plan_destroy(&self, _cx: &Context, _prior: &Value) {}

    /// At refresh: the state as it really is; `None` if the thing is gone (not: cannot be reached). With an
    /// error Terraform keeps the prior state.
    async fn read(&self, cx: &Context, state: Value, private: &mut Vec<u8>) -> Option<Value>;

    /// At apply: makes the thing. `planned` values come back exactly, unknown ones known. `None` with an error:
    /// nothing is recorded; a value with an error: recorded as tainted, what is still unknown as null.
    async fn create(
        &self,
        cx: &Context,
        config: &Value,
        planned: Value,
        private: &mut Vec<u8>,
    ) -> Option<Value>;

    /// At apply: changes the thing. With an error, returns what was really reached.
    async fn update(
        &self,
        cx: &Context,
        prior: &Value,
        config: &Value,
        planned: Value,
        private: &mut Vec<u8>,
    ) -> Value;

    /// At apply: removes the thing, from whatever half-made condition; that it is gone already is success.
    /// `None`: gone; `Some` with an error: what is left.
    async fn delete(&self, cx: &Context, prior: &Value, private: &mut Vec<u8>) -> Option<Value>;

    /// At `terraform import`: as much state as the id tells; a read follows.
    async fn import(&self, cx: &Context, id: &str) -> Option<Value> {
        cx.add(Diagnostic::error(
            "Import not supported",
            format!(
                "{} {id:?} cannot be imported: this resource has no import.",
                self.type_name()
            ),
        ));
        None
    }

    /// Before anything else, for a state of an older schema version: the state in today's form. What JSON holds
    /// comes untyped. `None` with an error if that is impossible.
    async fn upgrade(&self, cx: &Context, version: i64, _state: Value) -> Option<Value> {
        cx.add(Diagnostic::error(
            "State upgrade not supported",
            format!(
                "A state of {} in schema version {version} cannot be upgraded.",
                self.type_name()
            ),
        ));
        None
    }
}
