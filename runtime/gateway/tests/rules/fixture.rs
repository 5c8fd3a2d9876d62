//! A running gateway with a small shell and a small app, and clients that speak to it over TLS.

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::routing::{get, post};
use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use granary_gateway::web::{OpenError, SessionOpener, WebParams};
use granary_gateway::{Clock, Gateway, GatewayConfig, Limits, LoginId, NewSession};
use granary_wire::vat::Vat;
use granary_wire::web_session_capnp::web_session;
use http::header::{COOKIE, HeaderMap, HeaderName, HeaderValue, LOCATION, SET_COOKIE};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The longest a test waits for anything.
pub const BOUND: Duration = Duration::from_secs(60);

/// A clock that stands where a test puts it.
#[derive(Clone)]
pub struct Hand(Arc<AtomicU64>);

impl Hand {
    pub fn now() -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        Self(Arc::new(AtomicU64::new(now)))
    }

    pub fn forward(&self, by: Duration) {
        self.0.fetch_add(by.as_secs(), Ordering::SeqCst);
    }

    pub fn clock(&self) -> Clock {
        let hand = Arc::clone(&self.0);
        Clock::new(move || SystemTime::UNIX_EPOCH + Duration::from_secs(hand.load(Ordering::SeqCst)))
    }
}

/// One gateway that answers until it is dropped.
pub struct Running {
    pub gateway: Arc<Gateway>,
    pub folder: Arc<tempfile::TempDir>,
    pub hand: Hand,
    stop: Option<oneshot::Sender<()>>,
    served: Option<tokio::task::JoinHandle<()>>,
}

impl Running {
    pub fn start() -> Self {
        Self::with(Limits::default())
    }

    pub fn with(limits: Limits) -> Self {
        Self::in_folder(Arc::new(tempfile::tempdir().unwrap()), 0, Hand::now(), limits)
    }

    pub fn in_folder(folder: Arc<tempfile::TempDir>, port: u16, hand: Hand, limits: Limits) -> Self {
        let vat = Vat::start().unwrap();
        let config = GatewayConfig { clock: hand.clock(), limits, ..GatewayConfig::new(folder.path(), port, vat) };
        Self::on(folder, hand, config)
    }

    /// With the proxy of the desktop's windows.
    pub fn with_windows() -> Self {
        let (folder, hand) = (Arc::new(tempfile::tempdir().unwrap()), Hand::now());
        let config = GatewayConfig { windows: true, ..GatewayConfig::new(folder.path(), 0, Vat::start().unwrap()) };
        Self::on(folder, hand, config)
    }

