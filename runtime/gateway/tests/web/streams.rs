//! Responses that an app writes piece by piece.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use capnp::{Error, ErrorKind};
use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use granary_gateway::web::{WebSettings, forward};
use granary_wire::grain_capnp::ui_session;
use granary_wire::util_capnp::{byte_stream, handle};
use granary_wire::web_session_capnp::web_session;
use http_body::Body as _;
use tokio::sync::mpsc;

use crate::app::{BOUND, Bench, piece, read, request};

/// What an app's side of a stream tells the test.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    Pinged,
    HandleDropped,
    Wrote(Result<(), ErrorKind>),
}

pub type Events = mpsc::UnboundedReceiver<Event>;
pub type Tell = mpsc::UnboundedSender<Event>;

pub async fn next(events: &mut Events) -> Event {
    tokio::time::timeout(BOUND, events.recv()).await.expect("an event in time").expect("an app that lives")
}

struct Handle {
    tell: Tell,
    broken: bool,
}

impl handle::Server for Handle {
    fn ping(
        self: Rc<Self>,
        _: handle::PingParams,
        _: handle::PingResults,
    ) -> impl Future<Output = Result<(), Error>> + 'static {
        let _ = self.tell.send(Event::Pinged);
        let error = if self.broken { Error::disconnected("gone".into()) } else { Error::failed("what?".into()) };
        std::future::ready(Err(error))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let _ = self.tell.send(Event::HandleDropped);
    }
}

pub type Script = dyn Fn(byte_stream::Client, Tell) -> LocalBoxFuture<'static, ()> + Send + Sync;

/// An app that answers every GET with a stream, and runs a script on it.
pub struct Streamer {
    pub script: Arc<Script>,
    pub tell: Tell,
    pub broken_handle: bool,
    pub answer: Reply,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// A stream; the script runs beside it.
    Stream,
    /// A stream, after the script has run.
    StreamAfter,
    /// Plain bytes; the script runs beside it.
    Bytes,
}

impl ui_session::Server for Streamer {}

impl web_session::Server for Streamer {
    async fn get(
        self: Rc<Self>,
        params: web_session::GetParams,
        mut results: web_session::GetResults,
    ) -> Result<(), Error> {
        let stream = params.get()?.get_context()?.get_response_stream()?;
        drop(params);
        let script = (self.script)(stream, self.tell.clone());
        if self.answer == Reply::StreamAfter {
            script.await;
        } else {
            tokio::task::spawn_local(script);
        }
        let mut content = results.get().init_content();
        content.set_mime_type("text/plain");
        if self.answer == Reply::Bytes {
            content.init_body().set_bytes(b"whole");
        } else {
            let handle = Handle { tell: self.tell.clone(), broken: self.broken_handle };
            content.init_body().set_stream(capnp_rpc::new_client(handle));
        }
        Ok(())
    }
}

pub fn streamer<F>(settings: WebSettings, answer: Reply, broken_handle: bool, script: F) -> (Bench, Events)
where
    F: Fn(byte_stream::Client, Tell) -> LocalBoxFuture<'static, ()> + Send + Sync + 'static,
{
    let (tell, events) = mpsc::unbounded_channel();
    let script: Arc<Script> = Arc::new(script);
    let make = move || Streamer { script: Arc::clone(&script), tell: tell.clone(), broken_handle, answer };
    (Bench::wired(settings, make), events)
}

pub async fn write(stream: &byte_stream::Client, data: &[u8]) -> Result<(), Error> {
    let mut request = stream.write_request();
    request.get().set_data(data);
    // As a plain call: its answer says that this very write was taken.
    request.hook.send().promise.await.map(drop)
}

pub async fn expect_size(stream: &byte_stream::Client, size: u64) -> Result<(), Error> {
    let mut request = stream.expect_size_request();
    request.get().set_size(size);
    request.send().promise.await.map(drop)
}

pub async fn done(stream: &byte_stream::Client) -> Result<(), Error> {
    stream.done_request().send().promise.await.map(drop)
}

fn told(result: Result<(), Error>) -> Event {
    Event::Wrote(result.map_err(|error| error.kind))
}

