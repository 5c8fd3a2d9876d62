//! What all tests need: a vat, openers that make apps on it, connections that can be cut, and small HTTP helpers.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::{RpcSystem, twoparty};
use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use granary_gateway::web::{Body, OpenError, SessionOpener, WebParams, WebSettings, WebTarget, forward};
use granary_wire::vat::Vat;
use granary_wire::web_session_capnp::web_session::{self, response};
use http_body_util::{BodyExt as _, Full};
use tokio_util::compat::{TokioAsyncReadCompatExt as _, TokioAsyncWriteCompatExt as _};

/// The longest a test waits for anything.
pub const BOUND: Duration = Duration::from_secs(60);

pub const BASE: &str = "https://ui-0123456789abcdef0123456789abcdef.granary.localhost:6443";

type Make = dyn Fn(usize, WebParams) -> LocalBoxFuture<'static, Result<web_session::Client, OpenError>> + Send + Sync;

/// Makes the n-th session of an app, and counts how many were asked for.
pub struct Opener {
    make: Box<Make>,
    pub opened: AtomicUsize,
}

impl SessionOpener for Opener {
    fn open(&self, params: WebParams) -> LocalBoxFuture<'static, Result<web_session::Client, OpenError>> {
        (self.make)(self.opened.fetch_add(1, Ordering::SeqCst), params)
    }
}

/// A target whose n-th session is what `make` gives, on a vat of its own.
pub struct Bench {
    pub vat: Vat,
    pub opener: Arc<Opener>,
    pub target: Arc<WebTarget>,
}

impl Bench {
    pub fn new<F>(settings: WebSettings, make: F) -> Self
    where
        F: Fn(usize, WebParams) -> LocalBoxFuture<'static, Result<web_session::Client, OpenError>>
            + Send
            + Sync
            + 'static,
    {
        let vat = Vat::start().expect("a thread for the vat");
        let opener = Arc::new(Opener { make: Box::new(make), opened: AtomicUsize::new(0) });
        let target = WebTarget::new(vat.clone(), Arc::clone(&opener) as Arc<dyn SessionOpener>, BASE, settings);
        Self { vat, opener, target }
    }

    /// The app is an object on the same vat.
    pub fn direct<S: web_session::Server>(make: impl Fn() -> S + Send + Sync + 'static) -> Self {
        Self::new(WebSettings::default(), move |_, _| {
            let client = capnp_rpc::new_client(make());
            async move { Ok(client) }.boxed_local()
        })
    }

    /// The app is reached over a Cap'n Proto connection, as one in a sandbox is.
    pub fn wired<S: web_session::Server>(settings: WebSettings, make: impl Fn() -> S + Send + Sync + 'static) -> Self {
        Self::new(settings, move |_, _| {
            let (client, wire) = wire(capnp_rpc::new_client(make()));
            // The connection lasts as long as the test.
            std::mem::forget(wire);
            async move { Ok(client) }.boxed_local()
        })
    }

    pub async fn send(&self, request: http::Request<Full<Bytes>>) -> Answer {
        read(forward(&self.target, request).await).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(request("GET", path, &[], b"")).await
    }

    pub fn opened(&self) -> usize {
        self.opener.opened.load(Ordering::SeqCst)
    }

    /// Lets everything on the vat run until nothing there has anything to do.
    pub async fn settle(&self) {
        self.vat
            .call(|| async {
                for _ in 0..2000 {
                    tokio::task::yield_now().await;
                }
            })
            .await
            .expect("the vat lives");
    }
}

/// One connection's tasks; [`Wire::cut`] ends it as a dying process does.
pub struct Wire(Rc<RefCell<Vec<tokio::task::AbortHandle>>>);

impl Wire {
    pub fn cut(&self) {
        for task in self.0.borrow_mut().drain(..) {
            task.abort();
        }
    }
}

/// Puts a connection between a session and its user. On the vat.
pub fn wire(app: web_session::Client) -> (web_session::Client, Wire) {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let network = |stream: tokio::io::DuplexStream, side| {
        let (reader, writer) = tokio::io::split(stream);
        twoparty::VatNetwork::new(reader.compat(), writer.compat_write(), side, capnp::message::ReaderOptions::new())
    };
    let server = RpcSystem::new(Box::new(network(far, Side::Server)), Some(app.client));
    let mut client = RpcSystem::new(Box::new(network(near, Side::Client)), None);
    let session = client.bootstrap(Side::Server);
    let server = tokio::task::spawn_local(server.map(drop)).abort_handle();
    tokio::task::spawn_local(client.map(drop));
    (session, Wire(Rc::new(RefCell::new(vec![server]))))
}

/// A whole response.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The body ended in an error.
    pub cut_off: bool,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Status, headers one a line, then the body: what the tables compare. `Referrer-Policy` is checked and left out.
    pub fn dump(&self) -> String {
        assert_eq!(self.header("referrer-policy"), Some("same-origin"));
        let mut text = self.status.to_string();
        for (name, value) in self.headers.iter().filter(|(name, _)| name != "referrer-policy") {
            text += &format!("\n{name}: {value}");
        }
        if !self.body.is_empty() {
            text += &format!("\n\n{}", String::from_utf8_lossy(&self.body));
        }
        text
    }
}

pub async fn read<B>(response: http::Response<B>) -> Answer
where
    B: http_body::Body<Data = Bytes>,
{
    let (parts, body) = response.into_parts();
    let mut body = std::pin::pin!(body);
    let mut bytes = Vec::new();
    let mut cut_off = false;
    while let Some(frame) = tokio::time::timeout(BOUND, body.frame()).await.expect("a body that goes on") {
        match frame {
            Ok(frame) => bytes.extend_from_slice(&frame.into_data().expect("no trailers")),
            Err(_) => {
                cut_off = true;
                break;
            }
        }
    }
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    Answer { status: parts.status.as_u16(), headers, body: bytes, cut_off }
}

pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> http::Request<Full<Bytes>> {
    let mut request = http::Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, http::HeaderValue::from_bytes(value.as_bytes()).expect("a header value"));
    }
    request.body(Full::new(Bytes::copy_from_slice(body))).expect("a request")
}

/// An app that answers every GET with what `fill` writes.
pub struct Fixed<F>(pub F);

impl<F> granary_wire::grain_capnp::ui_session::Server for Fixed<F> where F: Fn(response::Builder<'_>) + 'static {}

impl<F> web_session::Server for Fixed<F>
where
    F: Fn(response::Builder<'_>) + 'static,
{
    fn get(
        self: Rc<Self>,
        _: web_session::GetParams,
        mut results: web_session::GetResults,
    ) -> impl Future<Output = Result<(), capnp::Error>> + 'static {
        (self.0)(results.get());
        std::future::ready(Ok(()))
    }
}

/// A response body that is not read, with a way to read it piece by piece.
pub async fn piece(body: &mut Body) -> Option<Bytes> {
    let frame = tokio::time::timeout(BOUND, body.frame()).await.expect("a body that goes on")?;
    Some(frame.expect("a whole body").into_data().expect("no trailers"))
}
