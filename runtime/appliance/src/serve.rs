//! Serves the API on the Unix socket, to programs of the owner's.

use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::extract::Via;
use crate::core::Core;
use crate::{api, socket};

/// Answers until the appliance ends, then what is in flight.
pub(crate) async fn serve_socket(core: Arc<Core>, listener: UnixListener) {
    let ending = core.ending.clone();
    let router = api::router(core).layer(Extension(Via::Socket));
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = ending.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) if socket::is_owner(&stream) => {
                connections.spawn(serve_one(router.clone(), stream, ending.clone()));
            }
            Ok(_) => tracing::warn!("another user tried to use the API's socket"),
            Err(error) => {
                // Out of file descriptors, as a rule: others have to be closed first.
                tracing::warn!(%error, "a connection to the API's socket could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    connections.close();
    connections.wait().await;
}

async fn serve_one(router: Router, stream: UnixStream, ending: CancellationToken) {
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(30))
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = ending.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection to the API's socket broke");
    }
}
