//! A request on a session's host: the way in, the checks of origin and cookie, then the app's answer.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::{HeaderMap, HeaderValue, LOCATION, ORIGIN, SET_COOKIE};
use http::{Method, Request, Response, StatusCode};
use http_body::{Frame, SizeHint};
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::body::{Body, BodyError};
use crate::cookies::{self, Found};
use crate::fetch::{self, Site};
use crate::owner::is_local_path;
use crate::pages;
use crate::policy::{self, Policy};
use crate::recover;
use crate::reply;

use super::sessions::{INIT, SESSION_LIFE, Session, Sessions, Worth};

/// What answers the requests of one session.
pub(crate) trait Answer: Send + Sync {
    fn answer(&self, request: Request<axum::body::Body>) -> BoxFuture<'static, Response<Body>>;
    /// Nobody asked for a while: let go what can be had again.
    fn rest(&self);
    /// The session is over.
    fn end(&self);
}

/// Answers a request on the host of `label`.
pub(crate) async fn handle(sessions: &Sessions, label: &str, mut request: Request<axum::body::Body>) -> Response<Body> {
    let names = sessions.names();
    let Some(session) = sessions.get(label) else {
        return lost(sessions, None, request.headers());
    };
    if cookies::size(request.headers()) > recover::MAX_COOKIES {
        return own(pages::too_many_cookies_of_session(names));
    }
    if let Err(reason) = check_source(&request, &session) {
        return own(reply::text(StatusCode::FORBIDDEN, reason));
    }
    let cookie = cookies::find(request.headers(), names.session_cookie());
    if request.uri().path() == INIT {
        return own(enter(sessions, &session, &request, cookie));
    }
    let worth = match cookie {
        Found::One(cookie) => sessions.worth(&session, cookie),
        Found::None => Worth::Nothing,
        // A new session would not help: its cookie would be doubled too.
        Found::Several => return own(pages::too_many_cookies_of_session(names)),
    };
    let Worth::Valid { renew } = worth else {
        return lost(sessions, Some(&session), request.headers());
    };
    let renewal = renew.then(|| match cookie {
        Found::One(cookie) => cookies::set(names.session_cookie(), cookie, SESSION_LIFE),
        _ => cookies::forget(names.session_cookie()),
    });

    policy::clean_request(request.headers_mut());
    let mut response = tokio::select! {
        biased;
        () = session.ended.cancelled() => return lost(sessions, None, request_less()),
        response = session.answer.answer(request) => response,
    };
    Policy::grain(&mut response, &session.csp);
    if let Some(renewal) = renewal {
        response.headers_mut().append(SET_COOKIE, renewal);
    }
    if response.status() == StatusCode::SWITCHING_PROTOCOLS || http_body::Body::is_end_stream(response.body()) {
        return response;
    }
    let ended = Box::pin(session.ended.clone().cancelled_owned());
    response.map(|body| Body::new(UntilEnd { body, ended }))
}

/// The request went with the app's answer; a page asked for it or not, the text does.
fn request_less() -> &'static HeaderMap {
    static NONE: std::sync::LazyLock<HeaderMap> = std::sync::LazyLock::new(HeaderMap::new);
    &NONE
}

fn own(mut response: Response<Body>) -> Response<Body> {
    Policy::own(&mut response);
    response
}

/// Refuses what another page sends. A page's own requests carry its own origin or none; the shell may load a page of
/// the session into a frame or a window, and so may a link.
fn check_source<B>(request: &Request<B>, session: &Session) -> Result<(), &'static str> {
    let headers = request.headers();
    let site = Site::of(headers);
    let mut origins = headers.get_all(ORIGIN).iter();
    match (origins.next().map(HeaderValue::as_bytes), origins.next()) {
        (_, Some(_)) => return Err("This request names two origins."),
        (Some(origin), None) if origin == session.origin.as_bytes() => return Ok(()),
        (Some(b"null"), None) if site == Site::SameOrigin => return Ok(()),
        (Some(_), None) => return Err("This request comes from another page, which may not ask here."),
        (None, None) => {}
    }
    match site {
        Site::Absent | Site::SameOrigin | Site::None => Ok(()),
        Site::Sibling | Site::Foreign
            if matches!(*request.method(), Method::GET | Method::HEAD) && fetch::is_navigation(headers) =>
        {
            Ok(())
        }
        Site::Sibling | Site::Foreign => Err("This request comes from another page, which may not ask here."),
    }
}

