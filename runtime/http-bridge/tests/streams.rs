//! Bodies that are longer than memory, answers that never end, and WebSockets.

mod common;

use std::cell::RefCell;
use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::app::{read_body, read_head, respond};
use common::{Bridge, Sink, TestApp, describe, run};
use granary_wire::util_capnp::{byte_stream, handle};
use granary_wire::web_session_capnp::web_session::{self, request_stream, response, web_socket_stream};

/// A write that takes longer than this waits for a reader.
const STUCK: Duration = Duration::from_millis(500);

async fn get_stream(session: &web_session::Client, path: &str, sink: &Rc<Sink>) -> handle::Client {
    let mut request = session.get_request();
    request.get().set_path(path);
    request.get().init_context().set_response_stream(sink.client());
    let response = request.send().promise.await.unwrap();
    let response::Content(content) = response.get().unwrap().which().unwrap() else { panic!("not a content") };
    let response::content::body::Stream(handle) = content.get_body().which().unwrap() else { panic!("not a stream") };
    handle.unwrap()
}

fn rss_kib(bridge: &Bridge) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", bridge.process.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn an_answer_that_comes_bit_by_bit_is_passed_on_at_once() {
    run(async {
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let wait = Mutex::new(wait);
        let app = TestApp::start(move |_, stream| {
            let wait = wait.lock().unwrap();
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
                .unwrap();
            for event in ["one", "two", "three"] {
                wait.recv().unwrap();
                write!(stream, "{:x}\r\n{event}\r\n", event.len()).unwrap();
            }
            wait.recv().unwrap();
            stream.write_all(b"0\r\n\r\n").is_ok()
        });
        let bridge = Bridge::start(app.port);
        let session = bridge.session().await;
        let sink = Rc::new(Sink::default());
        let handle = get_stream(&session, "events", &sink).await;
        for expected in ["one", "onetwo", "onetwothree"] {
            go.send(()).unwrap();
            sink.until(|received| received.bytes == expected.as_bytes()).await;
        }
        handle.ping_request().send().promise.await.unwrap();
        assert!(!sink.received.borrow().done);
        go.send(()).unwrap();
        sink.until(|received| received.done).await;
    });
}

