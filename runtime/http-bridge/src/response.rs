//! Turns an answer of the app into the result of a session's method.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use capnp::capability::Results;
use granary_wire::util_capnp::{byte_stream, handle};
use granary_wire::web_session_capnp::web_session::{options, response};
use tokio::task::JoinHandle;

use crate::app::{Error, Reply};
use crate::http::{Cookie, Disposition, ETag, Expires, Framing, ResponseHead, percent_decode};
use crate::log::log;

/// Bodies that cannot be streamed (errors, or no stream to write to) are held in memory up to this size.
const MAX_BUFFERED: usize = 16 << 20;
/// A body that promises to be this small is waited for a moment, so that it goes out in one message.
const SMALL_BODY: u64 = 64 << 10;
/// Servers often send the head and the body in two packets.
const SMALL_BODY_PATIENCE: Duration = Duration::from_millis(4);
const READ_SIZE: usize = 8 << 10;
/// One write on a response stream.
const STREAM_CHUNK: usize = 64 << 10;

pub(crate) type Answer = Results<response::Owned>;

/// What about a request matters for its response.
#[derive(Clone)]
pub(crate) struct Asked {
    /// Where a long body goes.
    pub(crate) stream: Option<byte_stream::Client>,
    /// The path, from which a download takes its name when the app gives none.
    pub(crate) path: String,
}

/// Reads the body, or begins to pass it on, and fills the result.
pub(crate) async fn answer(mut reply: Reply, asked: Asked, mut results: Answer) -> capnp::Result<()> {
    let success = matches!(reply.head.status, 200..=299);
    // Nearly always the whole body is already there.
    if let Some(body) = reply.complete_body()? {
        fill(results.get(), &reply.head, &asked.path, Body::Bytes(body))?;
        reply.skip_complete_body();
        reply.finish();
        return Ok(());
    }
    let mut body = Vec::new();
    let done = match (&asked.stream, success) {
        (Some(_), true) => {
            let small = match reply.head.framing(false) {
                Framing::Length(length) => length <= SMALL_BODY,
                _ => true,
            };
            small
                && tokio::time::timeout(SMALL_BODY_PATIENCE, reply.collect(&mut body, small_limit()))
                    .await
                    .unwrap_or(Ok(false))?
        }
        _ => {
            if !reply.collect(&mut body, MAX_BUFFERED).await? {
                let status = reply.head.status;
                let text = format!("the app's answer with status {status} is longer than {MAX_BUFFERED} bytes");
                log!("{text}");
                return Err(Error::Answer(text).into());
            }
            true
        }
    };
    match asked.stream {
        Some(stream) if !done => {
            stream_body(&mut results, reply, &asked.path, body, stream)?;
        }
        _ => {
            fill(results.get(), &reply.head, &asked.path, Body::Bytes(&body))?;
            reply.finish();
        }
    }
    Ok(())
}

fn small_limit() -> usize {
    usize::try_from(SMALL_BODY).unwrap_or(usize::MAX)
}

/// Fills the result for a body that goes to `stream`, and starts to send it there.
fn stream_body(
    results: &mut Answer,
    reply: Reply,
    path: &str,
    begun: Vec<u8>,
    stream: byte_stream::Client,
) -> capnp::Result<()> {
    let pump = Rc::new(Pump { task: Cell::new(None) });
    let handle: handle::Client = capnp_rpc::new_client_from_rc(Rc::clone(&pump));
    fill(results.get(), &reply.head, path, Body::Stream(handle))?;
    let task = tokio::task::spawn_local(async move {
        if let Err(error) = pump_body(reply, begun, stream).await {
            log!("A response stream ended early: {error}");
        }
    });
    pump.task.set(Some(task));
    Ok(())
}

/// Sends a body on; ends when the platform drops it.
struct Pump {
    task: Cell<Option<JoinHandle<()>>>,
}

