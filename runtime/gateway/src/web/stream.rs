//! The `ByteStream` an app writes a response to, and its way into the HTTP body.
//!
//! Back-pressure: `write` returns when less than a window of bytes is on the way to the client. capnp-rpc holds back the
//! calls behind a streaming call that has not returned, so order is kept and nothing piles up here.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::Future;
use std::rc::Rc;

use bytes::Bytes;
use capnp::Error;
use granary_wire::util_capnp::{byte_stream, handle};
use http::Response;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior};

use super::body::{self, Body, Closed};
use super::page::Page;
use super::response::has_body;
use super::target::WebTarget;

/// What a `ByteStream` server and the rest of an exchange share.
pub(super) struct Flow {
    window: usize,
    mode: Cell<Mode>,
    /// The size the app has told before its first write.
    expected: Cell<Option<u64>>,
    written: Cell<u64>,
    done: Cell<bool>,
    /// The app has dropped the stream.
    lost: Cell<bool>,
    /// Made with the first byte, or when a streamed response starts: most responses need none.
    channel: OnceCell<(body::Sender, RefCell<Option<body::Receiver>>)>,
    /// The headers can go out: size, first byte or end are known.
    decision: Notify,
    finished: Notify,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// The response is not known yet.
    Open,
    /// The response is whole, so it has no stream.
    Refused,
    /// Nobody wants the bytes: a HEAD request.
    Unwanted,
}

impl Flow {
    /// Makes the stream and the capability for it.
    pub(super) fn create(window: usize) -> (Rc<Self>, byte_stream::Client) {
        let flow = Rc::new(Self {
            window,
            mode: Cell::new(Mode::Open),
            expected: Cell::new(None),
            written: Cell::new(0),
            done: Cell::new(false),
            lost: Cell::new(false),
            channel: OnceCell::new(),
            decision: Notify::new(),
            finished: Notify::new(),
        });
        let client = capnp_rpc::new_client(Server(Rc::clone(&flow)));
        (flow, client)
    }

    /// From now on writing fails: the response is not a streamed one.
    pub(super) fn refuse(&self) {
        self.mode.set(Mode::Refused);
    }

    fn channel(&self) -> &(body::Sender, RefCell<Option<body::Receiver>>) {
        self.channel.get_or_init(|| {
            let (sender, receiver) = body::channel(self.window);
            (sender, RefCell::new(Some(receiver)))
        })
    }

    fn sender(&self) -> &body::Sender {
        &self.channel().0
    }

    fn is_decided(&self) -> bool {
        self.expected.get().is_some() || self.written.get() > 0 || self.done.get() || self.lost.get()
    }

    fn check_open(&self) -> Result<(), Error> {
        match self.mode.get() {
            Mode::Open => Ok(()),
            Mode::Refused => Err(Error::failed("this response has no stream".to_owned())),
            Mode::Unwanted => Err(gone()),
        }
    }

    /// Takes in one piece; tells whether there is room for more.
    fn accept(&self, data: &[u8]) -> Result<bool, Error> {
        self.check_open()?;
        if self.done.get() {
            return Err(Error::failed("the stream was written to after done()".to_owned()));
        }
        let written = self.written.get() + data.len() as u64;
        if self.expected.get().is_some_and(|expected| written > expected) {
            self.sender().abort();
            return Err(Error::failed("more bytes were written than expectSize() told".to_owned()));
        }
        self.written.set(written);
        let room = self.sender().push(Bytes::copy_from_slice(data)).map_err(|Closed| gone())?;
        self.decision.notify_one();
        Ok(room)
    }

    fn finish(&self) -> Result<(), Error> {
        self.check_open()?;
        self.done.set(true);
        let complete = self.expected.get().is_none_or(|expected| self.written.get() == expected);
        if complete {
            self.sender().finish();
        } else {
            self.sender().abort();
        }
        self.decision.notify_one();
        self.finished.notify_one();
        if complete { Ok(()) } else { Err(Error::failed("fewer bytes were written than expectSize() told".to_owned())) }
    }