    fn on(folder: Arc<tempfile::TempDir>, hand: Hand, config: GatewayConfig) -> Self {
        let gateway = Arc::new(Gateway::new(config).expect("a gateway"));
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&gateway);
        let served = tokio::spawn(async move {
            serving.serve(shell(), async { drop(stopped.await) }).await.expect("serving");
        });
        Self { gateway, folder, hand, stop: Some(stop), served: Some(served) }
    }

    /// Stops as the appliance does, and waits for it.
    pub async fn stop(mut self) -> Arc<tempfile::TempDir> {
        drop(self.stop.take());
        tokio::time::timeout(BOUND, self.served.take().unwrap()).await.expect("it stops").unwrap();
        Arc::clone(&self.folder)
    }

    pub fn port(&self) -> u16 {
        self.gateway.port()
    }

    pub fn shell(&self) -> String {
        format!("granary.localhost:{}", self.port())
    }

    pub fn ca(&self) -> std::path::PathBuf {
        self.folder.path().join("tls/ca.pem")
    }

    pub fn client(&self) -> Client {
        Client::new(&self.ca(), self.port())
    }

    pub fn owner_cookie(&self) -> String {
        format!("__Host-granary-owner-{}", self.port())
    }

    pub fn session_cookie(&self) -> String {
        format!("__Host-granary-session-{}", self.port())
    }

    /// A new session of the small app: its host, and the target of its init URL.
    pub fn session(&self, grain: &str, path: &str, login: Option<LoginId>) -> (String, String) {
        let new = NewSession { opener: Arc::new(EchoOpener), grain: grain.into(), path: path.into(), login };
        let url = self.gateway.sessions().create(new);
        let target = url.init_url.strip_prefix(&format!("https://{}", url.host)).expect("its own host").to_owned();
        (url.host, target)
    }

    /// A session that was entered: its host and its cookie as `name=value`.
    pub async fn entered(&self, grain: &str) -> (String, String) {
        let (host, target) = self.session(grain, "/", None);
        let answer = self.client().get(&host, &target, &[]).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        (host, cookie_of(&answer))
    }

    /// A logged-in browser: its cookie as `name=value`, and its secret.
    pub async fn logged_in(&self) -> (String, String) {
        let answer = self.log_in(&self.gateway.logins().code()).await;
        assert_eq!(answer.status(), StatusCode::OK, "{:?}", answer.body());
        let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
        (cookie_of(&answer), body["secret"].as_str().unwrap().to_owned())
    }

    pub async fn log_in(&self, code: &str) -> Response<Bytes> {
        let body = serde_json::json!({ "code": code }).to_string();
        let origin = format!("https://{}", self.shell());
        let request = Request::post("/api/v1/login")
            .header("content-type", "application/json")
            .header("origin", origin)
            .header("sec-fetch-site", "same-origin");
        self.client().send(&self.shell(), request.body(body.into()).unwrap()).await
    }

    /// A request as the shell's own page makes it.
    pub fn own_page(&self, method: &str, path: &str, cookie: &str, secret: &str) -> Request<Full<Bytes>> {
        Request::builder()
            .method(method)
            .uri(path)
            .header("cookie", cookie)
            .header("x-granary-secret", secret)
            .header("origin", format!("https://{}", self.shell()))
            .header("sec-fetch-site", "same-origin")
            .body(Full::default())
            .unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(served) = self.served.take() {
            served.abort();
        }
    }
}

fn shell() -> Router {
    Router::new()
        .route("/", get(|| async { axum::response::Html("<!doctype html><p>the shell") }))
        .route("/login", get(|| async { "the login page" }))
        .route("/headers", get(|headers: HeaderMap| async move { format!("{headers:?}") }))
        .route(
            "/api/v1/who",
            get(|axum::Extension(id): axum::Extension<LoginId>| async move { id.as_str().to_owned() }),
        )
        .route("/api/v1/headers", get(|headers: HeaderMap| async move { format!("{headers:?}") }))
        .route("/api/v1/write", post(|body: Bytes| async move { format!("{} bytes", body.len()) }))
        .route(
            "/api/v1/forever",
            get(|| async {
                axum::body::Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>())
            }),
        )
}

/// An app that tells what reached it. `wait/…` is never answered.
struct Echo;

struct EchoOpener;

impl SessionOpener for EchoOpener {
    fn open(&self, _: WebParams) -> LocalBoxFuture<'static, Result<web_session::Client, OpenError>> {
        async { Ok(capnp_rpc::new_client(Echo)) }.boxed_local()
    }
}

impl granary_wire::grain_capnp::ui_session::Server for Echo {}

impl web_session::Server for Echo {
    async fn get(
        self: Rc<Self>,
        params: web_session::GetParams,
        mut results: web_session::GetResults,
    ) -> Result<(), capnp::Error> {
        let params = params.get()?;
        let path = params.get_path()?.to_string()?;
        if path.starts_with("wait") {
            futures::future::pending::<()>().await;
        }
        let mut cookies = Vec::new();
        for cookie in params.get_context()?.get_cookies()? {
            cookies.push(format!("{}={}", cookie.get_key()?.to_str()?, cookie.get_value()?.to_str()?));
        }
        let mut content = results.get().init_content();
        content.set_mime_type("text/html");
        content.init_body().set_bytes(format!("path={path} cookies={}", cookies.join("&")).as_bytes());
        Ok(())
    }

    async fn post(
        self: Rc<Self>,
        params: web_session::PostParams,
        mut results: web_session::PostResults,
    ) -> Result<(), capnp::Error> {
        let length = params.get()?.get_content()?.get_content()?.len();
        let mut content = results.get().init_content();
        content.set_mime_type("text/plain");
        content.init_body().set_bytes(format!("{length} bytes").as_bytes());
        Ok(())
    }
}

/// Trusts one CA, and connects to the loopback address whatever the name.
#[derive(Clone)]
pub struct Client {
    pub port: u16,
    pub tls: Arc<rustls::ClientConfig>,
    pub v6: bool,
}

