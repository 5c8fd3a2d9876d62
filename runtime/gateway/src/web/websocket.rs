//! WebSockets over HTTP/1.1 (RFC 6455) and HTTP/2 (RFC 8441).
//!
//! Apps speak the frames of RFC 6455 themselves, so the bytes after the handshake pass unread in both directions: the
//! client's frames masked as it sent them, the app's unmasked. Both ends belong to the same grain (its page and its app),
//! so there is nobody to protect from a malformed frame, and a page cannot make a browser send one. No extension is ever
//! agreed on, because `Sec-WebSocket-Extensions` passes in neither direction. The end of the bytes is a dropped stream.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::BytesMut;
use capnp::{Error, text};
use granary_wire::web_session_capnp::web_session::{open_web_socket_results, web_socket_stream};
use http::header::{
    CONNECTION, HeaderMap, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use hyper::ext::Protocol;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use sha1::{Digest as _, Sha1};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio_util::sync::CancellationToken;

use super::body::{Body, Closed, Receiver, Sender, channel};
use super::exchange::{Failure, page_for, sent};
use super::fields::comma_list;
use super::page::Page;
use super::request::{fill_context, path};
use super::response::few;
use super::stream::Flow;
use super::target::WebTarget;
use super::window::Window;

/// Bytes on the way between the connection and the vat, in each direction.
const CHANNEL: usize = 64 * 1024;
/// What is read from the connection at once.
const READ: usize = 8 * 1024;

/// How a request asks for a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handshake {
    Http1,
    Http2,
}

/// Whether a request asks for a WebSocket.
pub(super) fn handshake<B>(request: &Request<B>) -> Option<Handshake> {
    let has = |name, word: &[u8]| {
        request
            .headers()
            .get_all(name)
            .iter()
            .any(|value| comma_list(value.as_bytes()).any(|token| token.eq_ignore_ascii_case(word)))
    };
    if *request.method() == Method::CONNECT {
        let protocol = request.extensions().get::<Protocol>()?;
        return protocol.as_str().eq_ignore_ascii_case("websocket").then_some(Handshake::Http2);
    }
    (*request.method() == Method::GET && has(UPGRADE, b"websocket") && has(CONNECTION, b"upgrade"))
        .then_some(Handshake::Http1)
}

