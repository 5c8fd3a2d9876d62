//! HTTP to an app's `WebSession` and back: every method, streaming both ways, WebSockets.
//!
//! A request is read on the gateway's threads, becomes one job on the vat (where all capabilities live), and comes back
//! as a response; bytes that stream pass through channels bounded in bytes.

pub mod body;
mod dav;
mod exchange;
pub mod fields;
pub mod fuzz;
pub mod headers;
mod page;
mod request;
mod response;
mod stream;
mod target;
mod upload;
mod websocket;
mod window;

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};

pub use body::{Body, BodyError, BoxError};
pub use page::ERROR_HEADER;
pub use target::{OpenError, SessionOpener, WebParams, WebSettings, WebTarget};

/// Hands a request to the app behind `target` and gives back its response.
///
/// The caller has checked who may ask: cookie, origin, host. Cookies of Granary's own are left out here once more. For a
/// WebSocket the response is `101` (or `200` over HTTP/2), and the connection is taken over through the request's
/// `hyper::upgrade` extension. Security headers that do not depend on the app are added by the caller.
pub async fn forward<B>(target: &Arc<WebTarget>, request: Request<B>) -> Response<Body>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    if target.is_closed() {
        return page::Page::session_closed().into_response();
    }
    let answer = async {
        match websocket::handshake(&request) {
            Some(handshake) => websocket::open(target, request, handshake).await,
            None => exchange::exchange(target, request).await,
        }
    };
    tokio::select! {
        biased;
        response = answer => response,
        () = target.closed().cancelled() => page::Page::session_closed().into_response(),
    }
}
