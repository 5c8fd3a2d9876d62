//! The few pages that the gateway shows by itself, each whole in one answer.

use http::header::CONTENT_SECURITY_POLICY;
use http::{Response, StatusCode};

use crate::body::Body;
use crate::names::Names;
use crate::policy;
use crate::reply;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1.5rem;\
    color-scheme:light dark}h1{font-size:1.4rem}button,a.button{font:inherit;padding:.5rem 1rem;border-radius:.4rem;\
    border:1px solid;background:none;color:inherit;text-decoration:none;cursor:pointer}";

/// Tells the shell that frames this page; the shell then opens the document anew. In a window of its own the page
/// shows its link instead.
const LOST_SCRIPT: &str = "if(window.top!==window){window.top.postMessage({granary:'session-lost'},\
    document.documentElement.dataset.shell)}";

/// A document's page whose session is over, or whose cookie the browser threw away.
pub(crate) fn session_lost(names: &Names, grain: Option<&str>) -> Response<Body> {
    let shell = names.shell_origin();
    let link = match grain {
        Some(grain) => format!("{shell}/grain/{}", percent_encoding::utf8_percent_encode(grain, LINK)),
        None => format!("{shell}/"),
    };
    let body = format!(
        "<h1>This page has to be opened again</h1><p>Its session is over, or the browser has put its cookie \
         away.</p><p><a class=\"button\" href=\"{}\" target=\"_top\">Open it again</a></p>",
        escape(&link)
    );
    page(names, StatusCode::FORBIDDEN, "Open again", &body, LOST_SCRIPT, true)
}

/// The browser sends more cookies than anything takes.
pub(crate) fn too_many_cookies(names: &Names, asked: bool) -> Response<Body> {
    let reason = if asked {
        "Pages of your documents can leave cookies that get in Granary's way. Clearing them does no harm to your \
         documents; some may ask you to choose settings again."
    } else {
        "Some document has left so many cookies in this browser that Granary cannot be used with them. Clearing them \
         does no harm to your documents; some may ask you to choose settings again."
    };
    let body = format!(
        "<h1>Clear Granary's cookies</h1><p>{reason}</p><form method=\"post\" action=\"{}\">\
         <button>Clear them and go on</button></form>",
        crate::recover::PATH
    );
    let status = if asked { StatusCode::OK } else { StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE };
    page(names, status, "Clear cookies", &body, "", false)
}

/// The same on a document's host, where the button itself may not stand.
pub(crate) fn too_many_cookies_of_session(names: &Names) -> Response<Body> {
    let body = format!(
        "<h1>Too many cookies</h1><p>Some document has left so many cookies in this browser that this one cannot be \
         shown.</p><p><a class=\"button\" href=\"{}{}\" target=\"_blank\" rel=\"noopener\">Clear them</a></p>",
        escape(names.shell_origin()),
        crate::recover::PATH
    );
    page(names, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "Too many cookies", &body, "", true)
}

fn page(names: &Names, status: StatusCode, title: &str, body: &str, script: &str, framed: bool) -> Response<Body> {
    let shell = escape(names.shell_origin());
    let html = format!(
        "<!doctype html><html lang=\"en\" data-shell=\"{shell}\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title} – Granary</title>\
         <style>{STYLE}</style><body>{body}<script>{script}</script></body></html>"
    );
    let mut response = reply::html(status, html);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy::page_csp(names, script, framed));
    response
}

const LINK: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