impl Drop for Pump {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

impl handle::Server for Pump {
    async fn ping(self: Rc<Self>, _: handle::PingParams, _: handle::PingResults) -> capnp::Result<()> {
        Ok(())
    }
}

async fn pump_body(mut reply: Reply, begun: Vec<u8>, stream: byte_stream::Client) -> capnp::Result<()> {
    // Kept until the end: to drop the promise is to cancel the call.
    let expected = if let Framing::Length(length) = reply.head.framing(false) {
        let mut request = stream.expect_size_request();
        request.get().set_size(length);
        Some(request.send().promise)
    } else {
        None
    };
    write(&stream, &begun).await?;
    drop(begun);
    let mut gathered = Vec::new();
    loop {
        while !reply.decoder.is_done() && !reply.connection.unread().is_empty() {
            let (used, data) = reply.decoder.next(reply.connection.unread()).map_err(Error::from)?;
            if used == reply.connection.unread().len() && gathered.is_empty() {
                let sending = write(&stream, data);
                reply.connection.consume(used);
                sending.await?;
            } else {
                gathered.extend_from_slice(data);
                reply.connection.consume(used);
            }
        }
        if !gathered.is_empty() {
            write(&stream, &gathered).await?;
            gathered.clear();
        }
        if reply.decoder.is_done() {
            break;
        }
        if !reply.connection.receive(STREAM_CHUNK).await.map_err(Error::from)? {
            if reply.decoder.ends_with_connection() {
                break;
            }
            return Err(Error::CutOff.into());
        }
    }
    reply.finish();
    stream.done_request().send().promise.await?;
    drop(expected);
    Ok(())
}

/// Sends at once; the future waits until more may be sent.
fn write(stream: &byte_stream::Client, data: &[u8]) -> capnp::capability::Promise<(), capnp::Error> {
    if data.is_empty() {
        return capnp::capability::Promise::ok(());
    }
    let mut request = stream.write_request();
    request.get().set_data(data);
    request.send()
}

impl Reply {
    /// The body, if all of it is in the buffer in one piece.
    fn complete_body(&self) -> Result<Option<&[u8]>, Error> {
        let mut decoder = self.decoder.clone();
        if decoder.is_done() {
            return Ok(Some(&[]));
        }
        let unread = self.connection.unread();
        if unread.is_empty() {
            return Ok(None);
        }
        let (_, data) = decoder.next(unread)?;
        Ok(decoder.is_done().then_some(data))
    }

    /// Moves on behind the body that [`Reply::complete_body`] gave.
    fn skip_complete_body(&mut self) {
        if let Ok((used, _)) = self.decoder.next(self.connection.unread()) {
            self.connection.consume(used);
        }
    }

