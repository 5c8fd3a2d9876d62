//! Who may call the local API: a page of the shell origin itself, with the cookie and the secret of one login.

use http::header::{HeaderMap, HeaderName, ORIGIN};
use http::{Method, StatusCode};

use crate::cookies::{self, Found};
use crate::fetch::Site;
use crate::names::Names;
use crate::reply::Refusal;

use super::logins::{Logins, Proven};
use super::reach::WindowId;

/// Carries the per-login secret, which only the shell origin's own storage holds.
pub(crate) const SECRET_HEADER: HeaderName = HeaderName::from_static("x-granary-secret");

/// Whether `path` belongs to the local API. Routers match the path as it was sent, so an encoded one never gets there.
pub(crate) fn is_api(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

/// Writes come from the shell's own page: both headers are ones no page can set by itself.
pub(crate) fn refuse_foreign_write(headers: &HeaderMap, names: &Names) -> Result<(), Refusal> {
    if Site::of(headers) == Site::SameOrigin && only(headers, &ORIGIN) == Some(names.shell_origin().as_bytes()) {
        return Ok(());
    }
    Err(foreign(names))
}

/// Reads come from the shell's own page, or from a program that sends no such headers at all.
pub(crate) fn refuse_foreign_read(headers: &HeaderMap, names: &Names) -> Result<(), Refusal> {
    let site = matches!(Site::of(headers), Site::Absent | Site::SameOrigin);
    let origin = !headers.contains_key(ORIGIN) || only(headers, &ORIGIN) == Some(names.shell_origin().as_bytes());
    if site && origin { Ok(()) } else { Err(foreign(names)) }
}

/// The login that a request proves by its cookie and its secret together.
pub(super) fn prove(
    headers: &HeaderMap,
    names: &Names,
    logins: &Logins,
    window: Option<WindowId>,
) -> Result<Proven, Refusal> {
    let cookie = match cookies::find(headers, names.owner_cookie()) {
        Found::One(cookie) => cookie,
        Found::None => return Err(login_needed("cookie-missing", "This browser sent no login cookie.")),
        Found::Several => return Err(several_cookies(names)),
    };
    presented_secret(headers).and_then(|secret| logins.check(cookie, secret, window)).ok_or_else(|| {
        login_needed("login-needed", "This browser is not logged in to Granary, or its login has ended.")
    })
}

pub(super) fn presented_secret(headers: &HeaderMap) -> Option<&str> {
    only(headers, &SECRET_HEADER).and_then(|bytes| std::str::from_utf8(bytes).ok())
}

pub(super) fn is_write(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    values.next().is_none().then(|| first.as_bytes())
}

pub(super) fn login_needed(code: &'static str, message: &str) -> Refusal {
    Refusal {
        status: StatusCode::UNAUTHORIZED,
        code,
        title: "Log in".into(),
        message: message.into(),
        remedy: "Open Granary from its icon, or run `granary open` and follow the link.".into(),
    }
}

fn several_cookies(names: &Names) -> Refusal {
    Refusal {
        status: StatusCode::UNAUTHORIZED,
        code: "cookies-confused",
        title: "Granary's cookies were tampered with".into(),
        message: "A page set a second cookie with the name of Granary's own, so neither counts.".into(),
        remedy: format!("Open {}{} to clear the cookies.", names.shell_origin(), crate::recover::PATH),
    }
}

fn foreign(names: &Names) -> Refusal {
    Refusal {
        status: StatusCode::FORBIDDEN,
        code: "foreign-origin",
        title: "Refused".into(),
        message: "This request did not come from Granary's own page.".into(),
        remedy: format!("Use Granary at {}.", names.shell_origin()),
    }
}