#[test]
fn a_reader_that_stops_stops_the_app() {
    run(async {
        let (stuck, until_stuck) = tokio::sync::oneshot::channel::<usize>();
        let stuck = Mutex::new(Some(stuck));
        let total = 64 << 20;
        let app = TestApp::start(move |_, stream| {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {total}\r\n\r\n").unwrap();
            stream.set_write_timeout(Some(STUCK)).unwrap();
            let piece = [b'x'; 64 << 10];
            let mut written = 0;
            while written < total {
                let left = piece.len().min(total - written);
                match stream.write(&piece[..left]) {
                    Ok(count) => written += count,
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                        let stuck = stuck.lock().unwrap().take();
                        let _ = stuck.map(|stuck| stuck.send(written));
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            true
        });
        let bridge = Bridge::start(app.port);
        let session = bridge.session().await;
        let sink = Rc::new(Sink::default());
        sink.received.borrow_mut().discard = true;
        sink.blocked.set(true);
        let before = rss_kib(&bridge);
        let _handle = get_stream(&session, "big", &sink).await;
        let written = until_stuck.await.unwrap();
        assert!(written < total / 2, "the app has written {written} bytes that nobody read");
        assert!(rss_kib(&bridge) < before + 4096, "the bridge holds what nobody read");
        sink.blocked.set(false);
        sink.resume.notify_waiters();
        sink.until(|received| received.done).await;
        assert_eq!(sink.received.borrow().total, total);
        eprintln!("bridge: {before} KiB before, {} KiB after a download of 64 MiB", rss_kib(&bridge));
    });
}

#[test]
fn an_answer_nobody_wants_any_more_is_broken_off() {
    run(async {
        let ended = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&ended);
        let app = TestApp::start(move |request, stream| {
            if request.path() == "/silent" {
                // Waits for the end of the connection instead of answering.
                let _ = stream.read(&mut [0]);
            } else {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
                while stream.write_all(&[b'x'; 4096]).is_ok() {}
            }
            flag.store(true, Ordering::SeqCst);
            false
        });
        let bridge = Bridge::start(app.port);
        let session = bridge.session().await;
        let until_ended = async || {
            while !ended.swap(false, Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let sink = Rc::new(Sink::default());
        drop(get_stream(&session, "endless", &sink).await);
        until_ended().await;
        assert!(!sink.received.borrow().done);
        // A call that is given up before there is an answer.
        let mut request = session.get_request();
        request.get().set_path("silent");
        let pending = request.send();
        while app.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(pending);
        until_ended().await;
    });
}

#[test]
fn an_answer_that_breaks_off_is_not_called_done() {
    run(async {
        let app = TestApp::start(|_, stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n").unwrap();
            stream.write_all(&[b'x'; 200_000]).unwrap();
            false
        });
        let bridge = Bridge::start(app.port);
        let session = bridge.session().await;
        let sink = Rc::new(Sink::default());
        let _handle = get_stream(&session, "broken", &sink).await;
        bridge.logged("in the middle of its answer").await;
        assert!(!sink.received.borrow().done);
        // The stream is let go, which tells the platform.
        while Rc::strong_count(&sink) > 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
}

async fn start_upload(session: &web_session::Client, put: bool, sink: &Rc<Sink>) -> request_stream::Client {
    if put {
        let mut request = session.put_streaming_request();
        request.get().set_path("up");
        request.get().set_mime_type("text/x-test");
        request.get().init_context().set_response_stream(sink.client());
        request.send().promise.await.unwrap().get().unwrap().get_stream().unwrap()
    } else {
        let mut request = session.post_streaming_request();
        request.get().set_path("up");
        request.get().set_mime_type("text/x-test");
        request.get().set_encoding("gzip");
        request.get().init_context().set_response_stream(sink.client());
        request.send().promise.await.unwrap().get().unwrap().get_stream().unwrap()
    }
}

/// The same stream, as what it extends.
fn body(stream: &request_stream::Client) -> byte_stream::Client {
    capnp::capability::FromClientHook::new(stream.client.hook.add_ref())
}

async fn write(stream: &request_stream::Client, data: &[u8]) -> capnp::Result<()> {
    let mut request = body(stream).write_request();
    request.get().set_data(data);
    request.send().await
}

#[test]
fn an_upload_is_framed_as_it_is_known() {
    run(async {
        let app = TestApp::start(|_, stream| respond(stream, "201 Created", "", b"thanks"));
        let bridge = Bridge::start(app.port);
        let session = bridge.session().await;
        let sink = Rc::new(Sink::default());
        for (put, expect, pieces, framing) in [
            (false, None, vec!["one", "two"], "Transfer-Encoding: chunked"),
            (true, None, vec!["one", "two"], "Transfer-Encoding: chunked"),
            (true, Some(6), vec!["one", "two"], "Content-Length: 6"),
            (false, None, vec![], "Content-Length: 0"),
            (false, Some(0), vec![], "Content-Length: 0"),
        ] {
            let stream = start_upload(&session, put, &sink).await;
            if let Some(size) = expect {
                let mut request = body(&stream).expect_size_request();
                request.get().set_size(size);
                request.send().promise.await.unwrap();
            }
            let response = stream.get_response_request().send().promise;
            for piece in &pieces {
                write(&stream, piece.as_bytes()).await.unwrap();
            }
            body(&stream).done_request().send().promise.await.unwrap();
            assert_eq!(describe(response.await.unwrap().get().unwrap()), "content 201 bytes=thanks");
            let request = app.last();
            assert_eq!(String::from_utf8(request.body.clone()).unwrap(), pieces.concat());
            let first = request.head.lines().take(4).collect::<Vec<_>>();
            if put {
                assert_eq!(first[..2], ["PUT /up HTTP/1.1", "Content-Type: text/x-test"]);
            } else {
                assert_eq!(first[..3], ["POST /up HTTP/1.1", "Content-Type: text/x-test", "Content-Encoding: gzip"]);
            }
            assert!(request.head.contains(framing), "{}", request.head);
        }
    });
}

#[test]
fn an_upload_of_the_wrong_size_is_broken_off() {
    run(async {
        let app = TestApp::start(|_, stream| respond(stream, "200 OK", "", b"x"));
        let bridge = Bridge::start(app.port);
        let session = bridge.session().await;
        let sink = Rc::new(Sink::default());
        for (size, expected) in [(2, "longer than expectSize said"), (9, "before the size that expectSize said")] {
            let stream = start_upload(&session, true, &sink).await;
            let mut request = body(&stream).expect_size_request();
            request.get().set_size(size);
            request.send().promise.await.unwrap();
            let response = stream.get_response_request().send().promise;
            let _ = write(&stream, b"four").await;
            let error = body(&stream).done_request().send().promise.await.err().unwrap();
            assert!(error.extra.contains(expected), "{error}");
            drop(stream);
            drop(response);
        }
    });
}

#[test]
fn a_large_upload_waits_for_the_app() {
    run(async {
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let wait = Mutex::new(wait);
        let app = TestApp::raw(TcpListener::bind("127.0.0.1:0").unwrap(), move |_, stream| {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let Some(head) = read_head(&mut reader) else { return };
            wait.lock().unwrap().recv().unwrap();
            let mut total = 0;
            read_body(&mut reader, &common::app::Request { head, body: Vec::new() }, |piece| total += piece.len());
            respond(stream, "200 OK", "", total.to_string().as_bytes());
        });
        let bridge = Bridge::start(app.port);
        let session = bridge.session().await;
        let sink = Rc::new(Sink::default());
        let stream = start_upload(&session, true, &sink).await;
        let response = stream.get_response_request().send().promise;
        let total = 64 << 20;
        let before = rss_kib(&bridge);
        let piece = vec![b'x'; 64 << 10];
        let mut sent = 0;
        while sent < total {
            let mut writing = Box::pin(write(&stream, &piece));
            if tokio::time::timeout(STUCK, &mut writing).await.is_err() {
                assert!(sent < total / 2, "{sent} bytes were taken that the app has not read");
                assert!(rss_kib(&bridge) < before + 4096, "the bridge holds what the app has not read");
                go.send(()).unwrap();
                writing.await.unwrap();
            }
            sent += piece.len();
        }
        body(&stream).done_request().send().promise.await.unwrap();
        assert_eq!(describe(response.await.unwrap().get().unwrap()), format!("content 200 bytes={total}"));
        eprintln!("bridge: {before} KiB before, {} KiB after an upload of 64 MiB", rss_kib(&bridge));
    });
}

#[test]
fn an_app_may_answer_before_it_has_read_everything() {
    run(async {
        // It answers, and closes without reading on: the connection is reset under what is still being sent.
        let app = TestApp::raw(TcpListener::bind("127.0.0.1:0").unwrap(), |_, stream| {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            if read_head(&mut reader).is_some() {
                respond(stream, "413 Too Large", "Connection: close\r\n", b"too large");
            }
        });
        let bridge = Bridge::start(app.port);
        let session = bridge.session().await;
        let sink = Rc::new(Sink::default());
        let stream = start_upload(&session, false, &sink).await;
        let response = stream.get_response_request().send().promise;
        for _ in 0..200 {
            write(&stream, &[b'x'; 64 << 10]).await.unwrap();
        }
        body(&stream).done_request().send().promise.await.unwrap();
        let answer = response.await.map(|response| describe(response.get().unwrap()));
        assert_eq!(answer.unwrap(), "client error RequestEntityTooLarge html=too large");

        // The same with a body in one message.
        let mut request = session.post_request();
        request.get().set_path("up");
        request.get().init_content().set_content(&vec![b'x'; 16 << 20]);
        let response = request.send().promise.await.unwrap();
        assert_eq!(describe(response.get().unwrap()), "client error RequestEntityTooLarge html=too large");
    });
}

#[test]
fn an_upload_can_be_answered_while_it_runs() {
    run(async {
        // An app that sends back what it gets.
        let app = TestApp::raw(TcpListener::bind("127.0.0.1:0").unwrap(), |_, stream| {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let Some(head) = read_head(&mut reader) else { return };
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").unwrap();
            let request = common::app::Request { head, body: Vec::new() };
            read_body(&mut reader, &request, |piece| stream.write_all(piece).unwrap());
        });
        let bridge = Bridge::start(app.port);
        let session = bridge.session().await;
        let sink = Rc::new(Sink::default());
        let stream = start_upload(&session, false, &sink).await;
        let response = stream.get_response_request().send().promise;
        write(&stream, b"ping").await.unwrap();
        let response = response.await.unwrap();
        assert_eq!(describe(response.get().unwrap()), "content 200 stream");
        sink.until(|received| received.bytes == b"ping").await;
        write(&stream, b"pong").await.unwrap();
        sink.until(|received| received.bytes == b"pingpong").await;
        body(&stream).done_request().send().promise.await.unwrap();
        sink.until(|received| received.done).await;
    });
}

#[derive(Default)]
struct Browser {
    received: Rc<RefCell<Vec<u8>>>,
    changed: Rc<tokio::sync::Notify>,
    gone: Rc<RefCell<bool>>,
}

impl Drop for Browser {
    fn drop(&mut self) {
        *self.gone.borrow_mut() = true;
        self.changed.notify_waiters();
    }
}

impl web_socket_stream::Server for Browser {
    async fn send_bytes(self: Rc<Self>, params: web_socket_stream::SendBytesParams) -> capnp::Result<()> {
        self.received.borrow_mut().extend_from_slice(params.get()?.get_message()?);
        self.changed.notify_waiters();
        Ok(())
    }
}

async fn send_frame(stream: &web_socket_stream::Client, bytes: &[u8]) {
    let mut request = stream.send_bytes_request();
    request.get().set_message(bytes);
    request.send().await.unwrap();
}

#[test]
fn a_websocket_passes_bytes_both_ways() {
    run(async {
        let heads = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&heads);
        let app = TestApp::raw(TcpListener::bind("127.0.0.1:0").unwrap(), move |_, stream: &mut TcpStream| {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let Some(head) = read_head(&mut reader) else { return };
            if head.starts_with("GET /refused") {
                respond(stream, "403 Forbidden", "", b"no");
                return;
            }
            *kept.lock().unwrap() = head;
            // The first frame comes in the same packet as the answer.
            stream
                .write_all(
                    b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                      Sec-WebSocket-Protocol: b\r\n\r\n\x81\x05hello",
                )
                .unwrap();
            let mut bytes = [0; 4096];
            loop {
                let count = reader.read(&mut bytes).unwrap();
                if count == 0 || bytes[0] == b'q' {
                    let _ = stream.write_all(b"bye");
                    return;
                }
                stream.write_all(&bytes[..count]).unwrap();
            }
        });
        let bridge = Bridge::start(app.port);
        let session = bridge.session().await;
        let open = |path: &'static str, browser: Browser| {
            let mut request = session.open_web_socket_request();
            let mut params = request.get();
            params.set_path(path);
            let mut protocols = params.reborrow().init_protocol(2);
            protocols.set(0, "a");
            protocols.set(1, "b");
            params.set_client_stream(capnp_rpc::new_client::<web_socket_stream::Client, _>(browser));
            request.send().promise
        };

        let browser = Browser::default();
        let (received, changed, gone) =
            (Rc::clone(&browser.received), Rc::clone(&browser.changed), Rc::clone(&browser.gone));
        let until = async |expected: &[u8], end: bool| loop {
            let wait = changed.notified();
            if received.borrow().as_slice() == expected && *gone.borrow() == end {
                return;
            }
            wait.await;
        };
        let response = open("ws?x=1", browser).await.unwrap();
        let response = response.get().unwrap();
        let protocol = response.get_protocol().unwrap().iter().map(|p| p.unwrap().to_string().unwrap());
        assert_eq!(protocol.collect::<Vec<_>>(), ["b"]);
        let stream = response.get_server_stream().unwrap();
        let head = heads.lock().unwrap().clone();
        assert!(
            head.starts_with(
                "GET /ws?x=1 HTTP/1.1\nUpgrade: websocket\nConnection: Upgrade\n\
                 Sec-WebSocket-Key: mj9i153gxeYNlGDoKdoXOQ==\nSec-WebSocket-Protocol: a, b\nSec-WebSocket-Version: 13\n\
                 Accept-Language: de,en;q=0.5\n"
            ),
            "{head}"
        );
        until(b"\x81\x05hello", false).await;
        // Several pieces are under way at once and stay in order.
        let mut all = b"\x81\x05hello".to_vec();
        let pieces = (0..100_u8).map(|i| vec![i; 100]).collect::<Vec<_>>();
        let sending = pieces.iter().map(|piece| send_frame(&stream, piece));
        futures::future::join_all(sending).await;
        all.extend(pieces.concat());
        until(&all, false).await;
        // The app ends it.
        send_frame(&stream, b"q").await;
        all.extend(b"bye");
        until(&all, true).await;

        // The browser ends it: what it sent before still reaches the app.
        let browser = Browser::default();
        let (received, changed, gone) =
            (Rc::clone(&browser.received), Rc::clone(&browser.changed), Rc::clone(&browser.gone));
        let until = async |expected: &[u8], end: bool| loop {
            let wait = changed.notified();
            if received.borrow().as_slice() == expected && *gone.borrow() == end {
                return;
            }
            wait.await;
        };
        let response = open("ws", browser).await.unwrap();
        let stream = response.get().unwrap().get_server_stream().unwrap();
        send_frame(&stream, b"last").await;
        drop(stream);
        drop(response);
        until(b"\x81\x05hellolastbye", true).await;

        let error = open("refused", Browser::default()).await.err().unwrap();
        assert!(error.extra.contains("the app refused the WebSocket with status 403"), "{error}");
    });
}