    /// Reads into `body` until it is complete (true) or longer than `limit` (false).
    async fn collect(&mut self, body: &mut Vec<u8>, limit: usize) -> Result<bool, Error> {
        loop {
            while !self.decoder.is_done() && !self.connection.unread().is_empty() {
                let (used, data) = self.decoder.next(self.connection.unread())?;
                body.extend_from_slice(data);
                self.connection.consume(used);
            }
            if self.decoder.is_done() {
                return Ok(true);
            }
            if body.len() > limit {
                return Ok(false);
            }
            if !self.connection.receive(READ_SIZE.max(body.len().min(STREAM_CHUNK))).await? {
                return if self.decoder.ends_with_connection() { Ok(true) } else { Err(Error::CutOff) };
            }
        }
    }
}

enum Body<'a> {
    Bytes(&'a [u8]),
    Stream(handle::Client),
}

fn fill(mut to: response::Builder<'_>, head: &ResponseHead, path: &str, body: Body<'_>) -> capnp::Result<()> {
    use granary_wire::web_session_capnp::web_session::response::{ClientErrorCode, SuccessCode};

    set_cookies(to.reborrow(), head);
    if !head.additional.is_empty() {
        let mut list = to.reborrow().init_additional_headers(length(head.additional.len()));
        for (i, (name, value)) in (0..).zip(&head.additional) {
            let mut header = list.reborrow().get(i);
            header.set_name(name);
            header.set_value(value);
        }
    }
    match head.status {
        200 => content(to, head, path, body, SuccessCode::Ok),
        201 => content(to, head, path, body, SuccessCode::Created),
        202 => content(to, head, path, body, SuccessCode::Accepted),
        206 => content(to, head, path, body, SuccessCode::PartialContent),
        207 => content(to, head, path, body, SuccessCode::MultiStatus),
        204 | 205 => {
            let mut none = to.init_no_content();
            none.set_should_reset_form(head.status == 205);
            if let Some(tag) = etag(head) {
                set_etag(none.init_e_tag(), &tag);
            }
        }
        304 | 412 => {
            let failed = to.init_precondition_failed();
            if let Some(tag) = etag(head) {
                set_etag(failed.init_matching_e_tag(), &tag);
            }
        }
        301 | 302 | 303 | 307 | 308 => {
            let Some(location) = &head.location else {
                return Err(refuse(format!("the app's answer with status {} has no Location", head.status)));
            };
            let mut redirect = to.init_redirect();
            redirect.set_is_permanent(matches!(head.status, 301 | 308));
            redirect.set_switch_to_get(matches!(head.status, 301..=303));
            redirect.set_location(location);
        }
        400..=499 => {
            let mut error = to.init_client_error();
            error.set_status_code(match head.status {
                403 => ClientErrorCode::Forbidden,
                404 => ClientErrorCode::NotFound,
                405 => ClientErrorCode::MethodNotAllowed,
                406 => ClientErrorCode::NotAcceptable,
                409 => ClientErrorCode::Conflict,
                410 => ClientErrorCode::Gone,
                413 => ClientErrorCode::RequestEntityTooLarge,
                414 => ClientErrorCode::RequestUriTooLong,
                415 => ClientErrorCode::UnsupportedMediaType,
                418 => ClientErrorCode::ImATeapot,
                422 => ClientErrorCode::UnprocessableEntity,
                _ => ClientErrorCode::BadRequest,
            });
            match error_body(head, &body) {
                ErrorBody::Html(html) => error.set_description_html(html),
                ErrorBody::Other(data) => set_error_body(error.init_non_html_body(), head, data),
            }
        }
        500..=599 => {
            let mut error = to.init_server_error();
            match error_body(head, &body) {
                ErrorBody::Html(html) => error.set_description_html(html),
                ErrorBody::Other(data) => set_error_body(error.init_non_html_body(), head, data),
            }
        }
        status => return Err(refuse(format!("the app answered with status {status}, which sessions do not know"))),
    }
    Ok(())
}

fn refuse(text: String) -> capnp::Error {
    log!("{text}");
    Error::Answer(text).into()
}

/// List lengths here are bounded by the size of a head.
fn length(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn content(to: response::Builder<'_>, head: &ResponseHead, path: &str, body: Body<'_>, status: response::SuccessCode) {
    let mut content = to.init_content();
    content.set_status_code(status);
    if let Some(encoding) = &head.content_encoding {
        content.set_encoding(encoding);
    }
    if let Some(language) = &head.content_language {
        content.set_language(language);
    }
    if let Some(mime_type) = &head.content_type {
        content.set_mime_type(mime_type);
    }
    if let Some(tag) = etag(head) {
        set_etag(content.reborrow().init_e_tag(), &tag);
    }
    if let Some(Disposition::Download(name)) = head.content_disposition.as_deref().map(Disposition::parse) {
        // Without a name the call could only say "show it", which is what the app did not want.
        let name = name.map_or_else(|| name_from_path(path), std::borrow::Cow::into_owned);
        content.reborrow().init_disposition().set_download(&name);
    }
    let mut to = content.init_body();
    match body {
        Body::Bytes(bytes) => to.set_bytes(bytes),
        Body::Stream(handle) => to.set_stream(handle),
    }
}

/// What a browser would call a download from this path.
fn name_from_path(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let name = String::from_utf8_lossy(&percent_decode(last)).into_owned();
    if name.is_empty() { "download".to_owned() } else { name }
}

fn etag(head: &ResponseHead) -> Option<ETag<'_>> {
    let header = head.etag.as_deref()?;
    let tag = ETag::parse(header);
    if tag.is_none() {
        log!("The app's ETag is left out because it is not in quotes: {header}");
    }
    tag
}

fn set_etag(mut to: granary_wire::web_session_capnp::web_session::e_tag::Builder<'_>, tag: &ETag<'_>) {
    to.set_value(tag.value);
    to.set_weak(tag.weak);
}

enum ErrorBody<'a> {
    Html(capnp::text::Reader<'a>),
    Other(&'a [u8]),
}

/// HTML goes where every gateway knows it. Anything else keeps its type: shown as HTML, an error message that repeats
/// what a visitor sent would be a way to run scripts.
fn error_body<'a>(head: &ResponseHead, body: &Body<'a>) -> ErrorBody<'a> {
    let Body::Bytes(data) = *body else { return ErrorBody::Other(&[]) };
    let html = head.content_type.as_deref().is_none_or(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("text/html")
    });
    match std::str::from_utf8(data) {
        Ok(text) if html && head.content_encoding.is_none() => ErrorBody::Html(text.into()),
        _ if data.is_empty() => ErrorBody::Html("".into()),
        _ => ErrorBody::Other(data),
    }
}