    /// Makes the response whose body is this stream. `head` has status and headers.
    pub(super) async fn into_response(
        self: Rc<Self>,
        target: &WebTarget,
        head: Response<()>,
        app: Option<handle::Client>,
        ignore_body: bool,
    ) -> Response<Body> {
        if ignore_body || !has_body(head.status()) {
            self.mode.set(Mode::Unwanted);
            return head.map(|()| Body::empty());
        }
        if !self.is_decided() {
            // A late size only costs the progress display; waiting longer would hold up event streams.
            let _ = tokio::time::timeout(target.settings.header_grace, self.decision.notified()).await;
        }
        if self.lost.get() && !self.done.get() && self.written.get() == 0 {
            return Page::truncated().into_response();
        }
        let expected = self.expected.get();
        let Some(receiver) = self.channel().1.borrow_mut().take() else {
            return Page::bad_response().into_response();
        };
        if self.lost.get() && !self.done.get() {
            self.sender().abort();
        }
        if !self.done.get() {
            let (busy, kept) = (target.busy(), keep(self, app, target.settings.ping_interval, target.closed().clone()));
            tokio::task::spawn_local(async move {
                kept.await;
                drop(busy);
            });
        }
        head.map(|()| receiver.with_size(expected).into_body())
    }
}

fn gone() -> Error {
    Error::disconnected("the client has gone away".to_owned())
}

/// Holds the app's handle while its stream runs, and asks now and then whether the app is still there.
async fn keep(
    flow: Rc<Flow>,
    app: Option<handle::Client>,
    interval: std::time::Duration,
    closed: tokio_util::sync::CancellationToken,
) {
    let mut ticks = tokio::time::interval_at(Instant::now() + interval, interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let watch = async {
        loop {
            ticks.tick().await;
            let Some(app) = &app else { continue };
            match app.ping_request().send().promise.await {
                Err(error) if error.kind == capnp::ErrorKind::Disconnected => return,
                // Old apps do not know the call, and an app that fails here may still be writing.
                _ => {}
            }
        }
    };
    tokio::select! {
        biased;
        () = flow.finished.notified() => {}
        () = flow.sender().closed() => {}
        () = closed.cancelled() => flow.sender().abort(),
        () = watch => flow.sender().abort(),
    }
}

struct Server(Rc<Flow>);

impl byte_stream::Server for Server {
    async fn write(self: Rc<Self>, params: byte_stream::WriteParams) -> Result<(), Error> {
        let room = self.0.accept(params.get()?.get_data()?)?;
        // The message is freed before the wait: its bytes are in the channel now.
        drop(params);
        if room { Ok(()) } else { self.0.sender().room().await.map_err(|Closed| gone()) }
    }

    fn done(
        self: Rc<Self>,
        _: byte_stream::DoneParams,
        _: byte_stream::DoneResults,
    ) -> impl Future<Output = Result<(), Error>> + 'static {
        std::future::ready(self.0.finish())
    }

    fn expect_size(
        self: Rc<Self>,
        params: byte_stream::ExpectSizeParams,
        _: byte_stream::ExpectSizeResults,
    ) -> impl Future<Output = Result<(), Error>> + 'static {
        let told = params.get().map(|params| {
            let flow = &self.0;
            // Once the body has a beginning, the headers are gone or on their way.
            if flow.written.get() == 0 && flow.channel.get().is_none() && flow.expected.get().is_none() {
                flow.expected.set(Some(params.get_size()));
                flow.decision.notify_one();
            }
        });
        std::future::ready(told)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let flow = &self.0;
        flow.lost.set(true);
        if !flow.done.get()
            && let Some((sender, _)) = flow.channel.get()
        {
            sender.abort();
        }
        flow.decision.notify_one();
    }
}
