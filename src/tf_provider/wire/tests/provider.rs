//! A small provider with one of everything, which does what the name of a thing says.
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use tokio::sync::Notify;

use crate::tf_provider::{
    Attribute, Block, Context, DataSource, Diagnostic, EphemeralResource, Function, FunctionError,
    NestedBlock, Opened, Parameter, PlanRequest, Provider, Resource, Schema, Type, Value,
};

/// What the test watches and steers.
#[derive(Default)]
pub(super) struct Signals {
    /// A create of `gated` or `until-stopped` runs.
    pub(super) started: Notify,
    /// Lets a create of `gated` go on.
    pub(super) gate: Notify,
    /// A create of `gated` has ended.
    pub(super) ended: Notify,
    pub(super) shutdowns: AtomicUsize,
}

#[derive(Clone, Default)]
pub(super) struct TestProvider(pub(super) Arc<Signals>);

#[async_trait]
impl Provider for TestProvider {
    fn name(&self) -> &'static str {
        "test"
    }

    fn schema(&self) -> Schema {
        let region = Attribute::optional("region", Type::String)
            .default("here")
            .validate(no_space);
        Schema::new(Block::new("The test provider.", vec![region.describe("Where.")]))
    }

    async fn configure(&self, cx: &Context, config: &Value) {
        if config.get("region").as_str() == Some("here") && &*cx.terraform_version == "1.11.4" {
            cx.add(Diagnostic::warning("Configured", "With the default region."));
        }
    }

    fn resources(&self) -> Vec<Arc<dyn Resource>> {
        vec![Arc::new(Thing(self.0.clone()))]
    }

    fn ephemeral_resources(&self) -> Vec<Arc<dyn EphemeralResource>> {
        vec![Arc::new(Lease)]
    }

    fn data_sources(&self) -> Vec<Arc<dyn DataSource>> {
        vec![Arc::new(Fact)]
    }

    fn functions(&self) -> Vec<Arc<dyn Function>> {
        vec![Arc::new(Double)]
    }

    async fn shutdown(&self) {
        self.0.shutdowns.fetch_add(1, Ordering::Relaxed);
    }
}

fn no_space(value: &Value) -> Result<(), String> {
    match value.as_str() {
        Some(text) if text.contains(' ') => Err(format!("{text:?} has a space in it.")),
        _ => Ok(()),
    }
}

struct Thing(Arc<Signals>);

#[async_trait]
impl Resource for Thing {
    fn type_name(&self) -> &'static str {
        "test_thing"
    }

    fn schema(&self) -> Schema {
        let port = Attribute::optional("port", Type::Number)
            .default(22)
            .describe("The port (default: `22`).");
        let attributes = vec![
            Attribute::required("name", Type::String)
                .requires_replace()
                .validate(no_space)
                .describe("What it does."),
            Attribute::optional("size", Type::Number)
                .default(3)
                .describe("How big."),
            Attribute::optional("secret", Type::String)
                .write_only()
                .sensitive()
                .describe("Never stored."),
            Attribute::optional("old", Type::map(Type::String))
                .deprecated("Use `size`.")
                .describe("Unused."),
            Attribute::computed("id", Type::String).describe("What the provider calls it."),
        ];
        let block = Block::new("A thing.", attributes);
        let block = block.nest(NestedBlock::list("ssh", Block::new("SSH.", vec![port])).max(2));
        Schema {
            version: 2,
            block: block.nest(NestedBlock::single("limits", Block::default())),
        }
    }

    async fn validate(&self, cx: &Context, config: &Value) {
        if config.get("name").as_str() == Some("invalid") {
            cx.add(Diagnostic::error("Invalid name", "No thing is called so.").at("name"));
        }
    }

    async fn plan(&self, cx: &Context, request: PlanRequest<'_>, planned: &mut Value) {
        match request.config.get("name").as_str() {
            Some("panic-at-plan") => panic!("no plan"),
            Some("known-id") => planned.set("id", "known at plan"),
            _ => {}
        }
        if request.private == b"warn" {
            cx.add(Diagnostic::warning("Private", "Private state came back."));
        }
    }

    async fn plan_destroy(&self, cx: &Context, prior: &Value) {
        if prior.get("name").as_str() == Some("last") {
            cx.add(Diagnostic::error("Last thing", "It cannot be removed."));
        }
    }

    async fn read(&self, cx: &Context, mut state: Value, private: &mut Vec<u8>) -> Option<Value> {
        match state.get("name").as_str() {
            Some("gone") => return None,
            Some("unreachable") => cx.add(Diagnostic::error("Unreachable", "No answer.")),
            Some("panic") => panic!("while reading"),
            _ => {}
        }
        *private = b"read".to_vec();
        state.set("size", 4);
        Some(state)
    }

    async fn create(
        &self,
        cx: &Context,
        config: &Value,
        planned: Value,
        private: &mut Vec<u8>,
    ) -> Option<Value> {
        let mut state = planned;
        *private = b"created".to_vec();
        match state.get("name").as_str() {
            Some("panic") => panic!("while creating {}", "it"),
            Some("half") => {
                cx.add(Diagnostic::error("Half made", "The rest failed."));
                return Some(state);
            }
            Some("gated") => {
                self.0.started.notify_one();
                self.0.gate.notified().await;
                self.0.ended.notify_one();
            }
            Some("until-stopped") => {
                self.0.started.notify_one();
                cx.cancel.cancelled().await;
                cx.add(Diagnostic::error("Stopped", "Between two steps."));
            }
            _ => {}
        }
        state.set(
            "id",
            format!("knows {}", config.get("secret").as_str().unwrap_or("nothing")),
        );
        Some(state)
    }

    async fn update(
        &self,
        _: &Context,
        _: &Value,
        _: &Value,
        planned: Value,
        private: &mut Vec<u8>,
    ) -> Value {
        *private = b"updated".to_vec();
        planned
    }

    async fn delete(&self, cx: &Context, prior: &Value, _: &mut Vec<u8>) -> Option<Value> {
        match prior.get("name").as_str() {
            Some("sticky") => {
                cx.add(Diagnostic::error("Still there", "It would not go."));
                Some(prior.clone())
            }
            _ => None,
        }
    }

    async fn import(&self, cx: &Context, id: &str) -> Option<Value> {
        if id.is_empty() {
            cx.add(Diagnostic::error("Invalid id", "An id is a name."));
            return None;
        }
        Some(Value::object([("name", Value::from(id))]))
    }

    async fn upgrade(&self, cx: &Context, version: i64, state: Value) -> Option<Value> {
        if version == 0 {
            cx.add(Diagnostic::error("Too old", "Version 0 is forgotten."));
            return None;
        }
        Some(Value::object([
            ("name", state.get("title").clone()),
            ("size", state.get("size").clone()),
        ]))
    }
}