fn set_error_body(mut to: response::error_body::Builder<'_>, head: &ResponseHead, data: &[u8]) {
    to.set_data(data);
    if let Some(encoding) = &head.content_encoding {
        to.set_encoding(encoding);
    }
    if let Some(language) = &head.content_language {
        to.set_language(language);
    }
    to.set_mime_type(head.content_type.as_deref().unwrap_or("text/html"));
}

fn set_cookies(to: response::Builder<'_>, head: &ResponseHead) {
    let cookies = head.set_cookies.iter().filter_map(|header| {
        let cookie = Cookie::parse(header);
        if cookie.is_none() {
            log!("A cookie of the app is left out because it has no name.");
        }
        cookie
    });
    let cookies = cookies.collect::<Vec<_>>();
    if cookies.is_empty() {
        return;
    }
    let mut list = to.init_set_cookies(length(cookies.len()));
    for (i, cookie) in (0..).zip(&cookies) {
        let mut to = list.reborrow().get(i);
        to.set_name(cookie.name);
        to.set_value(cookie.value);
        to.set_http_only(cookie.http_only);
        if let Some(path) = cookie.path {
            to.set_path(path);
        }
        match cookie.expires {
            Expires::Never => to.get_expires().set_none(()),
            Expires::At(seconds) => to.get_expires().set_absolute(seconds),
            Expires::In(seconds) => to.get_expires().set_relative(seconds),
        }
    }
}

/// The result of an OPTIONS request: the classes and extensions of the DAV header, whatever the status.
pub(crate) async fn answer_options(mut reply: Reply, mut results: Results<options::Owned>) -> capnp::Result<()> {
    let mut body = Vec::new();
    if reply.collect(&mut body, MAX_BUFFERED).await? {
        let mut to = results.get();
        let mut extensions = Vec::new();
        for word in &reply.head.dav {
            match word.as_str() {
                "1" => to.set_dav_class1(true),
                "2" => to.set_dav_class2(true),
                "3" => to.set_dav_class3(true),
                other => extensions.push(other),
            }
        }
        let mut list = to.init_dav_extensions(length(extensions.len()));
        for (i, extension) in (0..).zip(extensions) {
            list.set(i, extension);
        }
        reply.finish();
        Ok(())
    } else {
        Err(refuse(format!("the app's answer to OPTIONS is longer than {MAX_BUFFERED} bytes")))
    }
}
