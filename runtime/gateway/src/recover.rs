//! The way back for a browser that some page has stuffed with cookies: one click clears those of the whole site.

use http::header::{HeaderMap, HeaderValue, LOCATION, ORIGIN, SET_COOKIE};
use http::{Method, Request, Response, StatusCode};

use crate::body::Body;
use crate::cookies;
use crate::fetch::Site;
use crate::names::{COOKIE_PREFIX, Names, SITE};
use crate::pages;
use crate::policy;
use crate::reply;

/// Where the page and its form are. On the shell origin only: a grain could press the button on its own.
pub(crate) const PATH: &str = "/_granary-recover";

/// Cookie bytes that a request may carry; a browser could send about 700 KiB.
pub(crate) const MAX_COOKIES: usize = 32 * 1024;

/// Bytes of Set-Cookie headers in one answer; browsers refuse answers with much longer heads.
const MAX_FORGETTING: usize = 48 * 1024;

/// Answers `PATH` on the shell origin.
pub(crate) fn answer<B>(names: &Names, request: &Request<B>) -> Response<Body> {
    match *request.method() {
        Method::GET | Method::HEAD => pages::too_many_cookies(names, true),
        Method::POST if is_own_form(request.headers(), names.shell_origin()) => clear(request.headers()),
        Method::POST => reply::text(StatusCode::FORBIDDEN, "Only the button on this page clears cookies."),
        _ => reply::text(StatusCode::METHOD_NOT_ALLOWED, "This address takes GET and POST."),
    }
}

fn is_own_form(headers: &HeaderMap, origin: &str) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    Site::of(headers) == Site::SameOrigin
        && origins.next().is_some_and(|value| value.as_bytes() == origin.as_bytes())
        && origins.next().is_none()
}

/// The browser is told twice: to clear the site's cookies, and to forget each one it sent. The logins of the instances
/// in this browser mend themselves: their pages hold the secret that gives the cookie back.
fn clear(sent: &HeaderMap) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(LOCATION, HeaderValue::from_static("/"));
    policy::clear_cookies(headers);
    let mut total = 0;
    for name in cookies::names(sent) {
        if name.starts_with(COOKIE_PREFIX) || name.len() > 256 {
            continue;
        }
        for domain in ["", "; Domain="] {
            let site = if domain.is_empty() { "" } else { SITE };
            let line = format!("{name}=; Path=/; Secure; Max-Age=0{domain}{site}");
            total += line.len();
            if total > MAX_FORGETTING {
                return response;
            }
            if let Ok(value) = HeaderValue::try_from(line) {
                headers.append(SET_COOKIE, value);
            }
        }
    }
    response
}