impl Client {
    pub fn new(ca: &Path, port: u16) -> Self {
        Self { port, tls: Arc::new(tls(ca)), v6: false }
    }

    pub async fn tcp(&self) -> TcpStream {
        let host = if self.v6 { "::1" } else { "127.0.0.1" };
        TcpStream::connect((host, self.port)).await.expect("the gateway listens")
    }

    /// A TLS connection for the name `host` that speaks `alpn`.
    pub async fn connect(&self, host: &str, alpn: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let mut config = (*self.tls).clone();
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        self.connect_with(config, host).await
    }

    pub async fn connect_with(
        &self,
        config: rustls::ClientConfig,
        host: &str,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let tcp = self.tcp().await;
        tokio::time::timeout(BOUND, TlsConnector::from(Arc::new(config)).connect(name, tcp)).await.expect("in time")
    }

    pub async fn get(&self, host: &str, path: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(host, request.body(Full::default()).unwrap()).await
    }

    /// One request over HTTP/1.1; `host` is the Host header unless the request has one.
    pub async fn send(&self, host: &str, mut request: Request<Full<Bytes>>) -> Response<Bytes> {
        let stream = self.connect(host, "http/1.1").await.expect("TLS");
        let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
            .max_headers(1000)
            .handshake(TokioIo::new(stream))
            .await
            .expect("HTTP/1.1");
        tokio::spawn(connection);
        request.headers_mut().entry("host").or_insert(HeaderValue::try_from(host).unwrap());
        let response = tokio::time::timeout(BOUND, sender.send_request(request)).await.expect("in time");
        collect(response.expect("an answer")).await
    }

    /// One request over HTTP/2; `host` is the authority.
    pub async fn send_h2(&self, host: &str, mut request: Request<Full<Bytes>>) -> Response<Bytes> {
        let uri = format!("https://{host}{}", request.uri());
        *request.uri_mut() = uri.parse().unwrap();
        *request.version_mut() = http::Version::HTTP_2;
        let mut sender = self.h2(host).await;
        let response = tokio::time::timeout(BOUND, sender.send_request(request)).await.expect("in time");
        collect(response.expect("an answer")).await
    }

    pub async fn h2(&self, host: &str) -> hyper::client::conn::http2::SendRequest<Full<Bytes>> {
        let stream = self.connect(host, "h2").await.expect("TLS");
        let (sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
            .max_header_list_size(4 * 1024 * 1024)
            .handshake(TokioIo::new(stream))
            .await
            .expect("HTTP/2");
        tokio::spawn(connection);
        sender
    }
}

async fn collect(response: Response<hyper::body::Incoming>) -> Response<Bytes> {
    let (parts, body) = response.into_parts();
    let body = tokio::time::timeout(BOUND, body.collect()).await.expect("in time").expect("the whole body");
    Response::from_parts(parts, body.to_bytes())
}

pub fn tls(ca: &Path) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).expect("a CA certificate")).unwrap();
    rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// The one cookie an answer sets, as `name=value`.
pub fn cookie_of(answer: &Response<Bytes>) -> String {
    let set: Vec<_> = answer.headers().get_all(SET_COOKIE).iter().collect();
    assert_eq!(set.len(), 1, "{:?}", answer.headers());
    let text = set[0].to_str().unwrap();
    for attribute in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Strict", "; Max-Age="] {
        assert!(text.contains(attribute), "{text} lacks {attribute}");
    }
    assert!(!text.to_lowercase().contains("domain"), "{text}");
    text.split(';').next().unwrap().to_owned()
}

pub fn location(answer: &Response<Bytes>) -> &str {
    answer.headers()[LOCATION].to_str().unwrap()
}

pub fn header(answer: &Response<Bytes>, name: &'static str) -> String {
    answer.headers().get(HeaderName::from_static(name)).map_or_else(String::new, |v| v.to_str().unwrap().to_owned())
}

pub fn text(answer: &Response<Bytes>) -> String {
    String::from_utf8_lossy(answer.body()).into_owned()
}

pub fn cookie(request: &mut Request<Full<Bytes>>, value: &str) {
    request.headers_mut().append(COOKIE, HeaderValue::try_from(value).unwrap());
}
