//! The one response body type of the gateway, and the channel, bounded in bytes, that feeds it.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;

/// What a foreign body may fail with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a body ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The app stopped before it had written everything; the client has to see the response as cut off.
    #[error("the app stopped before it had sent the whole response; load the page again")]
    Truncated,
    /// A body made elsewhere failed.
    #[error("the response could not be read to its end: {0}")]
    Other(#[source] BoxError),
}

/// The body of every response of the gateway: nothing, one piece, a bounded channel, or any other body.
pub struct Body {
    inner: Inner,
    /// Dropped with the body, that is when the response was sent or the client went away.
    guard: Option<Box<dyn Send>>,
}

enum Inner {
    Empty,
    Full(Bytes),
    Channel(Receiver),
    Other(UnsyncBoxBody<Bytes, BoxError>),
}

impl Body {
    /// No bytes at all.
    pub const fn empty() -> Self {
        Self { inner: Inner::Empty, guard: None }
    }

    /// One piece, its length known.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { inner: if bytes.is_empty() { Inner::Empty } else { Inner::Full(bytes) }, guard: None }
    }

    /// Wraps a body of another kind (axum's, for example).
    pub fn new<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self { inner: Inner::Other(body.map_err(Into::into).boxed_unsync()), guard: None }
    }

    /// Keeps `guard` until the body was sent or given up.
    #[must_use]
    pub fn with_guard(mut self, guard: impl Send + 'static) -> Self {
        self.guard = Some(match self.guard.take() {
            Some(first) => Box::new((first, guard)),
            None => Box::new(guard),
        });
        self
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.inner {
            Inner::Empty => "Empty",
            Inner::Full(_) => "Full",
            Inner::Channel(_) => "Channel",
            Inner::Other(_) => "Other",
        };
        f.debug_struct("Body").field("kind", &kind).finish_non_exhaustive()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::full(bytes)
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::full(text)
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Self::full(text)
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.inner {
            Inner::Empty => Poll::Ready(None),
            Inner::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                self.inner = Inner::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Inner::Channel(receiver) => receiver.poll_recv(cx).map(|item| item.map(|data| data.map(Frame::data))),
            Inner::Other(body) => Pin::new(body).poll_frame(cx).map_err(BodyError::Other),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.inner {
            Inner::Empty => true,
            Inner::Full(_) => false,
            Inner::Channel(receiver) => receiver.is_end(),
            Inner::Other(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Inner::Empty => SizeHint::with_exact(0),
            Inner::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Inner::Channel(receiver) => receiver.remaining.map_or_else(SizeHint::default, SizeHint::with_exact),
            Inner::Other(body) => body.size_hint(),
        }
    }
}

/// Makes a channel whose sender waits while `limit` bytes or more are on the way.
pub fn channel(limit: usize) -> (Sender, Receiver) {
    let shared = Arc::new(Shared {
        limit,
        state: Mutex::new(State {
            queue: VecDeque::new(),
            bytes: 0,
            most_bytes: 0,
            end: None,
            receiver_gone: false,
            receiver: None,
            sender: None,
            watcher: None,
        }),
    });
    (Sender(Arc::clone(&shared)), Receiver { shared, remaining: None, flushed: false, finished: false })
}

struct Shared {
    limit: usize,
    state: Mutex<State>,
}

struct State {
    queue: VecDeque<Bytes>,
    bytes: usize,
    /// The most that ever waited here: what the tests hold against the limit.
    most_bytes: usize,
    end: Option<End>,
    receiver_gone: bool,
    receiver: Option<Waker>,
    sender: Option<Waker>,
    watcher: Option<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Complete,
    Truncated,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic cannot leave this state half changed, so a poisoned lock is still good.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The other end is gone: the client closed the connection, or nobody wants these bytes any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the receiving side has gone away")]
pub struct Closed;

/// The feeding end of a channel; dropping it without [`Sender::finish`] cuts the body off visibly.
pub struct Sender(Arc<Shared>);

impl Sender {
    /// Queues `data` at once; tells whether there is room for more.
    pub fn push(&self, data: Bytes) -> Result<bool, Closed> {
        let mut state = self.0.lock();
        if state.receiver_gone || state.end.is_some() {
            return Err(Closed);
        }
        if !data.is_empty() {
            state.bytes += data.len();
            state.most_bytes = state.most_bytes.max(state.bytes);
            state.queue.push_back(data);
        }
        let room = state.bytes < self.0.limit;
        let waker = state.receiver.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(room)
    }

    /// Waits until less than the limit is on the way. One waiter at a time.
    pub async fn room(&self) -> Result<(), Closed> {
        poll_fn(|cx| {
            let mut state = self.0.lock();
            if state.receiver_gone {
                Poll::Ready(Err(Closed))
            } else if state.bytes < self.0.limit {
                Poll::Ready(Ok(()))
            } else {
                state.sender = Some(cx.waker().clone());
                Poll::Pending
            }
        })
        .await
    }

    /// Queues `data` and returns when there is room for more.
    pub async fn send(&self, data: Bytes) -> Result<(), Closed> {
        if self.push(data)? { Ok(()) } else { self.room().await }
    }

    /// Returns when the receiver is gone: it has got everything, or wants no more. One waiter at a time.
    pub async fn closed(&self) {
        poll_fn(|cx| {
            let mut state = self.0.lock();
            if state.receiver_gone {
                Poll::Ready(())
            } else {
                state.watcher = Some(cx.waker().clone());
                Poll::Pending
            }
        })
        .await;
    }

    /// The bytes are complete.
    pub fn finish(&self) {
        self.end(End::Complete);
    }

    /// The bytes end here although more was to come.
    pub fn abort(&self) {
        self.end(End::Truncated);
    }

    /// The most bytes that ever waited in this channel at once.
    pub fn most_bytes(&self) -> usize {
        self.0.lock().most_bytes
    }

    fn end(&self, end: End) {
        let mut state = self.0.lock();
        state.end.get_or_insert(end);
        let waker = state.receiver.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.abort();
    }
}

/// The consuming end of a channel.
pub struct Receiver {
    shared: Arc<Shared>,
    /// Bytes still to come, when the sender has told the size.
    remaining: Option<u64>,
    flushed: bool,
    finished: bool,
}

impl Receiver {
    /// Tells how many bytes will come, so that the response gets a length.
    #[must_use]
    pub fn with_size(mut self, size: Option<u64>) -> Self {
        self.remaining = size;
        self
    }

    /// Makes an HTTP body of it.
    pub fn into_body(self) -> Body {
        Body { inner: Inner::Channel(self), guard: None }
    }

    /// The next piece; `None` after the last.
    pub async fn recv(&mut self) -> Option<Result<Bytes, BodyError>> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        if self.finished {
            return Poll::Ready(None);
        }
        let mut state = self.shared.lock();
        if let Some(data) = state.queue.pop_front() {
            let was_full = state.bytes >= self.shared.limit;
            state.bytes -= data.len();
            let waker = if was_full && state.bytes < self.shared.limit { state.sender.take() } else { None };
            drop(state);
            if let Some(waker) = waker {
                waker.wake();
            }
            if let Some(remaining) = &mut self.remaining {
                *remaining = remaining.saturating_sub(data.len() as u64);
            }
            return Poll::Ready(Some(Ok(data)));
        }
        match state.end {
            None => {
                state.receiver = Some(cx.waker().clone());
                Poll::Pending
            }
            Some(End::Truncated) if !self.flushed => {
                // hyper throws away what it has not sent yet when a body fails, and sends when a body has to wait.
                drop(state);
                self.flushed = true;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(end) => {
                drop(state);
                self.finished = true;
                Poll::Ready((end == End::Truncated).then_some(Err(BodyError::Truncated)))
            }
        }
    }

    fn is_end(&self) -> bool {
        if self.finished {
            return true;
        }
        let state = self.shared.lock();
        state.queue.is_empty() && state.end == Some(End::Complete)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.receiver_gone = true;
        state.queue.clear();
        state.bytes = 0;
        let wakers = [state.sender.take(), state.watcher.take()];
        drop(state);
        for waker in wakers.into_iter().flatten() {
            waker.wake();
        }
    }
}
