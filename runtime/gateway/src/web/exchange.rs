//! One request and its response: reading the request, calling the app, asking again after a grain has gone away.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;
use capnp::ErrorKind;
use capnp::capability::{Promise, Response as CallResponse};
use granary_wire::web_session_capnp::web_session::{self, response};
use http::request::Parts;
use http::{Request, Response};
use http_body_util::BodyExt as _;

use super::body::{Body, BoxError};
use super::dav::{self, Transfer};
use super::page::Page;
use super::request::{Ask, Call, Collected, ContentMethod, Sent};
use super::response::{Asked, Translated, plain_options, translate, translate_options};
use super::stream::Flow;
use super::target::WebTarget;
use super::upload::{self, Going, Offer};

/// Why there is no response of the app's.
pub(super) enum Failure {
    /// Granary itself answers.
    Refused(Page),
    App {
        error: capnp::Error,
        /// The call failed at once: the connection was known to be gone, and nothing was sent.
        unsent: bool,
    },
}

/// Answers any request but the opening of a WebSocket.
pub(super) async fn exchange<B>(target: &Arc<WebTarget>, request: Request<B>) -> Response<Body>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let (parts, body) = request.into_parts();
    let call = match read_call(target, &parts, body).await {
        Ok(call) => call,
        Err(page) => return page.into_response(),
    };
    let ask = Ask { parts, call };
    let on_vat = Arc::clone(target);
    match target.vat.call(move || run(on_vat, ask)).await {
        Ok(response) => response,
        Err(gone) => {
            tracing::debug!(%gone, "a request got no answer");
            match gone {
                granary_wire::vat::Gone::Stopped => Page::shutting_down().into_response(),
                _ => Page::app_failed().into_response(),
            }
        }
    }
}

/// Reads method, body and what belongs to the method. The body stays unread where it is to be streamed or ignored.
async fn read_call<B>(target: &WebTarget, parts: &Parts, body: B) -> Result<Call, Page>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let settings = &target.settings;
    let headers = &parts.headers;
    Ok(match parts.method.as_str() {
        "GET" => Call::Get { ignore_body: false },
        "HEAD" => Call::Get { ignore_body: true },
        "DELETE" => Call::Delete,
        "OPTIONS" => Call::Options,
        method @ ("POST" | "PUT") => {
            let put = method == "PUT";
            let size = body.size_hint().exact();
            if size.is_some_and(|size| size < upload::STREAM_FROM) {
                let collected = upload::collect(body, settings.buffered_body, settings).await?;
                Call::Content(if put { ContentMethod::Put } else { ContentMethod::Post }, collected)
            } else {
                let body = body.map_err(Into::into).boxed_unsync();
                Call::Streaming { put, size, body: RefCell::new(Some(body)) }
            }
        }
        method @ ("PATCH" | "REPORT" | "MKCOL") => {
            let collected = upload::collect(body, settings.buffered_body, settings).await?;
            let method = match method {
                "PATCH" => ContentMethod::Patch,
                "REPORT" => ContentMethod::Report,
                _ => ContentMethod::Mkcol,
            };
            Call::Content(method, collected)
        }
        method @ ("PROPFIND" | "PROPPATCH" | "ACL" | "LOCK") => {
            dav::check_xml_type(headers)?;
            let Collected { bytes, .. } = upload::collect(body, settings.xml_body, settings).await?;
            let xml = dav::decode_xml(headers, bytes, settings.xml_body)?;
            match method {
                "PROPFIND" => Call::Propfind { xml, depth: dav::depth(headers) },
                "PROPPATCH" => Call::Proppatch { xml },
                "ACL" => Call::Acl { xml },
                _ => Call::Lock { xml, shallow: dav::is_shallow(headers) },
            }
        }
        "UNLOCK" => Call::Unlock { token: dav::lock_token(headers)? },
        "COPY" => Call::Copy(Transfer::read(headers, target.authority())?),
        "MOVE" => Call::Move(Transfer::read(headers, target.authority())?),
        _ => return Err(Page::not_implemented()),
    })
}

