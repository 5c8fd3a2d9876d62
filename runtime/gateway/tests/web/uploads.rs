//! Request bodies that are streamed, and the ways round apps that cannot take a stream.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use capnp::Error;
use granary_gateway::web::{BoxError, WebSettings, forward};
use granary_wire::grain_capnp::ui_session;
use granary_wire::util_capnp::byte_stream;
use granary_wire::web_session_capnp::web_session::{self, request_stream, response};
use http_body::Frame;
use tokio::sync::{Semaphore, mpsc, watch};

use crate::app::{BOUND, Bench, read};

/// What an app does with an upload.
#[derive(Clone)]
pub struct Taker {
    pub how: How,
    /// One permit a write; more than enough where the test does not count.
    pub gate: Arc<Semaphore>,
    pub taken: Arc<AtomicU64>,
    pub tell: mpsc::UnboundedSender<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Takes everything, then says what it got.
    Whole,
    /// Answers at once.
    AtOnce,
    /// Answers when the first write fails, which it does.
    RefuseWrites,
    /// Fails all writes and never answers.
    Broken,
    /// An app whose bridge is too old for streams.
    Unimplemented,
    /// An app whose bridge is older still.
    NotImplementedText,
}

impl Taker {
    pub fn bench(how: How, settings: WebSettings) -> (Bench, Self, mpsc::UnboundedReceiver<String>) {
        let (tell, told) = mpsc::unbounded_channel();
        let gate = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        let taker = Self { how, gate, taken: Arc::default(), tell };
        let for_app = taker.clone();
        (Bench::wired(settings, move || for_app.clone()), taker, told)
    }

    fn open(&self, what: String, fill: impl FnOnce(request_stream::Client)) -> Result<(), Error> {
        match self.how {
            How::Unimplemented => return Err(Error::unimplemented("no such method".into())),
            How::NotImplementedText => return Err(Error::failed("Method Not Implemented by this bridge".into())),
            _ => {}
        }
        let _ = self.tell.send(what);
        let (answer, wait) = watch::channel(self.how == How::AtOnce);
        let stream = Stream { taker: self.clone(), sum: RefCell::new((0, 0)), done: RefCell::new(false), answer, wait };
        fill(capnp_rpc::new_client(stream));
        Ok(())
    }
}

impl ui_session::Server for Taker {}

macro_rules! whole {
    ($method:ident, $Params:ident, $Results:ident) => {
        fn $method(
            self: Rc<Self>,
            params: web_session::$Params,
            mut results: web_session::$Results,
        ) -> impl Future<Output = Result<(), Error>> + 'static {
            let read = || -> Result<String, Error> {
                let content = params.get()?.get_content()?;
                Ok(format!(
                    "{} {} {}",
                    stringify!($method),
                    content.get_mime_type()?.to_str()?,
                    sum(content.get_content()?)
                ))
            };
            let told = read().map(|what| {
                let _ = self.tell.send(what);
                results.get().init_no_content();
            });
            std::future::ready(told)
        }
    };
}

macro_rules! streamed {
    ($method:ident, $Params:ident, $Results:ident) => {
        fn $method(
            self: Rc<Self>,
            params: web_session::$Params,
            mut results: web_session::$Results,
        ) -> impl Future<Output = Result<(), Error>> + 'static {
            let what = params.get().and_then(|params| {
                let (path, kind) = (params.get_path()?.to_str()?, params.get_mime_type()?.to_str()?);
                Ok(format!("{} {path} {kind} [{}]", stringify!($method), params.get_encoding()?.to_str()?))
            });
            std::future::ready(what.and_then(|what| self.open(what, |stream| results.get().set_stream(stream))))
        }
    };
}

impl web_session::Server for Taker {
    whole!(post, PostParams, PostResults);
    whole!(put, PutParams, PutResults);
    streamed!(post_streaming, PostStreamingParams, PostStreamingResults);
    streamed!(put_streaming, PutStreamingParams, PutStreamingResults);
}

struct Stream {
    taker: Taker,
    sum: RefCell<(u64, u64)>,
    done: RefCell<bool>,
    answer: watch::Sender<bool>,
    wait: watch::Receiver<bool>,
}