/// Answers the handshake and moves the bytes for as long as both ends want.
pub(super) async fn open<B>(target: &Arc<WebTarget>, mut request: Request<B>, handshake: Handshake) -> Response<Body> {
    let headers = request.headers();
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        let mut response = Page::new(
            StatusCode::UPGRADE_REQUIRED,
            "websocket-version",
            "The WebSocket could not be opened",
            "Only version 13 of the WebSocket protocol is spoken here.",
        )
        .into_response();
        response.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return response;
    }
    let accept = match handshake {
        Handshake::Http2 => None,
        Handshake::Http1 => match headers.get(SEC_WEBSOCKET_KEY).and_then(|key| accept_key(key.as_bytes())) {
            Some(accept) => Some(accept),
            None => {
                return Page::bad_request("websocket-key", "The Sec-WebSocket-Key header is missing or malformed.")
                    .into_response();
            }
        },
    };
    let Ok(permit) = Arc::clone(&target.websockets).try_acquire_owned() else {
        return Page::overloaded().into_response();
    };

    let upgrade = hyper::upgrade::on(&mut request);
    let (headers, uri) = (request.headers().clone(), request.uri().clone());
    let (to_app, from_client) = channel(CHANNEL);
    let on_vat = Arc::clone(target);
    let opened = match target.vat.call(move || connect(on_vat, headers, uri, from_client)).await {
        Ok(Ok(opened)) => opened,
        Ok(Err(page)) => return page.into_response(),
        Err(gone) => {
            tracing::debug!(%gone, "a WebSocket got no answer");
            return Page::shutting_down().into_response();
        }
    };

    let (linger, closed, busy) = (target.settings.linger, target.closed().clone(), target.busy());
    tokio::spawn(async move {
        splice(upgrade, opened.from_app, to_app, linger, closed).await;
        drop((permit, busy));
    });

    let mut response = Response::new(Body::empty());
    if let Some(accept) = accept {
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    if let Some(protocol) = opened.protocol {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    response
}

/// `Sec-WebSocket-Accept` for a key of 16 bytes in base64.
fn accept_key(key: &[u8]) -> Option<HeaderValue> {
    let key = key.trim_ascii();
    if BASE64.decode(key).ok()?.len() != 16 {
        return None;
    }
    // The GUID is RFC 6455's, section 1.3.
    let hash = Sha1::new().chain_update(key).chain_update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").finalize();
    HeaderValue::try_from(BASE64.encode(hash)).ok()
}

struct Opened {
    protocol: Option<HeaderValue>,
    from_app: Receiver,
}

/// Calls the app; on the vat.
async fn connect(target: Arc<WebTarget>, headers: HeaderMap, uri: Uri, from_client: Receiver) -> Result<Opened, Page> {
    let mut asked_again = false;
    loop {
        let session = target.session(&headers).await?;
        let (to_client, from_app) = channel(CHANNEL);
        let mut request = session.client.open_web_socket_request();
        {
            let mut params = request.get();
            params.set_path(path(&uri));
            let protocols: Vec<_> =
                headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().flat_map(|value| comma_list(value.as_bytes())).collect();
            let mut list = params.reborrow().init_protocol(u32::try_from(protocols.len()).unwrap_or(u32::MAX));
            for (index, protocol) in (0..).zip(protocols) {
                list.set(index, text::Reader(protocol));
            }
            params.set_client_stream(capnp_rpc::new_client(ToClient(to_client)));
            // There is no response for a stream to belong to.
            let (flow, stream) = Flow::create(0);
            flow.refuse();
            fill_context(params.init_context(), &headers, stream)?;
        }
        match sent(request.send().promise).await {
            Ok(response) => {
                let (protocol, server_stream) = read(response.get()).map_err(|error| page_for(&error))?;
                let window = target.settings.upload_window;
                tokio::task::spawn_local(to_app(from_client, server_stream, window));
                return Ok(Opened { protocol, from_app });
            }
            Err(Failure::Refused(page)) => return Err(page),
            Err(Failure::App { error, .. }) => {
                if error.kind == capnp::ErrorKind::Disconnected {
                    target.forget(session.generation);
                    if !asked_again {
                        asked_again = true;
                        continue;
                    }
                }
                return Err(page_for(&error));
            }
        }
    }
}

fn read(
    results: capnp::Result<open_web_socket_results::Reader<'_>>,
) -> capnp::Result<(Option<HeaderValue>, web_socket_stream::Client)> {
    let results = results?;
    let mut protocols: Vec<u8> = Vec::new();
    for protocol in few(results.get_protocol()?, "protocols")? {
        if !protocols.is_empty() {
            protocols.extend_from_slice(b", ");
        }
        protocols.extend_from_slice(protocol?.as_bytes());
    }
    let protocol = if protocols.is_empty() { None } else { HeaderValue::from_bytes(&protocols).ok() };
    Ok((protocol, results.get_server_stream()?))
}

/// The app's end of the way to the client.
struct ToClient(Sender);

impl web_socket_stream::Server for ToClient {
    async fn send_bytes(self: Rc<Self>, params: web_socket_stream::SendBytesParams) -> Result<(), Error> {
        let data = bytes::Bytes::copy_from_slice(params.get()?.get_message()?);
        drop(params);
        let gone = |Closed| Error::disconnected("the client has gone away".to_owned());
        self.0.send(data).await.map_err(gone)
    }
}

/// Moves what the client sends into the app; on the vat. Ends with the client's bytes or when the app refuses them.
async fn to_app(mut from_client: Receiver, app: web_socket_stream::Client, window: usize) {
    let mut window = Window::new(window);
    loop {
        tokio::select! {
            biased;
            returned = window.returned(), if !window.is_idle() => if let Err(error) = returned {
                tracing::debug!(%error, "an app refused WebSocket data");
                return;
            },
            data = from_client.recv(), if window.has_room() => match data {
                Some(Ok(data)) => {
                    let mut request = app.send_bytes_request();
                    request.get().set_message(&data);
                    window.send(data.len(), request);
                }
                _ => break,
            },
        }
    }
    // The stream is dropped only after everything has arrived: dropping it says that nothing more will come.
    if let Err(error) = window.drain().await {
        tracing::debug!(%error, "an app refused WebSocket data");
    }
}

/// Moves bytes between the connection and the two channels.
async fn splice(upgrade: OnUpgrade, from_app: Receiver, to_app: Sender, linger: Duration, closed: CancellationToken) {
    let upgraded = tokio::select! {
        upgraded = upgrade => upgraded,
        () = closed.cancelled() => return,
    };
    let Ok(upgraded) = upgraded else { return };
    let (reader, writer) = tokio::io::split(TokioIo::new(upgraded));
    let mut up = std::pin::pin!(up(reader, to_app));
    let mut down = std::pin::pin!(down(writer, from_app));
    let both = async {
        // The end that goes on after the other gets a moment to finish, such as for the closing frame.
        tokio::select! {
            () = &mut up => { let _ = tokio::time::timeout(linger, down).await; }
            () = &mut down => { let _ = tokio::time::timeout(linger, up).await; }
        }
    };
    tokio::select! {
        () = both => {}
        () = closed.cancelled() => {}
    }
}

async fn up(mut reader: ReadHalf<TokioIo<Upgraded>>, to_app: Sender) {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(READ);
        match reader.read_buf(&mut buffer).await {
            Ok(0) => {
                to_app.finish();
                return;
            }
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(%error, "a WebSocket's connection broke");
                return;
            }
        }
        if to_app.send(buffer.split().freeze()).await.is_err() {
            return;
        }
    }
}

async fn down(mut writer: WriteHalf<TokioIo<Upgraded>>, mut from_app: Receiver) {
    while let Some(Ok(data)) = from_app.recv().await {
        if writer.write_all(&data).await.is_err() || writer.flush().await.is_err() {
            return;
        }
    }
    // An error means that the client is gone already.
    let _ = writer.shutdown().await;
}