struct Lease;

#[async_trait]
impl EphemeralResource for Lease {
    fn type_name(&self) -> &'static str {
        "test_lease"
    }

    fn schema(&self) -> Schema {
        let name = Attribute::required("name", Type::String).validate(no_space);
        Schema::new(Block::new(
            "A lease.",
            vec![name, Attribute::computed("token", Type::String)],
        ))
    }

    async fn open(&self, _: &Context, config: &Value) -> Option<Opened> {
        let mut result = config.clone();
        result.set("token", "t");
        Some(Opened {
            result,
            renew_at: Some(std::time::UNIX_EPOCH),
            private: b"1".to_vec(),
        })
    }

    async fn renew(&self, _: &Context, private: &mut Vec<u8>) -> Option<std::time::SystemTime> {
        private.push(b'2');
        None
    }

    async fn close(&self, cx: &Context, private: &[u8]) {
        cx.add(Diagnostic::warning("Closed", String::from_utf8_lossy(private)));
    }
}

struct Fact;

#[async_trait]
impl DataSource for Fact {
    fn type_name(&self) -> &'static str {
        "test_fact"
    }

    fn schema(&self) -> Schema {
        let attributes = vec![
            Attribute::optional("about", Type::String)
                .default("everything")
                .validate(no_space),
            Attribute::computed("answer", Type::Dynamic),
        ];
        Schema::new(Block::new("A fact.", attributes))
    }

    async fn read(&self, _: &Context, config: &Value) -> Option<Value> {
        let mut state = config.clone();
        state.set(
            "answer",
            Value::from(vec![
                Value::from(42),
                "0.1".parse::<crate::tf_provider::Number>().ok().into(),
            ]),
        );
        Some(state)
    }
}

struct Double;

impl Function for Double {
    fn name(&self) -> &'static str {
        "double"
    }

    fn summary(&self) -> &'static str {
        "Twice a number."
    }

    fn description(&self) -> &'static str {
        "Gives twice a whole number."
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter {
            name: "number",
            ty: Type::Number,
            description: "Any whole number.",
        }]
    }

    fn return_type(&self) -> Type {
        Type::Number
    }

    fn call(&self, arguments: &[Value]) -> Result<Value, FunctionError> {
        let number = arguments[0].as_i64();
        assert_ne!(number, Some(13), "unlucky");
        let error = || FunctionError {
            text: "Not a whole number.".into(),
            argument: Some(0),
        };
        number.map(|number| (2 * number).into()).ok_or_else(error)
    }
}
