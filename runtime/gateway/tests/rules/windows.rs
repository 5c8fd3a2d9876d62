//! Windows of the desktop: each comes through the proxy with a password of its own, and reaches what it is for.

use std::time::Duration;

use bytes::Bytes;
use granary_gateway::{LoginId, Reach, Window};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::fixture::{BOUND, Running, cookie_of, header, text};

/// What the proxy says to a client that speaks SOCKS5 as given.
async fn say(port: u16, parts: &[&[u8]]) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    for part in parts {
        let _ = stream.write_all(part).await;
    }
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(BOUND, stream.read_to_end(&mut answer)).await.expect("the proxy answers");
    answer
}

struct Proxy {
    port: u16,
    name: String,
    password: String,
}

impl Proxy {
    fn of(window: &Window) -> Self {
        let uri = window.proxy();
        let (who, at) = uri.strip_prefix("socks5://").unwrap().split_once('@').unwrap();
        let (name, password) = who.split_once(':').unwrap();
        let port = at.strip_prefix("127.0.0.1:").unwrap().parse().unwrap();
        Self { port, name: name.into(), password: password.into() }
    }

    fn auth(&self) -> Vec<u8> {
        let mut bytes = vec![1, self.name.len() as u8];
        bytes.extend(self.name.as_bytes());
        bytes.push(self.password.len() as u8);
        bytes.extend(self.password.as_bytes());
        bytes
    }

    /// The reply to a connection by name: 0 when it is made.
    async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, u8> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream.write_all(&[5, 2, 0, 2]).await.unwrap();
        let mut two = [0; 2];
        stream.read_exact(&mut two).await.unwrap();
        assert_eq!(two, [5, 2], "only with a password");
        stream.write_all(&self.auth()).await.unwrap();
        stream.read_exact(&mut two).await.unwrap();
        if two != [1, 0] {
            return Err(0xff);
        }
        let mut request = vec![5, 1, 0, 3, host.len() as u8];
        request.extend(host.as_bytes());
        request.extend(port.to_be_bytes());
        stream.write_all(&request).await.unwrap();
        let mut reply = [0; 10];
        stream.read_exact(&mut reply).await.unwrap();
        if reply[1] == 0 { Ok(stream) } else { Err(reply[1]) }
    }

    /// A request over a connection made for `host`, with the Host header `named`.
    async fn send(
        &self,
        running: &Running,
        host: &str,
        named: &str,
        mut request: Request<Full<Bytes>>,
    ) -> Response<Bytes> {
        let (name, port) = host.rsplit_once(':').unwrap();
        let tcp = self.connect(name, port.parse().unwrap()).await.expect("the window may reach it");
        let tls = TlsConnector::from(running.client().tls.clone());
        let stream = tls.connect(ServerName::try_from(name.to_owned()).unwrap(), tcp).await.expect("TLS");
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        request.headers_mut().insert("host", named.parse().unwrap());
        let (parts, body) = sender.send_request(request).await.expect("an answer").into_parts();
        Response::from_parts(parts, body.collect().await.expect("the whole body").to_bytes())
    }

    /// Logs the window in: cookie and secret, and the whole answer.
    async fn log_in(&self, running: &Running, url: &str) -> Response<Bytes> {
        let code = url.rsplit_once('#').unwrap().1;
        let request = Request::post("/api/v1/login")
            .header("content-type", "application/json")
            .header("origin", format!("https://{}", running.shell()))
            .header("sec-fetch-site", "same-origin")
            .body(Full::from(serde_json::json!({ "code": code }).to_string()))
            .unwrap();
        self.send(running, &running.shell(), &running.shell(), request).await
    }
}

