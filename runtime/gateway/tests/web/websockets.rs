//! WebSockets over HTTP/1.1 and HTTP/2: the handshake, and bytes that pass untouched.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use capnp::Error;
use granary_gateway::web::WebSettings;
use granary_wire::grain_capnp::ui_session;
use granary_wire::web_session_capnp::web_session::{self, web_socket_stream};
use http_body_util::Full;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{Semaphore, mpsc};

use crate::app::{Answer, BOUND, Bench, read, request};
use crate::connections::{BOTH, Client, Version, serve};
use crate::uploads::data;

/// What the app does with what it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// Sends it back, one call a piece.
    Echo,
    /// Greets, then drops its stream.
    Greet,
    /// Takes as many bytes as the gate lets pass.
    Take,
    /// Writes without end, counting what was taken.
    Flood,
    /// Does not open.
    Refuse,
}

#[derive(Clone)]
struct Socket {
    how: How,
    tell: mpsc::UnboundedSender<String>,
    gate: Arc<Semaphore>,
    count: Arc<AtomicU64>,
}

impl ui_session::Server for Socket {}

impl web_session::Server for Socket {
    async fn open_web_socket(
        self: Rc<Self>,
        params: web_session::OpenWebSocketParams,
        mut results: web_session::OpenWebSocketResults,
    ) -> Result<(), Error> {
        let params = params.get()?;
        if self.how == How::Refuse {
            return Err(Error::failed("not here".into()));
        }
        let protocols: Vec<_> = params
            .get_protocol()?
            .iter()
            .map(|protocol| protocol.expect("a text").to_string().expect("ASCII"))
            .collect();
        let cookies = params.get_context()?.get_cookies()?.len();
        let _ = self.tell.send(format!("{} {} {cookies}", params.get_path()?.to_str()?, protocols.join("|")));
        let client = params.get_client_stream()?;
        if let Some(last) = protocols.last() {
            results.get().init_protocol(1).set(0, &last[..]);
        }
        let how = self.how;
        match how {
            How::Greet => {
                let client = client.clone();
                tokio::task::spawn_local(async move { send(&client, b"hello").await.expect("taken") });
            }
            How::Flood => {
                let (client, count) = (client.clone(), Arc::clone(&self.count));
                tokio::task::spawn_local(async move {
                    let bytes = vec![5; 16 * 1024];
                    while send(&client, &bytes).await.is_ok() {
                        count.fetch_add(16 * 1024, Ordering::SeqCst);
                    }
                });
            }
            _ => {}
        }
        let keeps = matches!(how, How::Echo | How::Take);
        let stream = Stream { app: (*self).clone(), client: RefCell::new(keeps.then_some(client)) };
        results.get().set_server_stream(capnp_rpc::new_client(stream));
        Ok(())
    }
}

async fn send(stream: &web_socket_stream::Client, data: &[u8]) -> Result<(), Error> {
    let mut request = stream.send_bytes_request();
    request.get().set_message(data);
    request.hook.send().promise.await.map(drop)
}

struct Stream {
    app: Socket,
    client: RefCell<Option<web_socket_stream::Client>>,
}

impl web_socket_stream::Server for Stream {
    async fn send_bytes(self: Rc<Self>, params: web_socket_stream::SendBytesParams) -> Result<(), Error> {
        let data = params.get()?.get_message()?;
        if self.app.how == How::Take {
            self.app.gate.acquire_many(data.len() as u32).await.expect("an open gate").forget();
            self.app.count.fetch_add(data.len() as u64, Ordering::SeqCst);
        }
        let client = self.client.borrow().clone();
        if let (How::Echo, Some(client)) = (self.app.how, client) {
            send(&client, data).await?;
        }
        Ok(())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let _ = self.app.tell.send("dropped".to_owned());
    }
}

struct Setup {
    bench: Bench,
    app: Socket,
    told: mpsc::UnboundedReceiver<String>,
}

impl Setup {
    fn new(how: How, settings: WebSettings) -> Self {
        let (tell, told) = mpsc::unbounded_channel();
        let app = Socket { how, tell, gate: Arc::new(Semaphore::new(0)), count: Arc::default() };
        let for_app = app.clone();
        Self { bench: Bench::wired(settings, move || for_app.clone()), app, told }
    }

    async fn heard(&mut self) -> String {
        tokio::time::timeout(BOUND, self.told.recv()).await.expect("an event in time").expect("an app that lives")
    }

    async fn connect(
        &self,
        version: Version,
        headers: &[(&str, &str)],
    ) -> Result<(TokioIo<Upgraded>, Option<String>), Answer> {
        let address = serve(&self.bench.target).await;
        connect(address, version, headers).await
    }
}