#[tokio::test]
async fn with_a_size_and_without() {
    for (size, hint) in [(Some(11), Some(11)), (None, None)] {
        let (bench, mut events) = streamer(WebSettings::default(), Reply::Stream, false, move |stream, _| {
            async move {
                if let Some(size) = size {
                    expect_size(&stream, size).await.expect("taken");
                }
                write(&stream, b"hello ").await.expect("taken");
                write(&stream, b"world").await.expect("taken");
                done(&stream).await.expect("taken");
            }
            .boxed_local()
        });
        let response = forward(&bench.target, request("GET", "/", &[], b"")).await;
        assert_eq!(response.body().size_hint().exact(), hint);
        let answer = read(response).await;
        assert_eq!((answer.dump().as_str(), answer.cut_off), ("200\ncontent-type: text/plain\n\nhello world", false));
        assert_eq!(next(&mut events).await, Event::HandleDropped);
    }
}

#[tokio::test]
async fn written_before_the_response() {
    let (bench, _events) = streamer(WebSettings::default(), Reply::StreamAfter, false, |stream, _| {
        async move {
            expect_size(&stream, 5).await.expect("taken");
            write(&stream, b"early").await.expect("taken");
            done(&stream).await.expect("taken");
        }
        .boxed_local()
    });
    let response = forward(&bench.target, request("GET", "/", &[], b"")).await;
    assert_eq!(response.body().size_hint().exact(), Some(5));
    assert_eq!(read(response).await.body, b"early");
}

#[tokio::test]
async fn nothing_at_all_is_a_whole_response_when_it_is_done() {
    let (bench, _events) = streamer(WebSettings::default(), Reply::Stream, false, |stream, _| {
        async move { done(&stream).await.expect("taken") }.boxed_local()
    });
    let answer = bench.get("/").await;
    assert_eq!((answer.status, answer.body.len(), answer.cut_off), (200, 0, false));
}

#[tokio::test]
async fn headers_do_not_wait_for_the_first_byte() {
    // An event stream: nothing is written until the client has the headers.
    let (go, wait) = tokio::sync::watch::channel(false);
    let (bench, _events) = streamer(WebSettings::default(), Reply::Stream, false, move |stream, _| {
        let mut wait = wait.clone();
        async move {
            wait.wait_for(|go| *go).await.expect("a test that lives");
            write(&stream, b"data: 1\n\n").await.expect("taken");
            done(&stream).await.expect("taken");
        }
        .boxed_local()
    });
    let response = forward(&bench.target, request("GET", "/", &[], b"")).await;
    go.send_replace(true);
    assert_eq!(read(response).await.body, b"data: 1\n\n");
}

#[tokio::test]
async fn a_stream_that_is_not_done_is_seen_as_cut_off() {
    let (bench, _events) = streamer(WebSettings::default(), Reply::Stream, false, |stream, _| {
        async move { write(&stream, b"half").await.expect("taken") }.boxed_local()
    });
    let answer = bench.get("/").await;
    assert_eq!((answer.status, answer.body.as_slice(), answer.cut_off), (200, b"half".as_slice(), true));
}

#[tokio::test]
async fn a_stream_dropped_at_once_is_an_error_page() {
    let (bench, _events) =
        streamer(WebSettings::default(), Reply::Stream, false, |stream, _| async move { drop(stream) }.boxed_local());
    let answer = bench.get("/").await;
    assert_eq!((answer.status, answer.header("x-granary-error")), (502, Some("no-response")));
}

#[tokio::test]
async fn a_size_that_does_not_hold_cuts_the_response_off() {
    for size in [3, 100] {
        let (bench, mut events) = streamer(WebSettings::default(), Reply::Stream, false, move |stream, tell| {
            async move {
                expect_size(&stream, size).await.expect("taken");
                let result = async {
                    write(&stream, b"hello").await?;
                    done(&stream).await
                };
                let _ = tell.send(told(result.await));
            }
            .boxed_local()
        });
        assert!(bench.get("/").await.cut_off);
        let wrote = loop {
            match next(&mut events).await {
                Event::HandleDropped => {}
                event => break event,
            }
        };
        assert_eq!(wrote, Event::Wrote(Err(ErrorKind::Failed)));
    }
}