/// `/_granary-init?code=…&path=…`: a good code gives the cookie; a used one goes on if the cookie is there, so that
/// Back and reload work.
fn enter<B>(sessions: &Sessions, session: &Session, request: &Request<B>, cookie: Found<'_>) -> Response<Body> {
    if *request.method() != Method::GET {
        return reply::text(StatusCode::METHOD_NOT_ALLOWED, "This address takes GET only.");
    }
    let Some(asked) = InitQuery::parse(request.uri().query().unwrap_or_default()) else {
        return reply::text(StatusCode::BAD_REQUEST, "This address is not complete; open the document again.");
    };
    let made = sessions.redeem(session, &asked.code);
    if made.is_none() {
        let valid = match cookie {
            Found::One(cookie) => sessions.worth(session, cookie) != Worth::Nothing,
            Found::None | Found::Several => false,
        };
        if !valid {
            return lost(sessions, Some(session), request.headers());
        }
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(LOCATION, HeaderValue::try_from(asked.path).unwrap_or(HeaderValue::from_static("/")));
    headers.insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(made) = made {
        let cookie = cookies::set(sessions.names().session_cookie(), made.expose(), SESSION_LIFE);
        headers.append(SET_COOKIE, cookie);
    }
    response
}

pub(crate) struct InitQuery {
    pub(crate) code: String,
    pub(crate) path: String,
}

impl InitQuery {
    pub(crate) fn parse(query: &str) -> Option<Self> {
        let (mut code, mut path) = (None, None);
        for parameter in query.split('&') {
            let (name, value) = parameter.split_once('=')?;
            let value = percent_encoding::percent_decode_str(value).decode_utf8().ok()?.into_owned();
            let slot = match name {
                "code" => &mut code,
                "path" => &mut path,
                _ => return None,
            };
            if slot.replace(value).is_some() {
                return None;
            }
        }
        let path = path.unwrap_or_else(|| "/".into());
        is_local_path(&path).then_some(Self { code: code?, path })
    }
}

/// The session is over, or the browser has lost its cookie. A page says so to the shell, which opens a new session.
fn lost(sessions: &Sessions, session: Option<&Session>, headers: &HeaderMap) -> Response<Body> {
    if let Some(session) = session
        && Site::of(headers) == Site::SameOrigin
    {
        sessions.lost(session);
    }
    if fetch::is_navigation(headers) {
        return own(pages::session_lost(sessions.names(), session.map(|session| session.grain.as_str())));
    }
    let text = "The session of this page is over, or the browser has put its cookie away; open the document again.";
    own(reply::text(StatusCode::FORBIDDEN, text))
}

/// A body that breaks off when its session ends.
struct UntilEnd {
    body: Body,
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
}

#[derive(Debug, thiserror::Error)]
#[error("the session ended while its answer was being sent")]
struct SessionEnded;

impl http_body::Body for UntilEnd {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.ended.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(BodyError::Other(Box::new(SessionEnded)))));
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_init_query_is_taken_exactly() {
        let cases = [
            ("code=a&path=/", Some(("a", "/"))),
            ("path=/x%3Fy%3D1%26z&code=a", Some(("a", "/x?y=1&z"))),
            ("code=a", Some(("a", "/"))),
            ("code=a&path=", None),
            ("code=a&path=//evil.example", None),
            ("code=a&path=/%5Cevil.example", None),
            ("code=a&path=/%0d%0aSet-Cookie:x", None),
            ("code=a&path=https://evil.example", None),
            ("code=a&code=b&path=/", None),
            ("code=a&path=/&more=1", None),
            ("path=/", None),
            ("", None),
        ];
        for (query, expected) in cases {
            let parsed = InitQuery::parse(query);
            let parsed = parsed.as_ref().map(|q| (q.code.as_str(), q.path.as_str()));
            assert_eq!(parsed, expected, "{query}");
        }
    }
}
