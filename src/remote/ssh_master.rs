//! The ssh process that holds a connection.

#[derive(Debug, Default)]
pub(super) struct Workspace;

impl Workspace {
    #[expect(clippy::unused_async, reason = "the body follows")]
    pub(super) async fn close(&self) {}
}