const KEY: (&str, &str) = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
const VERSION: (&str, &str) = ("sec-websocket-version", "13");

async fn connect(
    address: std::net::SocketAddr,
    version: Version,
    headers: &[(&str, &str)],
) -> Result<(TokioIo<Upgraded>, Option<String>), Answer> {
    let mut client = Client::<Full<Bytes>>::connect(address, version).await;
    let mut request = match version {
        Version::Http1 => {
            request("GET", "/live?x", &[("connection", "keep-alive, Upgrade"), ("upgrade", "WebSocket")], b"")
        }
        Version::Http2 => {
            // A client may ask only after the server has said that it knows RFC 8441.
            let first = client.send(request("OPTIONS", "/", &[], b"")).await.expect("an answer");
            assert_eq!(first.status(), 200);
            let mut request = request("CONNECT", "/live?x", &[], b"");
            request.extensions_mut().insert(hyper::ext::Protocol::from_static("websocket"));
            request
        }
    };
    for (name, value) in headers {
        request.headers_mut().append(
            http::HeaderName::from_bytes(name.as_bytes()).expect("a name"),
            http::HeaderValue::from_str(value).expect("a value"),
        );
    }
    let response = client.send(request).await.expect("an answer");
    let expected = if version == Version::Http1 { 101 } else { 200 };
    if response.status() != expected {
        return Err(read(response).await);
    }
    let protocol =
        response.headers().get("sec-websocket-protocol").map(|value| value.to_str().expect("ASCII").to_owned());
    let accept = response.headers().get("sec-websocket-accept").map(|value| value.to_str().expect("ASCII").to_owned());
    // The example of RFC 6455, section 1.3.
    assert_eq!(accept.as_deref(), (version == Version::Http1).then_some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert!(response.headers().get("sec-websocket-extensions").is_none());
    let upgraded = hyper::upgrade::on(response).await.expect("an upgrade");
    // The connection's other handle may go: the upgraded part holds it.
    Ok((TokioIo::new(upgraded), protocol))
}

async fn read_exactly(socket: &mut TokioIo<Upgraded>, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    tokio::time::timeout(BOUND, socket.read_exact(&mut bytes)).await.expect("bytes in time").expect("an open socket");
    bytes
}

async fn read_end(socket: &mut TokioIo<Upgraded>) {
    let mut byte = [0];
    let end = tokio::time::timeout(BOUND, socket.read(&mut byte)).await.expect("an end in time");
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
}

#[tokio::test]
async fn bytes_pass_untouched_and_in_order() {
    for version in BOTH {
        let mut setup = Setup::new(How::Echo, WebSettings::default());
        let headers = [
            KEY,
            VERSION,
            ("sec-websocket-protocol", "chat, superchat"),
            ("sec-websocket-extensions", "permessage-deflate"),
            ("cookie", "a=b"),
        ];
        let (mut socket, protocol) = setup.connect(version, &headers).await.expect("a WebSocket");
        assert_eq!(protocol.as_deref(), Some("superchat"));
        assert_eq!(setup.heard().await, "live?x chat|superchat 1");
        // A masked text frame, in two halves; then much at once.
        let frame = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
        socket.write_all(&frame[..4]).await.expect("sent");
        assert_eq!(read_exactly(&mut socket, 4).await, frame[..4]);
        socket.write_all(&frame[4..]).await.expect("sent");
        assert_eq!(read_exactly(&mut socket, 7).await, frame[4..]);
        let much = data(3_000_000);
        let (mut reader, mut writer) = tokio::io::split(socket);
        let sent = much.clone();
        let writing = tokio::spawn(async move {
            writer.write_all(&sent).await.expect("sent");
            writer
        });
        let mut back = vec![0; much.len()];
        tokio::time::timeout(BOUND, reader.read_exact(&mut back))
            .await
            .expect("bytes in time")
            .expect("an open socket");
        assert!(back == much, "{version:?}: other bytes came back");
        drop((reader, writing.await.expect("sent")));
        assert_eq!(setup.heard().await, "dropped");
    }
}

#[tokio::test]
async fn the_apps_end_is_the_clients_end() {
    for version in BOTH {
        let settings = WebSettings { linger: Duration::from_millis(20), ..WebSettings::default() };
        let mut setup = Setup::new(How::Greet, settings);
        let (mut socket, _) = setup.connect(version, &[KEY, VERSION]).await.expect("a WebSocket");
        assert_eq!(read_exactly(&mut socket, 5).await, b"hello");
        read_end(&mut socket).await;
        assert_eq!(setup.heard().await, "live?x  0");
        // Even when the client keeps its side open.
        assert_eq!(setup.heard().await, "dropped");
    }
}

#[tokio::test]
async fn a_slow_app_holds_the_client_back() {
    for version in BOTH {
        let setup = Setup::new(How::Take, WebSettings::default());
        let (mut socket, _) = setup.connect(version, &[KEY, VERSION]).await.expect("a WebSocket");
        let whole = 16 * 1024 * 1024_usize;
        let writing = tokio::spawn(async move {
            let bytes = vec![1; 64 * 1024];
            for _ in 0..whole / bytes.len() {
                socket.write_all(&bytes).await.expect("sent");
            }
            socket
        });
        setup.bench.settle().await;
        assert_eq!(setup.app.count.load(Ordering::SeqCst), 0);
        assert!(!writing.is_finished(), "{version:?}: 16 MiB went somewhere while the app took nothing");
        setup.app.gate.add_permits(whole);
        let socket = tokio::time::timeout(BOUND, writing).await.expect("an end in time").expect("sent");
        while setup.app.count.load(Ordering::SeqCst) < whole as u64 {
            setup.bench.settle().await;
        }
        drop(socket);
    }
}

#[tokio::test]
async fn a_slow_client_holds_the_app_back() {
    for version in BOTH {
        let setup = Setup::new(How::Flood, WebSettings::default());
        let (mut socket, _) = setup.connect(version, &[KEY, VERSION]).await.expect("a WebSocket");
        read_exactly(&mut socket, 100_000).await;
        // Once sockets' and windows' buffers are full, nothing more is taken from the app.
        let mut before = 0;
        loop {
            setup.bench.settle().await;
            let now = setup.app.count.load(Ordering::SeqCst);
            assert!(now < 32 * 1024 * 1024, "{version:?}: {now} bytes went somewhere while the client read nothing");
            if now == before {
                break;
            }
            before = now;
        }
    }
}

#[tokio::test]
async fn handshakes_that_fail() {
    let bad_key = ("sec-websocket-key", "short");
    #[rustfmt::skip]
    let cases: [(How, Version, &[(&str, &str)], u16, &str); 7] = [
        (How::Echo, Version::Http1, &[KEY], 426, "websocket-version"),
        (How::Echo, Version::Http2, &[], 426, "websocket-version"),
        (How::Echo, Version::Http1, &[KEY, ("sec-websocket-version", "8")], 426, "websocket-version"),
        (How::Echo, Version::Http1, &[VERSION], 400, "websocket-key"),
        (How::Echo, Version::Http1, &[VERSION, bad_key], 400, "websocket-key"),
        (How::Refuse, Version::Http1, &[KEY, VERSION], 500, "app-failed"),
        (How::Refuse, Version::Http2, &[VERSION], 500, "app-failed"),
    ];
    for (how, version, headers, status, code) in cases {
        let setup = Setup::new(how, WebSettings::default());
        let answer = setup.connect(version, headers).await.expect_err("no WebSocket");
        assert_eq!((answer.status, answer.header("x-granary-error")), (status, Some(code)));
    }
}

#[tokio::test]
async fn sockets_are_counted_and_their_places_come_back() {
    for version in BOTH {
        let mut setup = Setup::new(How::Echo, WebSettings { websockets: 2, ..WebSettings::default() });
        let address = serve(&setup.bench.target).await;
        let headers = [KEY, VERSION];
        let first = connect(address, version, &headers).await.expect("a WebSocket");
        let second = connect(address, version, &headers).await.expect("a WebSocket");
        assert_eq!(connect(address, version, &headers).await.expect_err("no third").status, 503);
        drop(first);
        while setup.heard().await != "dropped" {}
        let again = async {
            loop {
                if let Ok(socket) = connect(address, version, &headers).await {
                    return socket;
                }
            }
        };
        let third = tokio::time::timeout(BOUND, again).await.expect("a place in time");
        drop((second, third));
    }
}

#[tokio::test]
async fn closing_the_target_ends_its_sockets() {
    for version in BOTH {
        let mut setup = Setup::new(How::Echo, WebSettings::default());
        let (mut socket, _) = setup.connect(version, &[KEY, VERSION]).await.expect("a WebSocket");
        socket.write_all(b"x").await.expect("sent");
        assert_eq!(read_exactly(&mut socket, 1).await, b"x");
        setup.bench.target.close();
        read_end(&mut socket).await;
        while setup.heard().await != "dropped" {}
    }
}