fn secret(answer: &Response<Bytes>) -> String {
    let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    body["secret"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
}

async fn window(running: &Running, reach: Reach) -> (Window, Proxy) {
    // `serve` has begun as soon as the listener answers.
    running.client().get(&running.shell(), "/", &[]).await;
    let window = running.gateway.window(reach).expect("a gateway with windows");
    let proxy = Proxy::of(&window);
    (window, proxy)
}

/// A window that is logged in, and a session that it opened.
async fn grain_window(running: &Running, grain: &str) -> (Window, Proxy, (String, String), String) {
    let (window, proxy) = window(running, Reach::Grain(grain.into())).await;
    let answer = proxy.log_in(running, &window.login_url("/grain/x")).await;
    assert_eq!(answer.status(), StatusCode::OK, "{}", text(&answer));
    assert!(text(&answer).contains("\"window\":\"grain\""));
    let keys = (cookie_of(&answer), secret(&answer));
    let who = running.own_page("GET", "/api/v1/who", &keys.0, &keys.1);
    let who = proxy.send(running, &running.shell(), &running.shell(), who).await;
    assert_eq!(who.status(), StatusCode::OK, "{}", text(&who));
    let login: LoginId = serde_json::from_value(text(&who).into()).unwrap();
    let (host, _) = running.session(grain, "/", Some(login));
    (window, proxy, keys, host)
}

#[tokio::test]
async fn a_window_reaches_the_shell_and_its_own_sessions_and_nothing_else() {
    let running = Running::with_windows();
    let port = running.port();
    let (_a, a, _, own) = grain_window(&running, "a").await;
    let (_b, b, _, others) = grain_window(&running, "b").await;
    let (browsers, _) = running.session("a", "/", None);
    let name = |authority: &str| authority.rsplit_once(':').unwrap().0.to_owned();

    assert!(a.connect("granary.localhost", port).await.is_ok());
    assert!(a.connect(&name(&own), port).await.is_ok());
    assert!(b.connect(&name(&others), port).await.is_ok());
    // Not another grain's, not its own grain's in a browser, not another port, not another name.
    let unknown = format!("ui-{}.granary.localhost", "0".repeat(32));
    for (host, at) in [
        (name(&others), port),
        (name(&browsers), port),
        (unknown, port),
        ("granary.localhost".into(), port ^ 1),
        ("granary.localhost".into(), 443),
        (name(&own), 80),
        ("GRANARY.localhost".into(), port),
        ("granary.localhost.".into(), port),
        ("localhost".into(), port),
        ("127.0.0.1".into(), port),
        ("::1".into(), port),
        ("example.com".into(), 443),
        ("api-1234.granary.localhost".into(), port),
        ("x.granary-sites.localhost".into(), port),
        (String::new(), port),
    ] {
        assert_eq!(a.connect(&host, at).await.err(), Some(2), "{host}:{at}");
    }
}

#[tokio::test]
async fn the_main_window_reaches_no_session_and_frames_none() {
    let running = Running::with_windows();
    let (main, proxy) = window(&running, Reach::Shell).await;
    let answer = proxy.log_in(&running, &main.login_url("/")).await;
    assert!(text(&answer).contains("\"window\":\"main\""), "{}", text(&answer));
    let (host, _) = running.session("a", "/", None);
    let name = host.rsplit_once(':').unwrap().0;
    assert_eq!(proxy.connect(name, running.port()).await.err(), Some(2));
    let shell = running.shell();
    let page = || Request::get("/").body(Full::default()).unwrap();
    let answer = proxy.send(&running, &shell, &shell, page()).await;
    assert!(header(&answer, "content-security-policy").contains("frame-src 'none'"));
    let (_a, grain, _, _) = grain_window(&running, "a").await;
    let answer = grain.send(&running, &shell, &shell, page()).await;
    assert!(header(&answer, "content-security-policy").contains("frame-src https://*.granary.localhost"));
}

#[tokio::test]
async fn a_connection_for_one_host_is_good_for_no_other() {
    let running = Running::with_windows();
    let (_a, a, _, own) = grain_window(&running, "a").await;
    let (_b, _, _, others) = grain_window(&running, "b").await;
    for named in [others.as_str(), "example.com"] {
        let request = Request::get("/").body(Full::default()).unwrap();
        let answer = a.send(&running, &running.shell(), named, request).await;
        assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST, "{named}");
    }
    let request = Request::get("/").body(Full::default()).unwrap();
    let answer = a.send(&running, &own, &own, request).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN, "its own, which it has not entered yet");
}