/// Asks the app; on the vat. A grain that has gone away is asked once more where that does no harm.
async fn run(target: Arc<WebTarget>, mut ask: Ask) -> Response<Body> {
    let _busy = target.busy();
    let mut asked_again = false;
    loop {
        let session = match target.session(&ask.parts.headers).await {
            Ok(session) => session,
            Err(page) => return page.into_response(),
        };
        match attempt(&target, &session.client, &ask).await {
            Ok(Attempt::Answered(response)) => return response,
            Ok(Attempt::Collected(call)) => ask.call = call,
            Err(Failure::Refused(page)) => return page.into_response(),
            Err(Failure::App { error, unsent }) => {
                if error.kind == ErrorKind::Disconnected {
                    target.forget(session.generation);
                    if !asked_again && (unsent || ask.is_safe()) {
                        asked_again = true;
                        continue;
                    }
                }
                return page_for(&error).into_response();
            }
        }
    }
}

enum Attempt {
    Answered(Response<Body>),
    Collected(Call),
}

async fn attempt(target: &Arc<WebTarget>, session: &web_session::Client, ask: &Ask) -> Result<Attempt, Failure> {
    let (flow, stream) = Flow::create(target.settings.response_window);
    let (response, upload) = if matches!(ask.call, Call::Streaming { .. }) {
        match upload::stream(target, session, ask, stream).await? {
            Offer::Answered(answer) => (answer.response, answer.upload),
            Offer::Collected(call) => return Ok(Attempt::Collected(call)),
        }
    } else {
        match ask.send(session, stream).map_err(Failure::Refused)? {
            Sent::Response(promise) => (sent(promise).await?, None),
            Sent::Options(promise) => {
                let answered = match sent(promise).await {
                    Ok(options) => options.get().and_then(translate_options).map_err(malformed)?,
                    Err(Failure::App { error, .. }) if is_unimplemented(&error) => plain_options(),
                    Err(failure) => return Err(failure),
                };
                return Ok(Attempt::Answered(answered));
            }
        }
    };
    let asked = Asked::new(&ask.parts.headers, target.is_secure());
    let translated = read(response, asked)?;
    let response = match translated {
        Translated::Whole(response) => {
            flow.refuse();
            response
        }
        Translated::Stream(head, app) => flow.into_response(target, head, app, ask.is_head()).await,
    };
    Ok(Attempt::Answered(Going::attach(upload, response)))
}

/// Translates the response and frees the message.
#[allow(clippy::needless_pass_by_value, reason = "the message is to be freed here")]
fn read(response: CallResponse<response::Owned>, asked: Asked) -> Result<Translated, Failure> {
    response.get().and_then(|response| translate(response, asked)).map_err(malformed)
}

fn malformed(error: capnp::Error) -> Failure {
    tracing::debug!(%error, "an app's response could not be read");
    drop(error);
    Failure::Refused(Page::bad_response())
}

/// Waits for a call, and tells whether it failed before anything was sent.
pub(super) async fn sent<T>(mut promise: Promise<T, capnp::Error>) -> Result<T, Failure> {
    match futures::poll!(&mut promise) {
        std::task::Poll::Ready(result) => result.map_err(|error| Failure::App { error, unsent: true }),
        std::task::Poll::Pending => promise.await.map_err(|error| Failure::App { error, unsent: false }),
    }
}

/// Whether the app does not know a call. Bridges of old packages say so in a text.
pub(super) fn is_unimplemented(error: &capnp::Error) -> bool {
    match error.kind {
        ErrorKind::Unimplemented => true,
        ErrorKind::Failed => error.extra.to_ascii_lowercase().contains("not implemented"),
        _ => false,
    }
}

/// The page for an app's failure. Its text goes to the log only: it may hold what is not for this reader.
pub(super) fn page_for(error: &capnp::Error) -> Page {
    tracing::debug!(%error, "an app failed to answer");
    if is_unimplemented(error) {
        return Page::not_implemented();
    }
    match error.kind {
        ErrorKind::Disconnected => Page::disconnected(),
        ErrorKind::Overloaded => Page::overloaded(),
        _ => Page::app_failed(),
    }
}
