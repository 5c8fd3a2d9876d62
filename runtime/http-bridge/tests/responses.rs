//! What the platform gets for each answer of the app.

mod common;

use std::io::Write;
use std::net::Shutdown;
use std::rc::Rc;

use common::app::respond;
use common::{Bridge, Sink, TestApp, describe, get, run};

/// An app that answers with the bytes that stand for a path, and closes.
fn app(answers: &'static [(&'static str, &'static [u8])]) -> TestApp {
    TestApp::start(move |request, stream| {
        let wanted = request.path().trim_start_matches('/');
        let (_, answer) = answers.iter().find(|(path, _)| *path == wanted).expect("no answer for this path");
        stream.write_all(answer).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        false
    })
}

/// Checks one table: path, answer of the app, result.
fn check(cases: &'static [(&'static str, &'static [u8], &'static str)]) {
    let answers = cases.iter().map(|&(path, answer, _)| (path, answer)).collect::<Vec<_>>();
    run(async {
        let app = app(answers.leak());
        let bridge = Bridge::start(app.port);
        let session = bridge.session().await;
        for (path, _, expected) in cases {
            assert_eq!(get(&session, path).await, *expected, "{path}");
        }
    });
}

#[test]
fn each_status_has_its_result() {
    check(&[
        ("200", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "content 200 bytes=ok"),
        ("201", b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok", "content 201 bytes=ok"),
        ("202", b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok", "content 202 bytes=ok"),
        ("206", b"HTTP/1.1 206 Part\r\nContent-Length: 2\r\n\r\nok", "content 206 bytes=ok"),
        ("207", b"HTTP/1.1 207 Multi\r\nContent-Length: 2\r\n\r\nok", "content 207 bytes=ok"),
        ("204", b"HTTP/1.1 204 No\r\nETag: \"v\"\r\n\r\n", "no content etag=\"v\""),
        ("205", b"HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n", "no content reset"),
        ("301", b"HTTP/1.1 301 M\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "redirect permanent=true get=true /x"),
        (
            "302",
            b"HTTP/1.1 302 F\r\nLocation: /x\r\nContent-Length: 3\r\n\r\nxxx",
            "redirect permanent=false get=true /x",
        ),
        ("303", b"HTTP/1.1 303 S\r\nLocation: http://a/b?c\r\n\r\n", "redirect permanent=false get=true http://a/b?c"),
        ("307", b"HTTP/1.1 307 T\r\nLocation: x\r\n\r\n", "redirect permanent=false get=false x"),
        ("308", b"HTTP/1.1 308 P\r\nLocation: x\r\n\r\n", "redirect permanent=true get=false x"),
        ("304", b"HTTP/1.1 304 Not\r\nETag: W/\"v\"\r\n\r\n", "precondition failed etag=W/\"v\""),
        ("412", b"HTTP/1.1 412 No\r\nETag: \"v\"\r\nContent-Length: 2\r\n\r\nno", "precondition failed etag=\"v\""),
        ("304-bare", b"HTTP/1.1 304 Not\r\n\r\n", "precondition failed"),
        (
            "400",
            b"HTTP/1.1 400 B\r\nContent-Type: text/html\r\n\r\n<b>no</b>",
            "client error BadRequest html=<b>no</b>",
        ),
        ("401", b"HTTP/1.1 401 U\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n", "client error BadRequest"),
        ("403", b"HTTP/1.1 403 F\r\n\r\nno", "client error Forbidden html=no"),
        ("404", b"HTTP/1.1 404 N\r\n\r\nno", "client error NotFound html=no"),
        ("405", b"HTTP/1.1 405 N\r\n\r\n", "client error MethodNotAllowed"),
        ("406", b"HTTP/1.1 406 N\r\n\r\n", "client error NotAcceptable"),
        ("409", b"HTTP/1.1 409 C\r\n\r\n", "client error Conflict"),
        ("410", b"HTTP/1.1 410 G\r\n\r\n", "client error Gone"),
        ("413", b"HTTP/1.1 413 T\r\n\r\n", "client error RequestEntityTooLarge"),
        ("414", b"HTTP/1.1 414 T\r\n\r\n", "client error RequestUriTooLong"),
        ("415", b"HTTP/1.1 415 U\r\n\r\n", "client error UnsupportedMediaType"),
        ("418", b"HTTP/1.1 418 I\r\n\r\n", "client error ImATeapot"),
        ("422", b"HTTP/1.1 422 U\r\n\r\n", "client error UnprocessableEntity"),
        ("429", b"HTTP/1.1 429 T\r\nRetry-After: 5\r\n\r\n", "client error BadRequest"),
        ("500", b"HTTP/1.1 500 E\r\n\r\n<b>no</b>", "server error html=<b>no</b>"),
        ("503", b"HTTP/1.1 503 E\r\nContent-Type: text/html; charset=utf-8\r\n\r\nno", "server error html=no"),
        // An error that is not HTML keeps its type.
        (
            "json",
            b"HTTP/1.1 422 U\r\nContent-Type: application/json\r\n\r\n{\"a\":1}",
            "client error UnprocessableEntity application/json {\"a\":1}",
        ),
        ("text", b"HTTP/1.1 500 E\r\nContent-Type: text/plain\r\n\r\n<script>", "server error text/plain <script>"),
    ]);
}

#[test]
fn headers_of_a_success_are_told() {
    check(&[
        (
            "all",
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Encoding: gzip\r\nContent-Language: de\r\n\
              ETag: W/\"v1\"\r\nX-Sandstorm-App-Thing: yes\r\nX-OC-Mtime: accepted\r\nX-Powered-By: no\r\nCache-Control: no\r\n\r\nz",
            "content 200 type=text/html; charset=utf-8 encoding=gzip language=de etag=W/\"v1\" bytes=z \
             [x-sandstorm-app-thing: yes] [x-oc-mtime: accepted]",
        ),
        ("bad-etag", b"HTTP/1.1 200 OK\r\nETag: unquoted\r\n\r\nz", "content 200 bytes=z"),
        (
            "download",
            b"HTTP/1.1 200 OK\r\nContent-Disposition: attachment; filename=\"a \\\"b\\\".txt\"\r\n\r\nz",
            "content 200 download=a \"b\".txt bytes=z",
        ),
        (
            "files/name%20x.pdf?y=1",
            b"HTTP/1.1 200 OK\r\nContent-Disposition: attachment\r\n\r\nz",
            "content 200 download=name x.pdf bytes=z",
        ),
        ("inline", b"HTTP/1.1 200 OK\r\nContent-Disposition: inline; filename=x\r\n\r\nz", "content 200 bytes=z"),
        (
            "cookies",
            b"HTTP/1.1 303 See\r\nLocation: /\r\nSet-Cookie: a=b; Path=/x; HttpOnly; Secure; Domain=evil\r\n\
              Set-Cookie: c=d; Expires=Sun, 06 Nov 1994 08:49:37 GMT\r\nSet-Cookie: e=f; Max-Age=60\r\nSet-Cookie: nothing\r\n\r\n",
            "redirect permanent=false get=true / [cookie a=b path=/x httponly] [cookie c=d at=784111777] [cookie e=f in=60]",
        ),
        ("latin", b"HTTP/1.1 303 See\r\nLocation: /gr\xfc\xdfe\r\n\r\n", "redirect permanent=false get=true /grüße"),
    ]);
}

#[test]
fn every_kind_of_server_is_understood() {
    check(&[
        ("1.0", b"HTTP/1.0 200 OK\r\n\r\nold", "content 200 bytes=old"),
        ("no-reason", b"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", "content 200 bytes=x"),
        ("bare-newlines", b"HTTP/1.1 200 OK\nContent-Length: 1\n\nx", "content 200 bytes=x"),
        (
            "chunked",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: u\r\n\r\n",
            "content 200 bytes=abcde",
        ),
        ("empty-chunked", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "content 200 bytes="),
        (
            "interim",
            b"HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nx",
            "content 200 bytes=x",
        ),
        ("longer", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabcdef", "content 200 bytes=ab"),
        ("spaces", b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\nX: y\r\n  folded\r\n\r\nab", "content 200 bytes=ab"),
    ]);
}

#[test]
fn answers_that_are_none_become_errors() {
    check(&[
        (
            "nothing",
            b"",
            "error Failed: remote exception: http-bridge: the app closed the connection without an answer",
        ),
        (
            "half",
            b"HTTP/1.1 200 OK\r\nX: ",
            "error Failed: remote exception: http-bridge: the app closed the connection in the middle of its answer",
        ),
        (
            "short",
            b"HTTP/1.1 404 No\r\nContent-Length: 10\r\n\r\nabc",
            "error Failed: remote exception: http-bridge: the app closed the connection in the middle of its answer",
        ),
        (
            "html",
            b"<html>hello\r\n\r\n",
            "error Failed: remote exception: http-bridge: the app's answer is not HTTP: it does not begin with HTTP/1.1 or HTTP/1.0",
        ),
        (
            "status",
            b"HTTP/1.1 20 OK\r\n\r\n",
            "error Failed: remote exception: http-bridge: the app's answer is not HTTP: the status is not a number of three digits",
        ),
        (
            "lengths",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            "error Failed: remote exception: http-bridge: the app's answer does not say clearly where its body ends: there are two different values of Content-Length",
        ),
        (
            "chunks",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            "error Failed: remote exception: http-bridge: the chunks of the app's answer are broken: the size of a chunk is not a number",
        ),
        (
            "location",
            b"HTTP/1.1 302 F\r\n\r\n",
            "error Failed: remote exception: http-bridge: the app's answer with status 302 has no Location",
        ),
        (
            "203",
            b"HTTP/1.1 203 N\r\n\r\n",
            "error Failed: remote exception: http-bridge: the app answered with status 203, which sessions do not know",
        ),
        (
            "300",
            b"HTTP/1.1 300 M\r\n\r\n",
            "error Failed: remote exception: http-bridge: the app answered with status 300, which sessions do not know",
        ),
        (
            "101",
            b"HTTP/1.1 101 S\r\n\r\n",
            "error Failed: remote exception: http-bridge: the app answered with status 101, which sessions do not know",
        ),
        (
            "700",
            b"HTTP/1.1 700 ?\r\n\r\n",
            "error Failed: remote exception: http-bridge: the app answered with status 700, which sessions do not know",
        ),
    ]);
}

#[test]
fn endless_answers_are_cut() {
    run(async {
        let app = TestApp::start(|request, stream| {
            let piece = match request.path() {
                "/headers" => {
                    stream.write_all(b"HTTP/1.1 200 OK\r\n").unwrap();
                    &b"X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n"[..]
                }
                "/one-header" => {
                    stream.write_all(b"HTTP/1.1 200 OK\r\nX: ").unwrap();
                    b"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"
                }
                "/interim" => b"HTTP/1.1 100 Continue\r\n\r\n",
                "/chunk-line" => {
                    stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;").unwrap();
                    b"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"
                }
                _ => {
                    stream.write_all(b"HTTP/1.1 500 E\r\n\r\n").unwrap();
                    &[b'x'; 4096]
                }
            };
            while stream.write_all(piece).is_ok() {}
            false
        });
        let bridge = Bridge::start(app.port);
        let session = bridge.session().await;
        for (path, expected) in [
            ("headers", "are longer than"),
            ("one-header", "are longer than"),
            ("interim", "never gets beyond interim answers"),
            ("chunk-line", "the line before a chunk is too long"),
            ("error-body", "with status 500 is longer than"),
        ] {
            let got = get(&session, path).await;
            assert!(got.starts_with("error") && got.contains(expected), "{path}: {got}");
            assert!(bridge.log().contains(expected), "{path} is not in the log");
        }
        // And the bridge is well.
        let memory = std::fs::read_to_string(format!("/proc/{}/status", bridge.process.id())).unwrap();
        assert!(memory.contains("VmRSS"));
    });
}

#[test]
fn small_bodies_in_pieces_are_one_result() {
    run(async {
        // Head and body in two packets, as Python's server sends them, and a body of 60 KB.
        let app = TestApp::start(|request, stream| {
            let body = if request.path() == "/large" { vec![b'x'; 60_000] } else { b"hello".to_vec() };
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).unwrap();
            stream.write_all(&body).unwrap();
            true
        });
        let bridge = Bridge::start(app.port);
        let session = bridge.session().await;
        assert_eq!(get(&session, "small").await, "content 200 bytes=hello");
        assert_eq!(get(&session, "large").await, format!("content 200 bytes={}", "x".repeat(60_000)));
        assert_eq!(app.connections(), 1);
    });
}

#[test]
fn without_a_stream_to_write_to_the_body_is_gathered() {
    run(async {
        let app = TestApp::start(|_, stream| respond(stream, "200 OK", "", &vec![b'x'; 1 << 20]));
        let bridge = Bridge::start(app.port);
        let session = bridge.session().await;
        let response = session.get_request().send().promise.await.unwrap();
        assert_eq!(describe(response.get().unwrap()).len(), "content 200 bytes=".len() + (1 << 20));
    });
}

#[test]
fn a_long_body_is_streamed() {
    type Answer = fn(&mut std::net::TcpStream);
    let cases: &[(&str, Answer, Option<u64>)] = &[
        (
            "with a length",
            |stream| {
                let body = (0..3_000_000_u32).map(|i| i.to_le_bytes()[0]).collect::<Vec<_>>();
                respond(stream, "200 OK", "Content-Type: x/y\r\n", &body);
            },
            Some(3_000_000),
        ),
        (
            "in chunks of odd sizes",
            |stream| {
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: x/y\r\nTransfer-Encoding: chunked\r\n\r\n")
                    .unwrap();
                let body = (0..3_000_000_u32).map(|i| i.to_le_bytes()[0]).collect::<Vec<_>>();
                for chunk in body.chunks(7919) {
                    write!(stream, "{:x}\r\n", chunk.len()).unwrap();
                    stream.write_all(chunk).unwrap();
                    stream.write_all(b"\r\n").unwrap();
                }
                stream.write_all(b"0\r\n\r\n").unwrap();
            },
            None,
        ),
        (
            "until the connection closes",
            |stream| {
                stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Type: x/y\r\n\r\n").unwrap();
                let body = (0..3_000_000_u32).map(|i| i.to_le_bytes()[0]).collect::<Vec<_>>();
                stream.write_all(&body).unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
            },
            None,
        ),
    ];
    for (name, answer, length) in cases {
        run(async {
            let answer = *answer;
            let app = TestApp::start(move |_, stream| {
                answer(stream);
                true
            });
            let bridge = Bridge::start(app.port);
            let session = bridge.session().await;
            let sink = Rc::new(Sink::default());
            let mut request = session.get_request();
            request.get().set_path("long");
            request.get().init_context().set_response_stream(sink.client());
            let response = request.send().promise.await.unwrap();
            assert_eq!(describe(response.get().unwrap()), "content 200 type=x/y stream", "{name}");
            sink.until(|received| received.done).await;
            let received = sink.received.borrow();
            assert_eq!(received.expected, *length, "{name}");
            assert!(received.bytes.iter().zip(0_u32..).all(|(byte, i)| *byte == i.to_le_bytes()[0]), "{name}");
            assert_eq!(received.bytes.len(), 3_000_000, "{name}");
            assert!(received.writes.iter().all(|size| *size <= 128 << 10), "{name}: {:?}", received.writes);
            assert!(received.writes.len() < 600, "{name}: {} writes", received.writes.len());
        });
    }
}