impl byte_stream::Server for Stream {
    async fn write(self: Rc<Self>, params: byte_stream::WriteParams) -> Result<(), Error> {
        if matches!(self.taker.how, How::RefuseWrites | How::Broken) {
            self.answer.send_replace(self.taker.how == How::RefuseWrites);
            return Err(Error::failed("no more".into()));
        }
        self.taker.gate.acquire().await.expect("an open gate").forget();
        let data = params.get()?.get_data()?;
        let (length, hash) = *self.sum.borrow();
        *self.sum.borrow_mut() = (length + data.len() as u64, fold(hash, data));
        self.taker.taken.fetch_add(data.len() as u64, Ordering::SeqCst);
        Ok(())
    }

    fn done(
        self: Rc<Self>,
        _: byte_stream::DoneParams,
        _: byte_stream::DoneResults,
    ) -> impl Future<Output = Result<(), Error>> + 'static {
        *self.done.borrow_mut() = true;
        self.answer.send_replace(true);
        std::future::ready(Ok(()))
    }

    fn expect_size(
        self: Rc<Self>,
        params: byte_stream::ExpectSizeParams,
        _: byte_stream::ExpectSizeResults,
    ) -> impl Future<Output = Result<(), Error>> + 'static {
        let told = params.get().map(|params| {
            let _ = self.taker.tell.send(format!("size {}", params.get_size()));
        });
        std::future::ready(told)
    }
}

impl request_stream::Server for Stream {
    fn get_response(
        self: Rc<Self>,
        _: request_stream::GetResponseParams,
        mut results: request_stream::GetResponseResults,
    ) -> impl Future<Output = Result<(), Error>> + 'static {
        let mut wait = self.wait.clone();
        let this = Rc::downgrade(&self);
        drop(self);
        async move {
            wait.wait_for(|answer| *answer).await.map_err(|_| Error::disconnected("the upload was given up".into()))?;
            let this = this.upgrade().ok_or_else(|| Error::disconnected("the upload was given up".into()))?;
            let response: response::Builder<'_> = results.get();
            let (length, hash) = *this.sum.borrow();
            response.init_content().init_body().set_bytes(format!("{length} {hash:x}").as_bytes());
            Ok(())
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let _ = self.taker.tell.send(format!("dropped {}", self.done.borrow()));
    }
}

/// A sum that depends on order and does not depend on how the bytes are cut.
pub fn fold(hash: u64, data: &[u8]) -> u64 {
    data.iter().fold(hash, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(*byte) + 1))
}

pub fn sum(data: &[u8]) -> String {
    format!("{} {:x}", data.len(), fold(0, data))
}

/// A body of given pieces; counts what was asked for.
pub struct Pieces {
    pub pieces: VecDeque<Piece>,
    pub size: Option<u64>,
    pub given: Arc<AtomicU64>,
}

pub enum Piece {
    Data(Bytes),
    Fail,
    Wait,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.pieces.front() {
            Some(Piece::Wait) => return Poll::Pending,
            Some(Piece::Fail) => return Poll::Ready(Some(Err("the client has gone".into()))),
            Some(Piece::Data(_)) | None => {}
        }
        Poll::Ready(self.pieces.pop_front().map(|piece| {
            let Piece::Data(data) = piece else { unreachable!("looked at above") };
            self.given.fetch_add(data.len() as u64, Ordering::SeqCst);
            Ok(Frame::data(data))
        }))
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.size.map_or_else(http_body::SizeHint::default, http_body::SizeHint::with_exact)
    }
}

pub fn data(length: usize) -> Bytes {
    (0..length).map(|index| (index * 7 + index / 251) as u8).collect()
}

pub fn upload(method: &str, pieces: Vec<Piece>, size: Option<u64>) -> (http::Request<Pieces>, Arc<AtomicU64>) {
    let given = Arc::<AtomicU64>::default();
    let body = Pieces { pieces: pieces.into(), size, given: Arc::clone(&given) };
    let request = http::Request::builder().method(method).uri("/up?x").header("content-type", "x/y").body(body);
    (request.expect("a request"), given)
}

