//! One connection from its first byte to its last: whose it is, TLS, then HTTP/1.1 or HTTP/2 within the limits.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::body::Body;
use crate::policy::Policy;
use crate::{reply, tls};

use super::limits::Limits;
use super::peer::{PeerError, Peers};
use super::registry::{Connection, Place, Registry};

/// Answers requests, whatever connection they came over.
pub(crate) trait Service: Send + Sync {
    fn answer(&self, request: Request<axum::body::Body>) -> BoxFuture<'static, Response<Body>>;

    /// Whether a request is for the shell, as far as its head tells.
    fn is_for_shell(&self, uri: &Uri, headers: &HeaderMap) -> bool;
}

/// Everything a connection needs.
pub(crate) struct Server {
    pub(crate) limits: Limits,
    pub(crate) registry: Arc<Registry>,
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) peers: Peers,
    /// The one user who may connect.
    pub(crate) uid: u32,
    pub(crate) service: Arc<dyn Service>,
    pub(crate) tasks: TaskTracker,
    /// Ends the connections that do not finish by themselves.
    pub(crate) kill: CancellationToken,
    /// Connections closed because they were somebody else's.
    pub(crate) refused: Arc<AtomicU64>,
}

impl Server {
    /// The same bounds and places with other answers and another end.
    pub(crate) fn with(&self, service: Arc<dyn Service>, kill: CancellationToken) -> Self {
        Self {
            limits: self.limits.clone(),
            registry: Arc::clone(&self.registry),
            acceptor: self.acceptor.clone(),
            peers: Peers::default(),
            uid: self.uid,
            service,
            tasks: self.tasks.clone(),
            kill,
            refused: Arc::clone(&self.refused),
        }
    }

    /// Accepts for as long as it is polled.
    pub(crate) async fn accept(self: Arc<Self>, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => self.clone().arrived(stream, peer),
                Err(error) => {
                    // Out of descriptors or memory, or the client is gone already. The waiting connection stays in the
                    // kernel's queue until there is room.
                    tracing::warn!(%error, "a connection could not be accepted");
                    self.registry.make_room();
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }

    fn arrived(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        match stream.local_addr().map_err(PeerError::from).and_then(|local| self.peers.uid(local, peer)) {
            Ok(uid) if uid == self.uid => {}
            Ok(uid) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(uid, "closed a connection of another user of this computer");
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "closed a connection of an unknown user");
                return;
            }
        }
        // Small answers must not wait for the client's acknowledgement.
        let _ = stream.set_nodelay(true);
        self.take(stream);
    }

    /// Serves one stream whose other end is known to be ours.
    pub(crate) fn take<IO>(self: Arc<Self>, io: IO)
    where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Some(place) = self.registry.admit() else {
            tracing::warn!("closed a connection: all others are busy");
            return;
        };
        let tasks = self.tasks.clone();
        tasks.spawn(async move {
            let kill = self.kill.clone();
            let work = Box::pin(self.serve(io, place));
            tokio::select! {
                () = work => {}
                () = kill.cancelled() => {}
            }
        });
    }

    async fn serve<IO>(self: Arc<Self>, io: IO, place: Place)
    where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let connection = Arc::clone(&place.connection);
        let handshake = tokio::time::timeout(self.limits.handshake_timeout, self.acceptor.accept(io));
        let stream = tokio::select! {
            done = handshake => match done {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return tracing::debug!(%error, "TLS handshake failed"),
                Err(_) => return tracing::debug!("TLS handshake took too long"),
            },
            () = connection.stop.cancelled() => return,
        };
        place.opened();
        let is_h2 = stream.get_ref().1.alpn_protocol() == Some(tls::H2);
        // The place goes with the stream, for a WebSocket outlives what follows here.
        let io = TokioIo::new(Placed { stream, _place: place });
        let answer = {
            let (server, connection) = (Arc::clone(&self), Arc::clone(&connection));
            service_fn(move |request| {
                let (server, connection) = (Arc::clone(&server), Arc::clone(&connection));
                async move { Ok::<_, Infallible>(server.answer(request, &connection).await) }
            })
        };
        let result = if is_h2 {
            let served = self.h2().serve_connection(io, answer);
            drive(served, &connection, self.limits.goodbye, http2::Connection::graceful_shutdown).await
        } else {
            let served = self.h1().serve_connection(io, answer).with_upgrades();
            drive(served, &connection, self.limits.goodbye, http1::UpgradeableConnection::graceful_shutdown).await
        };
        if let Err(error) = result {
            tracing::debug!(%error, "connection ended");
        }
    }

    async fn answer(&self, request: Request<Incoming>, connection: &Arc<Connection>) -> Response<Body> {
        let is_for_shell = self.service.is_for_shell(request.uri(), request.headers());
        let Some(busy) = self.registry.begin(connection, is_for_shell) else {
            let text = "Granary is answering too many requests at once; try again in a moment.";
            let mut response = reply::text(StatusCode::SERVICE_UNAVAILABLE, text);
            Policy::own(&mut response);
            return response;
        };
        let (is_connect, is_head) = (*request.method() == Method::CONNECT, *request.method() == Method::HEAD);
        let stall = self.limits.body_stall_timeout;
        let request = request.map(|body| {
            if body.is_end_stream() {
                axum::body::Body::empty()
            } else {
                axum::body::Body::new(Patient { body, stall, timer: None })
            }
        });
        let response = self.service.answer(request).await;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS || is_connect && response.status().is_success() {
            connection.upgrade();
        }
        let response = if is_head { without_body(response) } else { response };
        response.map(|body| body.with_guard(busy))
    }

    fn h1(&self) -> http1::Builder {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head_timeout)
            .max_headers(self.limits.header_fields)
            .max_header_size(self.limits.header_bytes)
            .max_buf_size(self.limits.header_bytes)
            .half_close(false);
        builder
    }

    fn h2(&self) -> http2::Builder<TokioExecutor> {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.limits.streams)
            .initial_stream_window_size(self.limits.stream_window)
            .initial_connection_window_size(self.limits.connection_window)
            .max_frame_size(16 * 1024)
            .max_header_list_size(u32::try_from(self.limits.header_bytes).unwrap_or(u32::MAX))
            .max_send_buf_size(self.limits.send_buffer)
            // Resets in a row, by the client or by us, beyond which the connection is closed (CVE-2023-44487).
            .max_pending_accept_reset_streams(32)
            .max_local_error_reset_streams(128)
            .keep_alive_interval(Duration::from_secs(60))
            .keep_alive_timeout(Duration::from_secs(30))
            .enable_connect_protocol();
        builder
    }
}