#[tokio::test]
async fn the_app_is_pinged_while_it_streams() {
    let settings = WebSettings { ping_interval: Duration::from_millis(5), ..WebSettings::default() };
    let (bench, mut events) = streamer(settings, Reply::Stream, false, |stream, _| {
        async move {
            write(&stream, b"x").await.expect("taken");
            // Goes on for as long as the client wants.
            std::future::pending::<()>().await;
        }
        .boxed_local()
    });
    let mut response = forward(&bench.target, request("GET", "/", &[], b"")).await;
    assert_eq!(&piece(response.body_mut()).await.expect("a byte")[..], b"x");
    // The handle answers with an error that is none of a lost connection: it is pinged all the same.
    for _ in 0..3 {
        assert_eq!(next(&mut events).await, Event::Pinged);
    }
    drop(response);
    while next(&mut events).await != Event::HandleDropped {}
}

#[tokio::test]
async fn a_lost_handle_cuts_the_response_off() {
    let settings = WebSettings { ping_interval: Duration::from_millis(5), ..WebSettings::default() };
    let (bench, _events) = streamer(settings, Reply::Stream, true, |stream, _| {
        async move {
            write(&stream, b"x").await.expect("taken");
            std::future::pending::<()>().await;
        }
        .boxed_local()
    });
    assert!(bench.get("/").await.cut_off);
}

#[tokio::test]
async fn the_app_learns_that_the_client_has_gone() {
    let (bench, mut events) = streamer(WebSettings::default(), Reply::Stream, false, |stream, tell| {
        async move {
            let chunk = vec![0; 64 * 1024];
            let error = loop {
                if let Err(error) = write(&stream, &chunk).await {
                    break error;
                }
            };
            let _ = tell.send(told(Err(error)));
        }
        .boxed_local()
    });
    let mut response = forward(&bench.target, request("GET", "/", &[], b"")).await;
    piece(response.body_mut()).await.expect("a byte");
    drop(response);
    let mut seen = [next(&mut events).await, next(&mut events).await];
    seen.sort_by_key(|event| *event == Event::HandleDropped);
    assert_eq!(seen, [Event::Wrote(Err(ErrorKind::Disconnected)), Event::HandleDropped]);
}

#[tokio::test]
async fn a_whole_response_has_no_stream() {
    let (start, wait) = tokio::sync::watch::channel(false);
    let (bench, mut events) = streamer(WebSettings::default(), Reply::Bytes, false, move |stream, tell| {
        let mut wait = wait.clone();
        async move {
            wait.wait_for(|start| *start).await.expect("a test that lives");
            let _ = tell.send(told(write(&stream, b"more").await));
        }
        .boxed_local()
    });
    let answer = bench.get("/").await;
    assert_eq!((answer.body.as_slice(), answer.cut_off), (b"whole".as_slice(), false));
    start.send_replace(true);
    assert_eq!(next(&mut events).await, Event::Wrote(Err(ErrorKind::Failed)));
}

#[tokio::test]
async fn head_does_not_wait_for_a_stream() {
    let (bench, mut events) = streamer(WebSettings::default(), Reply::Stream, false, |stream, _| {
        async move {
            std::future::pending::<()>().await;
            drop(stream);
        }
        .boxed_local()
    });
    let answer = bench.send(request("HEAD", "/", &[], b"")).await;
    assert_eq!(answer.dump(), "200\ncontent-type: text/plain");
    assert_eq!(next(&mut events).await, Event::HandleDropped);
}

#[tokio::test]
async fn closing_the_target_cuts_streams_off() {
    let (bench, mut events) = streamer(WebSettings::default(), Reply::Stream, false, |stream, _| {
        async move {
            write(&stream, b"x").await.expect("taken");
            std::future::pending::<()>().await;
        }
        .boxed_local()
    });
    let mut response = forward(&bench.target, request("GET", "/", &[], b"")).await;
    piece(response.body_mut()).await.expect("a byte");
    bench.target.close();
    assert!(read(response).await.cut_off);
    assert_eq!(next(&mut events).await, Event::HandleDropped);
    assert_eq!(bench.get("/").await.header("x-granary-error"), Some("session-closed"));
}