async fn heard(told: &mut mpsc::UnboundedReceiver<String>) -> String {
    tokio::time::timeout(BOUND, told.recv()).await.expect("an event in time").expect("an app that lives")
}

#[tokio::test]
async fn large_and_unsized_bodies_are_streamed() {
    let whole = data(700_000);
    for (method, call, size) in [
        ("POST", "post_streaming up?x x/y []", Some(700_000)),
        ("PUT", "put_streaming up?x x/y []", Some(700_000)),
        ("POST", "post_streaming up?x x/y []", None),
    ] {
        let (bench, _, mut told) = Taker::bench(How::Whole, WebSettings::default());
        let pieces = whole.chunks(50_000).map(|piece| Piece::Data(whole.slice_ref(piece))).collect();
        let (request, _) = upload(method, pieces, size);
        let answer = read(forward(&bench.target, request).await).await;
        assert_eq!(String::from_utf8_lossy(&answer.body), sum(&whole));
        assert_eq!(heard(&mut told).await, call);
        if let Some(size) = size {
            assert_eq!(heard(&mut told).await, format!("size {size}"));
        }
        assert_eq!(heard(&mut told).await, "dropped true");
    }
}

#[tokio::test]
async fn small_bodies_go_in_one_piece() {
    for length in [0, 1, 65_535] {
        let (bench, _, mut told) = Taker::bench(How::Whole, WebSettings::default());
        let whole = data(length);
        let pieces = whole.chunks(20_000).map(|piece| Piece::Data(whole.slice_ref(piece))).collect();
        let (request, _) = upload("POST", pieces, Some(length as u64));
        assert_eq!(read(forward(&bench.target, request).await).await.status, 204);
        assert_eq!(heard(&mut told).await, format!("post x/y {}", sum(&whole)));
    }
}

#[tokio::test]
async fn apps_that_know_no_streams_get_the_body_in_one_piece() {
    let whole = data(3_000_000);
    for how in [How::Unimplemented, How::NotImplementedText] {
        for (method, call) in [("POST", "post"), ("PUT", "put")] {
            let (bench, _, mut told) = Taker::bench(how, WebSettings::default());
            let pieces = whole.chunks(100_000).map(|piece| Piece::Data(whole.slice_ref(piece))).collect();
            let (request, _) = upload(method, pieces, None);
            assert_eq!(read(forward(&bench.target, request).await).await.status, 204);
            assert_eq!(heard(&mut told).await, format!("{call} x/y {}", sum(&whole)));
        }
    }
}

#[tokio::test]
async fn collected_bodies_are_bounded() {
    let whole = data(400_000);
    let pieces = || whole.chunks(100_000).map(|piece| Piece::Data(whole.slice_ref(piece))).collect();
    for (size, status, code, settings) in [
        (None, 413, "body-too-large", WebSettings { buffered_body: 300_000, ..WebSettings::default() }),
        (Some(400_000), 413, "body-too-large", WebSettings { buffered_body: 300_000, ..WebSettings::default() }),
        (
            None,
            503,
            "overloaded",
            WebSettings { buffer_budget: Arc::new(Semaphore::new(256)), ..WebSettings::default() },
        ),
    ] {
        let (bench, _, _told) = Taker::bench(How::Unimplemented, settings);
        let (request, _) = upload("POST", pieces(), size);
        let answer = read(forward(&bench.target, request).await).await;
        assert_eq!((answer.status, answer.header("x-granary-error")), (status, Some(code)));
    }
    // The budget comes back.
    let budget = Arc::new(Semaphore::new(512));
    let settings = WebSettings { buffer_budget: Arc::clone(&budget), ..WebSettings::default() };
    let (bench, _, _told) = Taker::bench(How::Unimplemented, settings);
    for _ in 0..3 {
        let (request, _) = upload("POST", pieces(), None);
        assert_eq!(read(forward(&bench.target, request).await).await.status, 204);
    }
    bench.settle().await;
    assert_eq!(budget.available_permits(), 512);
}

