//! Request bodies: collected within limits, or streamed into the app as fast as it takes them.

use std::cell::Cell;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use granary_wire::util_capnp::byte_stream;
use granary_wire::web_session_capnp::web_session::{self, response};
use http::header::CONTENT_ENCODING;
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use capnp::capability::{FromClientHook as _, Promise, Response};
use capnp::text;

use super::body::{Body, BoxError};
use super::exchange::{Failure, is_unimplemented, sent};
use super::page::Page;
use super::request::{Ask, Call, Collected, ContentMethod, field, fill_context, mime_type, path};
use super::target::{WebSettings, WebTarget};
use super::window::Window;

/// A request body that is to be streamed.
pub(super) type AnyBody = UnsyncBoxBody<Bytes, BoxError>;

/// Bodies of a known length below this go to the app in one piece.
pub(super) const STREAM_FROM: u64 = 64 * 1024;

/// The largest piece of an upload in one call.
const PIECE: usize = 128 * 1024;

/// How much of an unwanted body is read all the same, so that the client gets to see the response.
const DRAIN: u64 = 1024 * 1024;

/// Memory for collected bodies is reserved in steps of this many KiB.
const SHARE_STEP: usize = 256;

/// Reads a body to its end; refuses one beyond `limit`, and any but small ones when memory for them has run out.
pub(super) async fn collect<B>(body: B, limit: usize, settings: &WebSettings) -> Result<Collected, Page>
where
    B: http_body::Body<Data = Bytes>,
{
    let mut body = pin!(body);
    if body.size_hint().lower() > limit as u64 {
        drain(body, settings.linger).await;
        return Err(Page::too_large(limit));
    }
    let mut share = Share { budget: &settings.buffer_budget, permit: None, kib: 0 };
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    let mut length = 0;
    loop {
        let frame = match timeout(settings.body_idle, body.frame()).await {
            Err(_) => return Err(Page::body_timeout()),
            Ok(None) => break,
            Ok(Some(Err(_))) => return Err(Page::body_broken()),
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length > limit {
            drain(body, settings.linger).await;
            return Err(Page::too_large(limit));
        }
        share.cover(length)?;
        // One piece, the most frequent case, is passed on without a copy.
        if all.is_empty() && first.is_empty() {
            first = data;
        } else {
            if all.is_empty() {
                all.reserve(usize::try_from(body.size_hint().lower()).unwrap_or(0).min(limit) + length);
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(&data);
        }
    }
    Ok(Collected { bytes: if all.is_empty() { first } else { all.freeze() }, _share: share.permit })
}

struct Share<'a> {
    budget: &'a Arc<Semaphore>,
    permit: Option<tokio::sync::OwnedSemaphorePermit>,
    kib: usize,
}

impl Share<'_> {
    fn cover(&mut self, length: usize) -> Result<(), Page> {
        // Small bodies are bounded by the number of requests.
        if length as u64 <= STREAM_FROM {
            return Ok(());
        }
        while self.kib * 1024 < length {
            let step = u32::try_from(SHARE_STEP).unwrap_or(u32::MAX);
            let more = Arc::clone(self.budget).try_acquire_many_owned(step).map_err(|_| Page::overloaded())?;
            match &mut self.permit {
                Some(permit) => permit.merge(more),
                none => *none = Some(more),
            }
            self.kib += SHARE_STEP;
        }
        Ok(())
    }
}

/// Reads what is left of a body nobody wants, within bounds: a connection that is closed with unread data loses the
/// response on its way.
async fn drain<B: http_body::Body<Data = Bytes>>(mut body: Pin<&mut B>, linger: Duration) {
    let read = async {
        let mut left = DRAIN;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, Bytes::len) as u64;
            if length > left {
                return;
            }
            left -= length;
        }
    };
    let _ = timeout(linger, read).await;
}

/// What a streamed upload came to.
pub(super) struct Answer {
    pub(super) response: Response<response::Owned>,
    /// Set when the upload goes on behind the response: to be kept until the response is out.
    pub(super) upload: Option<Going>,
}