/// What a HEAD request is answered with: all but the body, which over HTTP/2 would be an error of the protocol.
fn without_body(mut response: Response<Body>) -> Response<Body> {
    let size = response.body().size_hint().exact().filter(|size| *size > 0);
    if let (Some(size), false) = (size, response.headers().contains_key(CONTENT_LENGTH)) {
        response.headers_mut().insert(CONTENT_LENGTH, size.into());
    }
    response.map(|_| Body::empty())
}

/// Polls a connection to its end; once told to stop it finishes what it is answering, and an idle one says goodbye.
async fn drive<C>(
    served: C,
    connection: &Connection,
    goodbye: Duration,
    finish: impl Fn(Pin<&mut C>),
) -> hyper::Result<()>
where
    C: Future<Output = hyper::Result<()>>,
{
    let mut served = pin!(served);
    tokio::select! {
        result = served.as_mut() => return result,
        () = connection.stop.cancelled() => finish(served.as_mut()),
    }
    loop {
        tokio::select! {
            result = served.as_mut() => return result,
            () = tokio::time::sleep(goodbye) => {
                if !connection.is_busy() {
                    return Ok(());
                }
            }
        }
    }
}

/// A stream with its place in the registry.
struct Placed<S> {
    stream: S,
    _place: Place,
}

impl<S: AsyncRead + Unpin> AsyncRead for Placed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Placed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// A request's body that fails when nothing comes for too long while somebody waits for it.
struct Patient {
    body: Incoming,
    stall: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug, thiserror::Error)]
enum BodyFailed {
    #[error("the rest of the request did not come in time")]
    Stalled,
    #[error(transparent)]
    Http(#[from] hyper::Error),
}

impl http_body::Body for Patient {
    type Data = Bytes;
    type Error = BodyFailed;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFailed>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.timer = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let stall = self.stall;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + stall)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Some(Err(BodyFailed::Stalled)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