#[tokio::test]
async fn an_app_may_answer_before_it_has_got_everything() {
    let (bench, taker, mut told) = Taker::bench(How::AtOnce, WebSettings::default());
    let first = data(100_000);
    let (request, _) = upload("POST", vec![Piece::Data(first.clone()), Piece::Data(first.clone())], Some(200_000));
    let answer = read(forward(&bench.target, request).await).await;
    assert_eq!(answer.status, 200);
    // The rest arrives all the same.
    assert_eq!(heard(&mut told).await, "post_streaming up?x x/y []");
    assert_eq!(heard(&mut told).await, "size 200000");
    assert_eq!(heard(&mut told).await, "dropped true");
    assert_eq!(taker.taken.load(Ordering::SeqCst), 200_000);
}

#[tokio::test]
async fn an_upload_that_stands_still_behind_its_response_is_given_up() {
    let settings = WebSettings { linger: Duration::from_millis(10), ..WebSettings::default() };
    let (bench, _, mut told) = Taker::bench(How::AtOnce, settings);
    let (request, _) = upload("POST", vec![Piece::Data(data(100_000)), Piece::Wait], Some(200_000));
    assert_eq!(read(forward(&bench.target, request).await).await.status, 200);
    while heard(&mut told).await != "dropped false" {}
}

#[tokio::test]
async fn an_answer_says_more_than_a_failed_write() {
    let (bench, ..) = Taker::bench(How::RefuseWrites, WebSettings::default());
    let (request, given) = upload("POST", (0..10).map(|_| Piece::Data(data(100_000))).collect(), Some(1_000_000));
    let answer = read(forward(&bench.target, request).await).await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"0 0".as_slice()));
    // What is left is read within bounds, so that the client sees the response.
    bench.settle().await;
    assert_eq!(given.load(Ordering::SeqCst), 1_000_000);
}

#[tokio::test]
async fn an_app_that_fails_and_never_answers_is_an_error_page() {
    let settings = WebSettings { linger: Duration::from_millis(10), ..WebSettings::default() };
    let (bench, ..) = Taker::bench(How::Broken, settings);
    let (request, _) = upload("POST", vec![Piece::Data(data(100_000))], Some(100_000));
    let answer = read(forward(&bench.target, request).await).await;
    assert_eq!((answer.status, answer.header("x-granary-error")), (500, Some("app-failed")));
}

#[tokio::test]
async fn an_upload_broken_off_by_the_client_is_not_done() {
    let (bench, _, mut told) = Taker::bench(How::Whole, WebSettings::default());
    let (request, _) = upload("POST", vec![Piece::Data(data(100_000)), Piece::Fail], Some(200_000));
    let answer = read(forward(&bench.target, request).await).await;
    assert_eq!((answer.status, answer.header("x-granary-error")), (400, Some("body-broken")));
    while heard(&mut told).await != "dropped false" {}
}

#[tokio::test]
async fn a_client_that_stands_still_is_given_up() {
    for (how, size) in [(How::Whole, Some(200_000)), (How::Whole, Some(60_000)), (How::Unimplemented, None)] {
        let settings = WebSettings { body_idle: Duration::from_millis(10), ..WebSettings::default() };
        let (bench, ..) = Taker::bench(how, settings);
        let (request, _) = upload("POST", vec![Piece::Data(data(1000)), Piece::Wait], size);
        let answer = read(forward(&bench.target, request).await).await;
        assert_eq!((answer.status, answer.header("x-granary-error")), (408, Some("body-timeout")));
    }
}

#[tokio::test]
async fn a_request_given_up_is_given_up_by_the_app_too() {
    let (bench, _, mut told) = Taker::bench(How::Whole, WebSettings::default());
    let (request, _) = upload("POST", vec![Piece::Data(data(100_000)), Piece::Wait], Some(200_000));
    let target = Arc::clone(&bench.target);
    let asked = tokio::spawn(async move { forward(&target, request).await });
    assert_eq!(heard(&mut told).await, "post_streaming up?x x/y []");
    asked.abort();
    while heard(&mut told).await != "dropped false" {}
}
