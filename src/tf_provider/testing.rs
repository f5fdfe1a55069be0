//! A resource that gives the answers a unit test wants.
use async_trait::async_trait;

use super::{Block, Context, Diagnostic, Resource, Schema, Value};

pub(super) struct Stub {
    block: Block,
    answer: Option<Value>,
    error: Option<&'static str>,
}

impl Stub {
    pub(super) fn new(block: Block) -> Self {
        Self {
            block,
            answer: None,
            error: None,
        }
    }

    pub(super) fn answers(self, answer: Value) -> Self {
        Self {
            answer: Some(answer),
            ..self
        }
    }

    pub(super) fn fails(self, error: &'static str) -> Self {
        Self {
            error: Some(error),
            ..self
        }
    }

    fn answer(&self, cx: &Context) -> Option<Value> {
        if let Some(error) = self.error {
            cx.add(Diagnostic::error("Failed", error));
        }
        self.answer.clone()
    }
}

#[async_trait]
impl Resource for Stub {
    fn type_name(&self) -> &'static str {
        "test_stub"
    }

    fn schema(&self) -> Schema {
        Schema::new(self.block.clone())
    }

    async fn read(&self, cx: &Context, _: Value, _: &mut Vec<u8>) -> Option<Value> {
        self.answer(cx)
    }

    async fn create(&self, cx: &Context, _: &Value, _: Value, _: &mut Vec<u8>) -> Option<Value> {
        self.answer(cx)
    }

    async fn update(&self, cx: &Context, _: &Value, _: &Value, _: Value, _: &mut Vec<u8>) -> Value {
        self.answer(cx).unwrap_or_default()
    }

    async fn delete(&self, cx: &Context, _: &Value, _: &mut Vec<u8>) -> Option<Value> {
        self.answer(cx)
    }
}
