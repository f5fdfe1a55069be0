//! What Terraform's plugin library wants beside the protocol: shutdown, and a stream of output that stays silent.
use std::pin::Pin;

use futures::stream;
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::tfplugin5::plugin::{
    Empty, StdioData, grpc_controller_server::GrpcController, grpc_stdio_server::GrpcStdio,
};

/// Ends the process when asked to.
pub(super) struct Controller {
    pub(super) end: CancellationToken,
    /// A provider that is being debugged serves the next Terraform, too.
    pub(super) ignores_shutdown: bool,
}

#[tonic::async_trait]
impl GrpcController for Controller {
    async fn shutdown(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        if !self.ignores_shutdown {
            self.end.cancel();
        }
        Ok(Response::new(Empty {}))
    }
}

/// Output that never comes, until the end.
pub(super) struct Silence {
    pub(super) end: CancellationToken,
}

#[tonic::async_trait]
impl GrpcStdio for Silence {
    type StreamStdioStream = Pin<Box<dyn Stream<Item = Result<StdioData, Status>> + Send>>;

    async fn stream_stdio(&self, _: Request<()>) -> Result<Response<Self::StreamStdioStream>, Status> {
        let end = self.end.clone();
        let silence = stream::once(async move { end.cancelled().await });
        Ok(Response::new(Box::pin(futures::StreamExt::filter_map(
            silence,
            |()| async { None },
        ))))
    }
}