#[tokio::test]
async fn what_opens_one_window_opens_nothing_anywhere_else() {
    let running = Running::with_windows();
    let (a, proxy_a, (cookie, secret_a), _) = grain_window(&running, "a").await;
    let (_b, proxy_b, _, _) = grain_window(&running, "b").await;
    let shell = running.shell();
    let who = || running.own_page("GET", "/api/v1/who", &cookie, &secret_a);
    // Stolen, it is worth nothing in a browser and nothing in another window.
    assert_eq!(running.client().send(&shell, who()).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(proxy_b.send(&running, &shell, &shell, who()).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(proxy_a.send(&running, &shell, &shell, who()).await.status(), StatusCode::OK);
    // Nor do a browser's login and code work in a window.
    let (browser, browser_secret) = running.logged_in().await;
    let request = running.own_page("GET", "/api/v1/who", &browser, &browser_secret);
    assert_eq!(proxy_a.send(&running, &shell, &shell, request).await.status(), StatusCode::UNAUTHORIZED);
    let answer = proxy_a.log_in(&running, &running.gateway.logins().url("/")).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    let url = a.login_url("/");
    assert_eq!(running.log_in(url.rsplit_once('#').unwrap().1).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(proxy_b.log_in(&running, &url).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(proxy_a.log_in(&running, &url).await.status(), StatusCode::OK, "the attempts did not use it up");
    // A lost cookie is given back to its own window only.
    let restore = || {
        let mut request = running.own_page("POST", "/api/v1/login/restore", "x=y", &secret_a);
        request.headers_mut().remove("cookie");
        request
    };
    assert_eq!(running.client().send(&shell, restore()).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(proxy_a.send(&running, &shell, &shell, restore()).await.status(), StatusCode::OK);
    // Windows are not counted among browsers, and nothing of them is written down.
    assert_eq!(running.gateway.logins().count(), 1);
    let file = std::fs::read_to_string(running.folder.path().join("logins.json")).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&file).unwrap()["logins"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_closed_window_takes_its_connections_sessions_and_login_with_it() {
    let running = Running::with_windows();
    let (window, proxy, (cookie, secret), host) = grain_window(&running, "a").await;
    let name = host.rsplit_once(':').unwrap().0.to_owned();
    let tcp = proxy.connect("granary.localhost", running.port()).await.unwrap();
    let tls = TlsConnector::from(running.client().tls.clone());
    let mut open = tls.connect(ServerName::try_from("granary.localhost").unwrap(), tcp).await.unwrap();
    let sessions = running.gateway.sessions().count();
    let url = window.login_url("/");
    drop(window);
    assert_eq!(running.gateway.sessions().count(), sessions - 1);
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(BOUND, open.read_to_end(&mut rest)).await.expect("the connection is ended");
    assert_eq!(proxy.connect(&name, running.port()).await.err(), Some(0xff), "its password is void");
    let who = running.own_page("GET", "/api/v1/who", &cookie, &secret);
    assert_eq!(running.client().send(&running.shell(), who).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(running.log_in(url.rsplit_once('#').unwrap().1).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_proxy_refuses_whatever_is_not_a_name_with_a_password() {
    let running = Running::with_windows();
    let (_window, proxy) = window(&running, Reach::Shell).await;
    let wrong = Proxy { password: format!("{}x", proxy.password), name: proxy.name.clone(), port: proxy.port };
    assert_eq!(wrong.connect("granary.localhost", running.port()).await.err(), Some(0xff));
    let wrong = Proxy { name: "window-999".into(), password: proxy.password.clone(), port: proxy.port };
    assert_eq!(wrong.connect("granary.localhost", running.port()).await.err(), Some(0xff));

    let auth = proxy.auth();
    let port = running.port().to_be_bytes();
    let v4 = [&[5, 1, 0, 1, 127, 0, 0, 1], port.as_slice()].concat();
    let mut v6 = vec![5, 1, 0, 4];
    v6.extend(std::net::Ipv6Addr::LOCALHOST.octets());
    v6.extend(port);
    let bind = [&[5, 2, 0, 3, 17], b"granary.localhost".as_slice(), &port].concat();
    let udp = [&[5, 3, 0, 3, 17], b"granary.localhost".as_slice(), &port].concat();
    let welcome = [5, 2, 1, 0];
    for (request, code) in [(v4, 8), (v6, 8), (bind, 7), (udp, 7)] {
        let answer = say(proxy.port, &[&[5, 1, 2], &auth, &request]).await;
        assert_eq!(answer[..4], welcome, "{request:?}");
        assert_eq!(answer[4..6], [5, code], "{request:?}");
    }
    // No password, SOCKS4, HTTP, TLS, nothing at all.
    assert_eq!(say(proxy.port, &[&[5, 1, 0]]).await, [5, 0xff]);
    for nonsense in [
        &b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00"[..],
        b"CONNECT example.com:443 HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01",
        b"",
    ] {
        assert_eq!(say(proxy.port, &[nonsense]).await, b"", "{nonsense:?}");
    }
    assert!(proxy.connect("granary.localhost", running.port()).await.is_ok());
}

#[tokio::test]
async fn the_proxy_ends_with_the_gateway() {
    let running = Running::with_windows();
    let (window, proxy) = window(&running, Reach::Shell).await;
    drop(running.stop().await);
    let refused = async {
        while TcpStream::connect(("127.0.0.1", proxy.port)).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), refused).await.expect("nothing listens any more");
    drop(window);
}

#[tokio::test]
async fn a_gateway_without_windows_has_no_proxy() {
    let running = Running::start();
    assert!(running.gateway.window(Reach::Shell).is_none());
}