/// Tells the rest of an upload, when dropped, that the response is out.
pub(super) struct Going(#[allow(dead_code, reason = "only its drop matters")] tokio::sync::oneshot::Sender<()>);

impl Going {
    pub(super) fn attach(this: Option<Self>, response: http::Response<Body>) -> http::Response<Body> {
        match this {
            Some(going) => response.map(|body| body.with_guard(going)),
            None => response,
        }
    }
}

/// What came of offering the app a stream.
pub(super) enum Offer {
    Answered(Answer),
    /// The app knows no streams: this call instead, with the body collected.
    Collected(Call),
}

/// Makes a streaming call and feeds it. A failure that leaves the body untouched says so by `unsent`.
pub(super) async fn stream(
    target: &WebTarget,
    session: &web_session::Client,
    ask: &Ask,
    response_stream: byte_stream::Client,
) -> Result<Offer, Failure> {
    let Call::Streaming { put, size, body } = &ask.call else {
        return Err(Failure::Refused(Page::app_failed()));
    };
    let opened = open(session, ask, *put, response_stream).await;
    match opened {
        Err(Failure::App { error, .. }) if is_unimplemented(&error) => {
            let body = body.take().ok_or_else(|| Failure::Refused(Page::body_broken()))?;
            let collected = collect(body, target.settings.buffered_body, &target.settings).await;
            let method = if *put { ContentMethod::Put } else { ContentMethod::Post };
            Ok(Offer::Collected(Call::Content(method, collected.map_err(Failure::Refused)?)))
        }
        Err(failure) => Err(failure),
        Ok(opened) => {
            let body = body.take().ok_or_else(|| Failure::Refused(Page::body_broken()))?;
            feed(target, opened, body, *size).await.map(Offer::Answered)
        }
    }
}

async fn open(
    session: &web_session::Client,
    ask: &Ask,
    put: bool,
    response_stream: byte_stream::Client,
) -> Result<web_session::request_stream::Client, Failure> {
    macro_rules! open {
        ($method:ident) => {{
            let mut request = session.$method();
            {
                let mut params = request.get();
                params.set_path(path(&ask.parts.uri));
                params.set_mime_type(text::Reader(mime_type(&ask.parts.headers)));
                params.set_encoding(text::Reader(field(&ask.parts.headers, &CONTENT_ENCODING)));
                fill_context(params.init_context(), &ask.parts.headers, response_stream).map_err(Failure::Refused)?;
            }
            let response = sent(request.send().promise).await?;
            response.get().and_then(|results| results.get_stream())
        }};
    }
    let stream = if put { open!(put_streaming_request) } else { open!(post_streaming_request) };
    stream.map_err(|error| Failure::App { error, unsent: false })
}

async fn feed(
    target: &WebTarget,
    stream: web_session::request_stream::Client,
    body: AnyBody,
    size: Option<u64>,
) -> Result<Answer, Failure> {
    let settings = &target.settings;
    let app = |error| Failure::App { error, unsent: false };
    // Asked for first, so that an app may answer before it has got everything.
    let mut response: Promise<Response<response::Owned>, capnp::Error> = stream.get_response_request().send().promise;
    let progress = Rc::new(Cell::new(0_u64));
    let mut pump = Box::pin(pump(stream.cast_to(), body, size, settings.clone(), Rc::clone(&progress)));
    let early = tokio::select! {
        biased;
        response = &mut response => Some(response.map_err(app)?),
        pumped = &mut pump => match pumped {
            Ok(()) => None,
            Err(Stopped::Client) => return Err(Failure::Refused(Page::body_broken())),
            Err(Stopped::Idle) => return Err(Failure::Refused(Page::body_timeout())),
            // The app's answer, if there is one, says more than the failed write.
            Err(Stopped::App(error)) => match timeout(settings.linger, response).await {
                Ok(Ok(response)) => return Ok(Answer { response, upload: None }),
                _ => return Err(app(error)),
            },
        },
    };
    let Some(response) = early else {
        return Ok(Answer { response: response.await.map_err(app)?, upload: None });
    };
    let (going, out) = tokio::sync::oneshot::channel();
    let (linger, closed, busy) = (settings.linger, target.closed().clone(), target.busy());
    tokio::task::spawn_local(async move {
        let stalled = async {
            // An error means that the response is out: nothing is ever sent here.
            let _ = out.await;
            loop {
                let before = progress.get();
                tokio::time::sleep(linger).await;
                if progress.get() == before {
                    return;
                }
            }
        };
        tokio::select! {
            _ = pump => {}
            () = stalled => {}
            () = closed.cancelled() => {}
        }
        drop(busy);
    });
    Ok(Answer { response, upload: Some(Going(going)) })
}

enum Stopped {
    Client,
    Idle,
    App(capnp::Error),
}

/// Moves the body into the app's stream. Reads from the client only while there is room in the window.
async fn pump(
    stream: byte_stream::Client,
    mut body: AnyBody,
    size: Option<u64>,
    settings: WebSettings,
    progress: Rc<Cell<u64>>,
) -> Result<(), Stopped> {
    let result = write_all(&stream, &mut body, size, &settings, &progress).await;
    if let Err(Stopped::App(_)) = &result {
        drain(Pin::new(&mut body), settings.linger).await;
    }
    result
}

async fn write_all(
    stream: &byte_stream::Client,
    body: &mut AnyBody,
    size: Option<u64>,
    settings: &WebSettings,
    progress: &Cell<u64>,
) -> Result<(), Stopped> {
    let mut window = Window::new(settings.upload_window);
    let mut hint = size.map(|size| {
        let mut request = stream.expect_size_request();
        request.get().set_size(size);
        request.send().promise
    });
    loop {
        tokio::select! {
            biased;
            // A hint only: old apps may not know it, and nothing follows from its failing.
            _ = async { hint.as_mut().expect("checked").await }, if hint.is_some() => hint = None,
            returned = window.returned(), if !window.is_idle() => {
                returned.map_err(Stopped::App)?;
                progress.set(progress.get() + 1);
            }
            frame = timeout(settings.body_idle, body.frame()), if window.has_room() => match frame {
                Err(_) => return Err(Stopped::Idle),
                Ok(None) => break,
                Ok(Some(Err(_))) => return Err(Stopped::Client),
                Ok(Some(Ok(frame))) => {
                    let Ok(data) = frame.into_data() else { continue };
                    for piece in data.chunks(PIECE) {
                        let mut request = stream.write_request();
                        request.get().set_data(piece);
                        window.send(piece.len(), request);
                    }
                    progress.set(progress.get() + 1);
                }
            },
        }
    }
    window.drain().await.map_err(Stopped::App)?;
    stream.done_request().send().promise.await.map_err(Stopped::App)?;
    Ok(())
}
