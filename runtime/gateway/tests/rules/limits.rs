//! Clients that mean harm: slow, endless, ambiguous, too many, too long.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use http::{Request, StatusCode};
use http_body_util::Full;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use granary_gateway::Limits;

use crate::fixture::{BOUND, Running, cookie_of, text};

/// Sends bytes as they are over TLS and HTTP/1.1, and reads what comes until the connection ends.
async fn raw(running: &Running, request: &[u8]) -> String {
    let mut stream = running.client().connect("granary.localhost", "http/1.1").await.expect("TLS");
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    // The end may be a reset: what came before counts.
    let _ = tokio::time::timeout(BOUND, stream.read_to_end(&mut answer)).await.expect("the connection ends");
    String::from_utf8_lossy(&answer).into_owned()
}

fn statuses(answer: &str) -> Vec<u16> {
    answer
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|rest| rest.split_whitespace().next().and_then(|code| code.parse().ok()).expect("a status"))
        .collect()
}

#[tokio::test]
async fn ambiguous_requests_are_refused_and_nothing_is_smuggled_behind_them() {
    let running = Running::start();
    let host = running.shell();
    let behind = format!("GET /login HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let cases = [
        (
            "two lengths",
            format!(
                "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nContent-Length: {}\r\n\r\n{behind}",
                behind.len()
            ),
        ),
        (
            "length and chunked",
            format!(
                "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{behind}"
            ),
        ),
        (
            "chunked twice",
            format!("POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{behind}"),
        ),
        ("folded header", format!("GET / HTTP/1.1\r\nHost: {host}\r\nX-A: b\r\n c\r\n\r\n{behind}")),
        (
            "space before colon",
            format!("POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n{behind}"),
        ),
        ("bare CR", format!("GET / HTTP/1.1\r\nHost: {host}\r\nX-A: b\rHost: evil.example\r\n\r\n{behind}")),
        ("NUL", format!("GET / HTTP/1.1\r\nHost: {host}\r\nX-A: b\0c\r\n\r\n{behind}")),
        (
            "signed length",
            format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: +{}\r\n\r\n{behind}", behind.len()),
        ),
        ("no host", format!("GET / HTTP/1.1\r\n\r\n{behind}")),
        ("two hosts", format!("GET / HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\nConnection: close\r\n\r\n")),
        (
            "bad chunk size",
            format!(
                "POST /api/v1/login HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{behind}"
            ),
        ),
        ("HTTP/2 preface in HTTP/1.1", format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{behind}")),
    ];
    for (what, request) in cases {
        let answer = raw(&running, request.as_bytes()).await;
        let statuses = statuses(&answer);
        assert!(statuses.iter().all(|status| (400..500).contains(status)), "{what}: {answer}");
        assert!(!answer.contains("the login page"), "{what}: {answer}");
    }
}

#[tokio::test]
async fn a_refused_body_cannot_become_the_next_request() {
    let running = Running::start();
    let host = running.shell();
    // The pages take no bodies. Whatever stands in this one, it is no request.
    let inner = format!("GET /login HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n\r\n{inner}GET /nothing HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n",
        inner.len()
    );
    let answer = raw(&running, request.as_bytes()).await;
    assert!(!answer.contains("the login page"), "{answer}");
    assert_eq!(statuses(&answer).first(), Some(&405), "{answer}");
}

#[tokio::test]
async fn slow_clients_are_cut_off() {
    let short = Duration::from_millis(300);
    let running = Running::with(Limits {
        handshake_timeout: short,
        head_timeout: short,
        first_request_timeout: short,
        idle_timeout: short,
        body_stall_timeout: short,
        goodbye: short,
        ..Limits::default()
    });
    let host = running.shell();

    // No handshake at all, and half of one.
    for start in [&b""[..], &b"\x16\x03\x01\x02\x00\x01"[..]] {
        let mut tcp = running.client().tcp().await;
        tcp.write_all(start).await.unwrap();
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(BOUND, tcp.read_to_end(&mut rest)).await.expect("it is closed");
    }
    // Half a head.
    raw(&running, format!("GET / HTTP/1.1\r\nHost: {host}\r\nX-Slow: ").as_bytes()).await;
    // A head, byte by byte: each byte is no new beginning.
    let mut stream = running.client().connect("granary.localhost", "http/1.1").await.unwrap();
    let dripping = async {
        let mut interval = tokio::time::interval(short / 10);
        loop {
            interval.tick().await;
            if stream.write_all(b"X").await.is_err() || stream.flush().await.is_err() {
                break;
            }
        }
    };
    tokio::time::timeout(BOUND, dripping).await.expect("it is closed");
    // HTTP/2 without a preface, and with nothing behind it.
    for start in [&b""[..], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"] {
        let mut stream = running.client().connect("granary.localhost", "h2").await.unwrap();
        stream.write_all(start).await.unwrap();
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(BOUND, stream.read_to_end(&mut rest)).await.expect("it is closed");
    }
    // A body that stops.
    let answer = raw(
        &running,
        format!(
            "POST /api/v1/login HTTP/1.1\r\nHost: {host}\r\nOrigin: https://{host}\r\nSec-Fetch-Site: same-origin\r\n\
             Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
        )
        .as_bytes(),
    )
    .await;
    assert_eq!(statuses(&answer), [400], "{answer}");
    // A request that takes its time on our side is no slow client.
    let (cookie, secret) = running.logged_in().await;
    let mut sender = running.client().h2(&host).await;
    let request = Request::get(format!("https://{host}/api/v1/forever"))
        .header("cookie", &cookie)
        .header("x-granary-secret", &secret);
    let mut body = sender.send_request(request.body(Full::<Bytes>::default()).unwrap()).await.unwrap().into_body();
    let more = http_body_util::BodyExt::frame(&mut body);
    assert!(tokio::time::timeout(short * 4, more).await.is_err(), "a streaming answer goes on");
}

#[tokio::test]
async fn floods_of_headers_are_refused() {
    let running = Running::start();
    let host = running.shell();
    let many = (0..300).map(|n| format!("X-{n}: y\r\n")).collect::<String>();
    let long = format!("X-Long: {}\r\n", "y".repeat(100 * 1024));
    let endless = format!("X-Long: {}\r\n", "y".repeat(2 * 1024 * 1024));
    let target = format!("/{}", "y".repeat(100 * 1024));
    for (what, request) in [
        ("many", format!("GET / HTTP/1.1\r\nHost: {host}\r\n{many}Connection: close\r\n\r\n")),
        ("long", format!("GET / HTTP/1.1\r\nHost: {host}\r\n{long}Connection: close\r\n\r\n")),
        ("target", format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")),
    ] {
        let answer = raw(&running, request.as_bytes()).await;
        assert!(matches!(statuses(&answer)[..], [431 | 414]), "{what}: {answer}");
    }
    // More than any buffer: the connection ends before all of it is sent.
    let mut stream = running.client().connect("granary.localhost", "http/1.1").await.unwrap();
    let _ = stream.write_all(format!("GET / HTTP/1.1\r\nHost: {host}\r\n{endless}{endless}\r\n").as_bytes()).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(BOUND, stream.read_to_end(&mut answer)).await.expect("the connection ends");

    let mut request = Request::get("/").body(Full::default()).unwrap();
    request.headers_mut().insert("x-long", "y".repeat(100 * 1024).parse().unwrap());
    let answer = running.client().send_h2(&host, request).await;
    assert_eq!(answer.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    let mut request = Request::get("/").body(Full::default()).unwrap();
    for n in 0..300 {
        request.headers_mut().append("x-many", format!("{n}-{}", "y".repeat(5000)).parse().unwrap());
    }
    let answer = running.client().send_h2(&host, request).await;
    assert_eq!(answer.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
}

#[tokio::test]
async fn an_endless_login_body_is_cut_off() {
    let running = Running::start();
    let host = running.shell();
    let head = format!(
        "POST /api/v1/login HTTP/1.1\r\nHost: {host}\r\nOrigin: https://{host}\r\nSec-Fetch-Site: same-origin\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    let mut stream = running.client().connect("granary.localhost", "http/1.1").await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(4096));
    let sent = async {
        let mut sent = 0;
        while sent < 64 * 1024 * 1024 && stream.write_all(chunk.as_bytes()).await.is_ok() {
            sent += 4096;
        }
        sent
    };
    let sent = tokio::time::timeout(BOUND, sent).await.expect("it is cut off");
    assert!(sent < 64 * 1024 * 1024, "{sent} bytes were taken");
}

#[tokio::test]
async fn many_connections_make_room_for_one_another() {
    let running = Running::with(Limits { connections: 50, handshakes: 20, ..Limits::default() });
    let (client, host) = (running.client(), running.shell());
    // Connections that never speak, and connections that only sit there.
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(client.tcp().await);
    }
    let mut idle = Vec::new();
    for _ in 0..100 {
        idle.push(client.connect("granary.localhost", "http/1.1").await.expect("TLS"));
    }
    assert!(running.gateway.connections() <= 51, "{}", running.gateway.connections());
    let answers = join_all((0..20).map(|_| client.get(&host, "/", &[]))).await;
    assert!(answers.iter().all(|answer| answer.status() == StatusCode::OK));
    drop((silent, idle));
}

#[tokio::test]
async fn too_many_requests_at_once_are_told_to_wait() {
    let running = Running::with(Limits { requests: 1, shell_requests: 1, ..Limits::default() });
    let (client, host) = (running.client(), running.shell());
    let (cookie, secret) = running.logged_in().await;
    let mut sender = client.h2(&host).await;
    let forever = || {
        let request = Request::get(format!("https://{host}/api/v1/forever"))
            .header("cookie", &cookie)
            .header("x-granary-secret", &secret);
        request.body(Full::<Bytes>::default()).unwrap()
    };
    let held = [sender.send_request(forever()).await.unwrap(), sender.send_request(forever()).await.unwrap()];
    assert_eq!(client.get(&host, "/", &[]).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    drop((held, sender));
    let freed = async {
        while client.get(&host, "/", &[]).await.status() != StatusCode::OK {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, freed).await.expect("requests given up make room");
}

#[tokio::test]
async fn documents_that_ask_for_ever_leave_the_shell_its_share() {
    let running = Running::with(Limits { requests: 4, shell_requests: 2, ..Limits::default() });
    let (client, shell) = (running.client(), running.shell());
    let (cookie, secret) = running.logged_in().await;
    let (host, session) = running.entered("g").await;
    let mut sender = client.h2(&host).await;
    // Whatever is not refused is never answered.
    let mut held = Vec::new();
    for _ in 0..4 {
        let request = Request::get(format!("https://{host}/wait")).header("cookie", &session);
        held.push(tokio::spawn(sender.send_request(request.body(Full::<Bytes>::default()).unwrap())));
        sender.ready().await.unwrap();
    }
    let full = async {
        while client.get(&host, "/", &[("cookie", &session)]).await.status() != StatusCode::SERVICE_UNAVAILABLE {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, full).await.expect("the documents have used up theirs");
    for request in
        [running.own_page("GET", "/", &cookie, &secret), running.own_page("GET", "/api/v1/who", &cookie, &secret)]
    {
        assert_eq!(client.send(&shell, request.clone()).await.status(), StatusCode::OK);
        assert_eq!(client.send_h2(&shell, request).await.status(), StatusCode::OK);
    }
    assert!(held.iter().all(|request| !request.is_finished()), "and what they asked goes on");
}

#[tokio::test]
async fn a_flood_of_resets_ends_the_connection_and_nothing_else() {
    let running = Running::start();
    let (client, host) = (running.client(), running.shell());
    let mut stream = client.connect("granary.localhost", "h2").await.unwrap();
    let mut flood = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00".to_vec();
    // HPACK: :method GET, :scheme https, :path /, :authority as a literal.
    let mut head = vec![0x82, 0x87, 0x84, 0x01, host.len() as u8];
    head.extend_from_slice(host.as_bytes());
    for n in 0..20_000_u32 {
        let id = (n * 2 + 1).to_be_bytes();
        flood.extend_from_slice(&[0, 0, head.len() as u8, 0x01, 0x05]);
        flood.extend_from_slice(&id);
        flood.extend_from_slice(&head);
        flood.extend_from_slice(&[0, 0, 4, 0x03, 0x00]);
        flood.extend_from_slice(&id);
        flood.extend_from_slice(&[0, 0, 0, 8]);
    }
    let (mut read, mut write) = tokio::io::split(&mut stream);
    let sent = async { write.write_all(&flood).await };
    let mut rest = Vec::new();
    let ended = async { drop(read.read_to_end(&mut rest).await) };
    let both = async { tokio::join!(sent, ended) };
    tokio::time::timeout(BOUND, both).await.expect("the connection is ended").0.ok();
    let goaway = rest.windows(5).any(|frame| frame[3] == 0x07);
    assert!(goaway, "the client is told");
    assert_eq!(client.get(&host, "/", &[]).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn stopping_is_quick_even_while_requests_are_under_way() {
    let running = Running::with(Limits { shutdown_grace: Duration::from_millis(100), ..Limits::default() });
    let (host, target) = running.session("g", "/", None);
    let client = running.client();
    let cookie = cookie_of(&client.get(&host, &target, &[]).await);
    let mut sender = client.h2(&host).await;
    let waiting = sender.send_request(
        Request::get(format!("https://{host}/wait")).header("cookie", &cookie).body(Full::<Bytes>::default()).unwrap(),
    );
    let answer = client.get(&host, "/", &[("cookie", &cookie)]).await;
    assert_eq!(text(&answer), "path= cookies=");
    drop(running.stop().await);
    let ended = tokio::time::timeout(BOUND, waiting).await.expect("it ends");
    assert!(ended.is_err() || ended.unwrap().status() == StatusCode::FORBIDDEN);
}
